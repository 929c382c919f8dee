// Which messages belong to cancelled requests: for when the mail server or SMS gateway is down, for these end without it.
import type { Ledger } from './ledger.ts';
import type { Message } from './messages.ts';

export async function listCancelled(
  ledger: Pick<Ledger, 'readHolds'>,
  messages: readonly Message[],
): Promise<Message[]> {
  const holds = await ledger.readHolds([...new Set(messages.map(({ event }) => event.request_id))]);
  return messages.filter(({ event }) => holds.get(event.request_id) === 'cancelled');
}
