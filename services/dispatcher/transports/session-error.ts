// Why there is no session with the mail server, as far as it is a matter of trust: /readyz tells it in these words.
import { describeError } from '../../../lib/errors.ts';

export type SessionFault = 'log-in refused' | 'log-in not offered' | 'no TLS' | 'certificate not trusted';

export class SessionError extends Error {
  /** Undefined for everything else, such as a server that does not listen. */
  readonly fault: SessionFault | undefined;

  constructor(fault: SessionFault | undefined, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.fault = fault;
  }
}

/** Of nodemailer's errors: `originalCode` is Node's own. */
interface SmtpSessionError extends Error {
  code?: string;
  originalCode?: string;
  command?: string;
  responseCode?: number;
  timeoutType?: string;
}

const advice: Readonly<Partial<Record<SessionFault, string>>> = {
  'no TLS': 'the session cannot be encrypted, and nothing goes in clear (SMTP_TLS)',
  'certificate not trusted': "the server's certificate is not trusted (SMTP_VERIFY_CERTIFICATE)",
};

export function toSessionError(error: unknown): SessionError {
  if (error instanceof SessionError) return error;
  const fault = error instanceof Error ? findFault(error) : undefined;
  const sentence = fault && advice[fault];
  return sentence ? new SessionError(fault, sentence, error) : new SessionError(fault, describeError(error), error);
}

/** What OpenSSL calls a certificate that does not hold: X509_V_ERR_… without its beginning, and Node's check of the name. */
const ofCertificate = /CERT|CRL|SIGNATURE|CA_CHAIN|HOSTNAME_MISMATCH|INVALID_(?:CA|PURPOSE)|PATH_LENGTH/;
const ofTls = /^(?:EPROTO$|ERR_SSL|ERR_TLS)/;

function findFault(error: SmtpSessionError): SessionFault | undefined {
  const { code, originalCode = '', command, responseCode, timeoutType } = error;
  // The server is leaving, whatever it was asked.
  if (responseCode === 421) return undefined;
  if (code === 'EAUTH') return responseCode === undefined ? undefined : 'log-in refused';
  if (ofCertificate.test(originalCode)) return 'certificate not trusted';
  // nodemailer gives up at EHLO only where TLS is required and the server knows HELO alone.
  const isTls = code === 'ETLS' || command === 'EHLO' || timeoutType === 'UPGRADE_TIMEOUT' || ofTls.test(originalCode);
  return isTls ? 'no TLS' : undefined;
}
