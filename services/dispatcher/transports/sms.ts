// SMS over HTTP: `POST {to, text, idempotency_key}` to the gateway (docs/deploying.md). The gateway knows a repeat by its
// idempotency key, the notification's id, so that even a repeat after a lost answer is one message.
import { isPhoneNumber } from '../../../content/address.ts';
import { describeError } from '../../../lib/errors.ts';
import { NoAnswerError, safeFetch } from '../../../lib/safe-fetch.ts';
import { judgeSms, type SmsAnswer } from '../dispatch.ts';
import type { Breaker } from './breaker.ts';
import type { Transport } from './transport.ts';

export interface SmsSettings {
  /** Credentials in it are sent as Basic authorization. */
  url: string;
  /** Sent as a bearer token instead, when there is one. */
  token: string | undefined;
  timeoutMs: number;
}

const maxAnswerBytes = 64 * 1024;

export function createSmsTransport(options: {
  settings: SmsSettings;
  breaker: Breaker;
  parallel: number;
  turn?: Transport['turn'];
}): Transport {
  const { settings, breaker, parallel, turn } = options;
  const headers = {
    'content-type': 'application/json',
    ...(settings.token === undefined ? {} : { authorization: `Bearer ${settings.token}` }),
  };

  async function post(body: object): Promise<SmsAnswer> {
    try {
      const { status, text } = await safeFetch(settings.url, {
        method: 'POST',
        headers,
        body: JSON.stringify(body),
        timeoutMs: settings.timeoutMs,
        maxBytes: maxAnswerBytes,
      });
      return { kind: 'reply', status, detail: status < 300 ? `HTTP ${status}` : `HTTP ${status} ${text}` };
    } catch (error) {
      const handedOver = !(error instanceof NoAnswerError) || error.sent;
      return { kind: 'broken', handedOver, detail: describeError(error) };
    }
  }

  return {
    parallel,
    breaker,
    ...(turn ? { turn } : {}),
    async probe() {
      if (breaker.isOpen) throw breaker.toError();
    },
    async send(message, mayLeave, onAsking) {
      if (!isPhoneNumber(message.address)) {
        return {
          kind: 'failed',
          reason: 'invalid_address',
          detail: 'not a phone number in E.164 form',
          suppress: false,
        };
      }
      if (!mayLeave()) return { kind: 'too_late' };
      onAsking?.();
      return judgeSms(
        await post({ to: message.address, text: message.text, idempotency_key: message.notification_id }),
      );
    },
    stop: async () => {},
  };
}
