// The kept connections of one lane. Lanes never share them, so bulk mail cannot take the last one from a password reset; but where
// the server takes few, one lane gives way to another (connection-share.ts).
import { describeError } from '../../../lib/errors.ts';
import type { SmtpAnswer } from '../dispatch.ts';
import { silentMs } from '../stragglers.ts';
import type { ConnectionShare, ShareMember } from './connection-share.ts';
import { SessionError, type SessionFault } from './session-error.ts';
import { type Envelope, openSmtpSession, type SmtpSession } from './smtp-connection.ts';
import type { SmtpSettings } from './smtp-settings.ts';

interface PoolOptions {
  smtp: SmtpSettings;
  maxConnections: number;
  /** Servers like to see an end now and then; a new session also finds a moved server. */
  maxMessagesPerConnection: number;
  idleCloseMs: number;
  onConnectionCount?: (count: number) => void;
  /** Of the lanes of this process at the same server, and how urgent this one is: 0 is the most urgent. */
  share?: ConnectionShare;
  rank?: number;
}

/** The server took none of our connections. */
class ConnectError extends Error {}

/** When the server refuses one more connection while others work, it is not asked again for a while. */
const noMoreMs = 2_000;

export class SmtpPool implements ShareMember {
  readonly rank: number;
  readonly #options: PoolOptions;
  /** The most recently used last: what is not needed grows old at the front. */
  readonly #idle: { session: SmtpSession; sinceMs: number }[] = [];
  readonly #all = new Map<SmtpSession, { messageCount: number }>();
  /** Those of them that have not answered for a while. */
  readonly #silent = new Set<SmtpSession>();
  readonly #waiting: { resolve(session: SmtpSession): void; reject(error: ConnectError): void }[] = [];
  #connectingCount = 0;
  #noMoreUntilMs = 0;
  #fault: SessionFault | undefined;
  #sweep: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.rank = options.rank ?? 0;
    options.share?.join(this);
  }

  get connectionCount(): number {
    return this.#all.size;
  }

  /** Why the last session could not be opened, where that is known; undefined once one is open. */
  get fault(): SessionFault | undefined {
    return this.#fault;
  }

  get waitingCount(): number {
    return this.#waiting.length;
  }

  /** Never throws. */
  async send(envelope: Envelope, message: Buffer, mayLeave: () => boolean, onAsking?: () => void): Promise<SmtpAnswer> {
    let session: SmtpSession;
    try {
      session = await this.#acquire();
    } catch (error) {
      return { kind: 'broken', handedOver: false, connecting: true, detail: describeError(error) };
    }
    onAsking?.();
    const silence = setTimeout(() => {
      this.#silent.add(session);
      this.#serveWaiting();
    }, silentMs);
    const answer = await session.send(envelope, message, mayLeave);
    clearTimeout(silence);
    this.#silent.delete(session);
    this.#release(session);
    return answer;
  }

  /** Sees to it that there is a connection. @throws ConnectError */
  async probe(): Promise<void> {
    // Another lane shows that the server is there; who sends waits for its turn.
    if (this.#all.size > 0 || this.#options.share?.othersAreConnected(this)) return;
    this.#release(await this.#acquire());
  }

  stop(): void {
    this.#stopped = true;
    this.#options.share?.leave(this);
    clearInterval(this.#sweep);
    for (const session of this.#all.keys()) session.close();
    this.#rejectWaiting(new ConnectError('the lane stops'));
  }

  async #acquire(): Promise<SmtpSession> {
    if (this.#stopped) throw new ConnectError('the lane stops');
    const idle = this.#takeIdle();
    if (idle) return idle;
    if (!this.#options.share?.isWanting(this) && this.#mayConnect()) return this.#connect();
    return this.#wait();
  }

  closeIdle(): void {
    for (const { session } of this.#idle.splice(0)) session.close();
  }

  connectAgain(): void {
    if (this.#connectingCount > 0) return;
    const next = this.#waiting.shift();
    if (next) this.#connect().then(next.resolve, next.reject);
  }

  #takeIdle(): SmtpSession | undefined {
    for (let idle = this.#idle.pop(); idle; idle = this.#idle.pop()) {
      if (idle.session.isUsable) return idle.session;
    }
    return undefined;
  }

  #wait(): Promise<SmtpSession> {
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  async #connect(): Promise<SmtpSession> {
    this.#connectingCount += 1;
    let session: SmtpSession;
    try {
      session = await openSmtpSession(this.#options.smtp, (ended) => this.#forget(ended));
    } catch (error) {
      this.#connectingCount -= 1;
      this.#fault = error instanceof SessionError ? error.fault : undefined;
      const { host, port } = this.#options.smtp;
      const failure = new ConnectError(`no session with the mail server at ${host}:${port}`, { cause: error });
      const mayWait = this.#options.share?.refused(this) ?? false;
      if (mayWait || this.#all.size + this.#connectingCount > 0) {
        this.#noMoreUntilMs = performance.now() + noMoreMs;
        // One may have become free meanwhile, and nobody gives back what lies idle.
        return this.#takeIdle() ?? this.#wait();
      }
      this.#rejectWaiting(failure);
      throw failure;
    }
    this.#connectingCount -= 1;
    this.#fault = undefined;
    this.#all.set(session, { messageCount: 0 });
    this.#options.share?.connected(this);
    this.#tellCount();
    this.#sweep ??= setInterval(() => this.#closeIdle(), Math.min(this.#options.idleCloseMs, 5_000)).unref();
    if (this.#stopped) session.close();
    return session;
  }

  #release(session: SmtpSession): void {
    const use = this.#all.get(session);
    if (!use || !session.isUsable) {
      this.#serveWaiting();
      return;
    }
    use.messageCount += 1;
    const givesWay = this.#options.share?.mustGiveWay(this) ?? false;
    const isTooMany = this.#all.size - this.#silent.size > this.#options.maxConnections;
    if (givesWay || isTooMany || use.messageCount >= this.#options.maxMessagesPerConnection) {
      if (givesWay) this.#noMoreUntilMs = performance.now() + noMoreMs;
      if (givesWay && this.#all.size === 1) this.#options.share?.gaveItsLast(this);
      this.#forget(session);
      session.close();
      return;
    }
    const next = this.#waiting.shift();
    if (next) next.resolve(session);
    else this.#idle.push({ session, sinceMs: performance.now() });
  }

  #forget(session: SmtpSession): void {
    if (!this.#all.delete(session)) return;
    this.#silent.delete(session);
    const at = this.#idle.findIndex((idle) => idle.session === session);
    if (at >= 0) this.#idle.splice(at, 1);
    this.#tellCount();
    this.#options.share?.freed();
    this.#serveWaiting();
  }

  /**
   * When there is none at all it is always tried: nobody would ever serve who waits. When the server is silent on all of them,
   * one more is opened, up to twice as many: a few recipients whom it does not answer do not stop the others.
   */
  #mayConnect(): boolean {
    const { maxConnections } = this.#options;
    const count = this.#all.size + this.#connectingCount;
    if (count === 0) return true;
    if (performance.now() < this.#noMoreUntilMs) return false;
    return count < maxConnections || (count < 2 * maxConnections && count === this.#silent.size);
  }

  #serveWaiting(): void {
    if (this.#waiting.length === 0 || this.#options.share?.isWanting(this) || !this.#mayConnect()) return;
    const next = this.#waiting.shift();
    if (next) this.#connect().then(next.resolve, next.reject);
  }

  #rejectWaiting(error: ConnectError): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }

  #closeIdle(): void {
    const limit = performance.now() - this.#options.idleCloseMs;
    while (this.#idle[0] && this.#idle[0].sinceMs <= limit) this.#idle.shift()?.session.close();
  }

  #tellCount(): void {
    this.#options.onConnectionCount?.(this.#all.size);
  }
}
