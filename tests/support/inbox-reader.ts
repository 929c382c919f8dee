// Looks into the mail inbox of the launcher (maildev) and into the SMS inbox of the user-mock.
import { eventually } from './eventually.ts';

export interface InboxMail {
  /** Of the inbox, not of the mail. */
  id: string;
  to: string;
  from: { address: string; name: string };
  subject: string;
  html: string;
  text: string;
  /** In its angle brackets. */
  messageId: string;
}

export interface InboxSms {
  to: string;
  text: string;
  idempotency_key: string;
}

/** As maildev's REST API gives it: some of it depends on the mail. */
interface RawMail {
  id: string;
  envelope: { to: { address: string }[] };
  from: { address: string; name: string }[];
  subject?: string;
  html?: string | false;
  text?: string;
  headers: Record<string, string | undefined>;
}

export type MailInbox = ReturnType<typeof createMailInbox>;

export function createMailInbox(inboxUrl: string) {
  const list = async (): Promise<InboxMail[]> => {
    const response = await fetch(`${inboxUrl}/api/email`, { signal: AbortSignal.timeout(10_000) });
    return ((await response.json()) as RawMail[]).map(toMail);
  };
  const listTo = async (address: string) => (await list()).filter((mail) => mail.to === address);
  return {
    list,
    listTo,
    /** The mail byte for byte as it came. */
    async readSource({ id }: InboxMail): Promise<string> {
      const response = await fetch(`${inboxUrl}/api/email/${id}/source`, { signal: AbortSignal.timeout(10_000) });
      if (!response.ok) throw new Error(`the inbox answered ${response.status} for the source of ${id}`);
      return response.text();
    },
    /** Waits for the first mail to this address that fits. */
    async untilMail(address: string, fits: (mail: InboxMail) => boolean = () => true, timeoutMs = 60_000) {
      let found: InboxMail | undefined;
      await eventually(
        async () => {
          found = (await listTo(address)).find(fits);
          return found !== undefined;
        },
        `a mail to ${address} is in the inbox`,
        timeoutMs,
      );
      if (!found) throw new Error(`no mail to ${address}`);
      return found;
    },
  };
}

function toMail(raw: RawMail): InboxMail {
  const [from = { address: '', name: '' }] = raw.from;
  return {
    id: raw.id,
    to: raw.envelope.to.map(({ address }) => address).join(','),
    from,
    subject: raw.subject ?? '',
    html: raw.html || '',
    text: raw.text ?? '',
    messageId: raw.headers['message-id'] ?? '',
  };
}

export async function listSms(userMockUrl: string, to?: string): Promise<InboxSms[]> {
  const query = new URLSearchParams({ limit: '10000', ...(to === undefined ? {} : { to }) });
  const response = await fetch(`${userMockUrl}/sms/messages?${query}`, { signal: AbortSignal.timeout(10_000) });
  return ((await response.json()) as { messages: InboxSms[] }).messages;
}
