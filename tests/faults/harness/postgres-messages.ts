// Just enough of Postgres's protocol (version 3.0, chapter "Frontend/Backend Protocol" of its manual) to know which
// statement a client sends and when its answer is complete.

export interface Message {
  /** The byte that names it; empty for the first message of a client, which has none. */
  type: string;
  /** With its type and length, as it came. */
  bytes: Buffer;
}

/** @returns what takes the bytes of one direction, in whatever pieces they come, and gives back the whole messages */
export function createMessageReader(options: { beginsWithoutType: boolean }): (chunk: Buffer) => Message[] {
  let pending: Buffer = Buffer.alloc(0);
  let typeBytes = options.beginsWithoutType ? 0 : 1;
  return (chunk) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    const messages: Message[] = [];
    while (pending.length >= typeBytes + 4) {
      const length = typeBytes + pending.readInt32BE(typeBytes);
      if (pending.length < length) break;
      messages.push({ type: pending.toString('latin1', 0, typeBytes), bytes: pending.subarray(0, length) });
      pending = pending.subarray(length);
      typeBytes = 1;
    }
    return messages;
  };
}

/** The text of a statement in a Parse or a Query message; undefined for all others. */
export function statementIn({ type, bytes }: Message): string | undefined {
  if (type === 'Q') return bytes.toString('utf8', 5, bytes.length - 1);
  if (type !== 'P') return undefined;
  const nameEnd = bytes.indexOf(0, 5);
  return bytes.toString('utf8', nameEnd + 1, bytes.indexOf(0, nameEnd + 1));
}

/** The columns of a DataRow message, as text; undefined for all others. */
export function rowIn({ type, bytes }: Message): (string | null)[] | undefined {
  if (type !== 'D') return undefined;
  const columns: (string | null)[] = [];
  let at = 7;
  for (let left = bytes.readInt16BE(5); left > 0; left--) {
    const length = bytes.readInt32BE(at);
    at += 4;
    columns.push(length < 0 ? null : bytes.toString('utf8', at, at + length));
    at += Math.max(0, length);
  }
  return columns;
}
