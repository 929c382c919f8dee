// The sink's mail server: as fast as the bench's, follows the script, and writes a mail down before it says that it has it.
import { createServer, type Server, type Socket } from 'node:net';
import { calmScript, fateOf, isTakenUnanswered, mailTroubleOf, type Script } from './script.ts';
import type { MailTrouble } from './trouble.ts';

export interface TakenMail {
  /** The Message-ID without brackets and domain. */
  notificationId: string;
  to: string;
}

export interface SinkServer {
  server: Server;
  setScript(script: Script): void;
  /**
   * The next mail whose body comes with this text in it is written down, and its answer waits for `release`.
   * @param onHeld called then
   */
  holdNext(containing: string, onHeld: (mail: TakenMail) => void): void;
  release(): void;
}

/** @param writeDown must be done when it returns: the mail survives whatever dies then */
export function createSinkServer(writeDown: (mail: TakenMail) => void): SinkServer {
  let script: Script = calmScript;
  /** Recipients whose first time is over. */
  const seen = new Set<string>();
  let hold: { containing: string; onHeld(mail: TakenMail): void } | undefined;
  let held: (() => void)[] = [];
  let nextTurnMs = 0;
  /** What waits for the script to become less silent. */
  let silenced: (() => void)[] = [];

  /** How often each recipient has met the trouble that the script has for them. */
  const troubled = new Map<string, number>();

  const troubleAt = (at: MailTrouble['at'], to: string): MailTrouble | undefined => {
    const trouble = mailTroubleOf(script, to);
    const times = troubled.get(to) ?? 0;
    if (trouble?.at !== at || times >= trouble.times) return undefined;
    troubled.set(to, times + 1);
    return trouble;
  };

  const isFirst = (to: string): boolean => {
    if (seen.has(to)) return false;
    seen.add(to);
    return true;
  };

  /** The answer when it is this message's turn. */
  const inTurn = (to: string, answer: () => void): void => {
    if (script.perSecond === undefined || script.spared.has(to)) {
      answer();
      return;
    }
    const nowMs = performance.now();
    nextTurnMs = Math.max(nowMs, nextTurnMs + 1_000 / script.perSecond);
    setTimeout(answer, nextTurnMs - nowMs);
  };

  const talk = (socket: Socket): void => {
    let pending: Buffer = Buffer.alloc(0);
    let isInBody = false;
    /** A command is being thought about: the next ones wait, as a server with one thread a session does it. */
    let isBusy = false;
    let to = '';
    let hasSender = false;
    const say = (reply: string) => {
      if (!socket.destroyed) socket.write(`${reply}\r\n`);
    };
    const later = (answer: () => void): void => {
      isBusy = false;
      if (socket.destroyed) return;
      answer();
      readOn();
    };
    socket.on('error', () => socket.destroy());
    socket.on('data', (bytes: Buffer) => {
      pending = pending.length === 0 ? bytes : Buffer.concat([pending, bytes]);
      readOn();
    });
    say('220 sink ESMTP');

    function readOn(): void {
      while (!isBusy && !socket.destroyed) {
        const end = pending.indexOf(isInBody ? '\r\n.\r\n' : '\r\n', 0, 'latin1');
        if (end === -1) return;
        const text = pending.toString('latin1', 0, end);
        pending = pending.subarray(end + (isInBody ? 5 : 2));
        if (isInBody) endOfBody(text);
        else command(text);
      }
    }

    function command(line: string): void {
      switch (line.slice(0, 4).toUpperCase()) {
        case 'EHLO':
          say('250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 10485760');
          return;
        case 'HELO':
          say('250 sink');
          return;
        case 'MAIL':
          hasSender = true;
          to = '';
          say('250 2.1.0 ok');
          return;
        case 'RCPT':
          if (!hasSender) {
            say('503 5.5.1 first say who sends');
            return;
          }
          recipient(/<([^>]*)>/.exec(line)?.[1]?.toLowerCase() ?? '');
          return;
        case 'DATA':
          if (to === '') {
            say('503 5.5.1 first say who receives');
            return;
          }
          if (makeTrouble('DATA', to, askForBody)) return;
          askForBody();
          return;
        case 'RSET':
          hasSender = false;
          to = '';
          say('250 2.0.0 ok');
          return;
        case 'QUIT':
          socket.end('221 2.0.0 bye\r\n');
          return;
        default:
          say('250 2.0.0 ok');
          return;
      }
    }

    function askForBody(): void {
      isInBody = true;
      say('354 go on');
    }

    /** @returns whether the script has something else in store than the usual answer */
    function makeTrouble(at: MailTrouble['at'], address: string, usual: () => void): boolean {
      const trouble = troubleAt(at, address);
      if (!trouble) return false;
      const { reply, pauseMs = 0, afterwards } = trouble;
      const answer = () => {
        if (afterwards === 'reset') socket.resetAndDestroy();
        else if (afterwards === 'close') socket.end(reply ? `${reply}\r\n` : '');
        else if (reply === undefined) usual();
        else if (reply === '') {
          // The client must give up: whatever it says from now on is not heard.
          isBusy = true;
        } else {
          // Clients look at the first digit: what sounds like the usual answer is taken for it.
          if (at === 'RCPT' && reply.startsWith('2')) to = address;
          if (at === 'DATA' && /^[23]/.test(reply)) isInBody = true;
          say(reply);
        }
      };
      if (pauseMs === 0) answer();
      else {
        isBusy = true;
        setTimeout(() => later(answer), pauseMs);
      }
      return true;
    }

    function recipient(address: string): void {
      if (script.isSilent && !script.spared.has(address)) {
        isBusy = true;
        silenced.push(() => later(() => recipient(address)));
        return;
      }
      const fate = fateOf(script, address);
      if (fate === 'refused') {
        say('550 5.7.1 refused by the script');
        return;
      }
      if (fate === 'tempfail' && isFirst(address)) {
        say('451 4.7.1 greylisted by the script, come back');
        return;
      }
      if (fate === 'closing' && isFirst(address)) {
        socket.end('421 4.3.2 closing by the script\r\n');
        return;
      }
      const usual = () => {
        to = address;
        say('250 2.1.5 ok');
      };
      if (!makeTrouble('RCPT', address, usual)) usual();
    }

    function endOfBody(body: string): void {
      isInBody = false;
      hasSender = false;
      const mail = { to, notificationId: /(?:^|\n)message-id:\s*<([^@>]*)/i.exec(body)?.[1] ?? '' };
      to = '';
      const fate = fateOf(script, mail.to);
      const accept = () => {
        writeDown(mail);
        say('250 2.0.0 taken');
      };
      if ((fate === 'reset' || fate === 'silent') && isFirst(mail.to)) {
        if (isTakenUnanswered(script, mail.to)) writeDown(mail);
        isBusy = true;
        if (fate === 'reset') socket.resetAndDestroy();
        return;
      }
      const trouble = mailTroubleOf(script, mail.to);
      const isTroubled = trouble?.at === 'message' && (troubled.get(mail.to) ?? 0) < trouble.times;
      // Whatever words come with a 2: that accepts.
      const isTakenBefore =
        isTroubled && (/^2/.test(trouble.reply ?? '') || (trouble.isTaken === true && !troubled.has(mail.to)));
      if (isTakenBefore) writeDown(mail);
      if (makeTrouble('message', mail.to, isTakenBefore ? () => say('250 2.0.0 taken') : accept)) return;
      if (hold && body.includes(hold.containing)) {
        const { onHeld } = hold;
        hold = undefined;
        writeDown(mail);
        isBusy = true;
        held.push(() => later(() => say('250 2.0.0 taken')));
        onHeld(mail);
        return;
      }
      if (script.perSecond === undefined) {
        accept();
        return;
      }
      isBusy = true;
      inTurn(mail.to, () => later(accept));
    }
  };

  return {
    server: createServer({ noDelay: true }, talk),
    setScript(next) {
      script = next;
      if (script.isSilent) return;
      const waiting = silenced;
      silenced = [];
      for (const goOn of waiting) goOn();
    },
    holdNext(containing, onHeld) {
      hold = { containing, onHeld };
    },
    release() {
      const waiting = held;
      held = [];
      for (const goOn of waiting) goOn();
    },
  };
}
