// What the outside can do to one recipient, told to the sink beforehand: an answer other than the usual one.

/** To one command of a mail's transaction. */
export interface MailTrouble {
  /** `message` is the final dot. */
  at: 'RCPT' | 'DATA' | 'message';
  /** Written in place of the usual answer, with a CRLF behind it; the usual answer when not given, none when empty. */
  reply?: string;
  /** Before the answer. */
  pauseMs?: number;
  /** What becomes of the connection then. Without a reply it stays open, and nothing more is said. */
  afterwards?: 'close' | 'reset';
  /** How often; the usual answer after that. */
  times: number;
  /** At `message`: the server has the mail, whatever it says. */
  isTaken?: boolean;
}

/** To one call of the SMS gateway. */
export interface SmsTrouble {
  /** The usual answer when not given. */
  status?: number;
  body?: string;
  pauseMs?: number;
  afterwards?: 'reset';
  times: number;
  /** The gateway has the message, whatever it says. */
  isTaken?: boolean;
}

/** For as long as a run lasts. */
export const always = 1_000_000;
