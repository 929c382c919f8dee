// E-mail by SMTP: one recipient per transaction, finished MIME, an envelope of its own.

import { type Mail, toMime } from '../../../content/mime.ts';
import { toUnsubscribeHeaders } from '../../../content/unsubscribe.ts';
import { describeError, PermanentError } from '../../../lib/errors.ts';
import type { NotificationRendered } from '../../../lib/events.ts';
import { type Judgement, judgeSmtp, toDetail } from '../dispatch.ts';
import type { Breaker } from './breaker.ts';
import type { SmtpPool } from './smtp-pool.ts';
import type { Transport } from './transport.ts';

export interface Sender {
  /** The whole From, such as `Posthorn <no-reply@example.com>`. */
  mailFrom: string;
  /** Its address alone: the envelope's sender. */
  envelopeFrom: string;
  /** Of Message-IDs: `<notification id@domain>`, the same for every try. */
  mailDomain: string;
}

export function createSmtpTransport(options: {
  pool: SmtpPool;
  breaker: Breaker;
  parallel: number;
  sender: Sender;
  turn?: Transport['turn'];
}): Transport {
  const { pool, breaker, parallel, sender, turn } = options;
  return {
    parallel,
    breaker,
    ...(turn ? { turn } : {}),
    async probe() {
      if (breaker.isOpen) throw breaker.toError();
      try {
        await pool.probe();
      } catch (error) {
        breaker.open(describeError(error));
        breaker.fault = pool.fault;
        throw breaker.toError();
      }
    },
    async send(message, mayLeave, onAsking) {
      const prepared = prepare(message, sender);
      if ('kind' in prepared) return prepared;
      const envelope = { from: sender.envelopeFrom, to: message.address };
      const answer = await pool.send(envelope, prepared, mayLeave, onAsking);
      breaker.fault = pool.fault;
      return judgeSmtp(answer);
    },
    stop: async () => pool.stop(),
  };
}

/**
 * The bytes to send; or why there cannot be any, which is the message's own fault.
 * @throws Error when even a message that is known to be good cannot be made: then it is a fault of ours
 */
function prepare(message: NotificationRendered, sender: Sender): Buffer | Judgement {
  try {
    return toBytes(message, message.unsubscribe_url, sender);
  } catch (error) {
    const isAddress = error instanceof PermanentError && error.code === 'invalid_address';
    if (!isAddress) makeGoodMail(sender);
    const reason = isAddress ? 'invalid_address' : 'refused';
    return { kind: 'failed', reason, detail: toDetail(describeError(error)), suppress: false };
  }
}

function toBytes(mail: Mail, url: string | null, sender: Sender): Buffer {
  return toMime(mail, url === null ? sender : { ...sender, extraHeaders: toUnsubscribeHeaders(url) });
}

const goodMail: Mail = {
  notification_id: '00000000-0000-8000-8000-000000000000',
  request_id: '00000000-0000-8000-8000-000000000000',
  address: 'somebody@people.example',
  from_name: 'Posthorn',
  reply_to: null,
  subject: 'Hello',
  text: 'Hello',
  html: '<p>Hello</p>',
  rendered_at: 0,
};

function makeGoodMail(sender: Sender): void {
  try {
    toBytes(goodMail, 'https://posthorn.example/u/token', sender);
  } catch (cause) {
    throw new Error('no mail can be made, not even one that is known to be good', { cause });
  }
}
