// How the mail server is reached, as config.ts reads it from the environment.

/** `required`: nothing goes in clear. `opportunistic`: encrypted where the server offers it. `off`: never encrypted. */
export const smtpTlsModes = ['required', 'opportunistic', 'off'] as const;

export interface SmtpSettings {
  host: string;
  port: number;
  /** TLS from the first byte (smtps://); otherwise by STARTTLS. */
  secure: boolean;
  tls: (typeof smtpTlsModes)[number];
  /** Whether the server's certificate must be valid. */
  verifyCertificate: boolean;
  login: { user: string; pass: string } | undefined;
  connectTimeoutMs: number;
  /** For the answer to any one command. */
  answerTimeoutMs: number;
}
