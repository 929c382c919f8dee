// The guard of one lane and channel: notices that a whole mailing, template or lane is refused, and says what to hold before the
// list is burnt. It remembers as well who got through, for what is refused in doubt. Without I/O.

/** So many different messages in a row without one success; fewer when the same was on hold before and nothing got through since. */
const runToHold = 30;
const runToHoldAgain = 5;
export const firstHoldMs = 60_000;
const longestHoldMs = 15 * 60_000;
const justHeldMs = 2_000;
/** Of requests and templates; the one that was heard of longest ago is forgotten. */
const maxRuns = 2_000;

export interface Refused {
  notificationId: string;
  requestId: string;
  templateId: string;
}

export interface GuardHold {
  scope: 'request' | 'template' | 'lane';
  /** A request's id, a template's id; empty for the lane. */
  subject: string;
  /** Different messages that were refused. */
  count: number;
  endsInMs: number;
}

interface Run {
  /** Different messages that were refused since something last got through. */
  refused: Set<string>;
  requests: Set<string>;
  holds: number;
  heldAtMs: number;
  heldUntilMs: number;
  /** When something last got through, and the how-manieth answer that was. */
  gotAtMs: number;
  gotAt: number;
}

export class Guard {
  readonly #runs = new Map<string, Run>();
  #answers = 0;

  /** How many requests and templates it remembers. */
  get size(): number {
    return this.#runs.size;
  }

  /** The how-manieth answer this is, to ask `othersGot` with. */
  get answers(): number {
    return this.#answers;
  }

  got({ requestId, templateId }: Refused, nowMs: number): void {
    this.#answers += 1;
    for (const key of [`request ${requestId}`, `template ${templateId}`, lane]) {
      const run = this.#runOf(key);
      Object.assign(run, { holds: 0, heldUntilMs: 0, gotAtMs: nowMs, gotAt: this.#answers });
      run.refused.clear();
      run.requests.clear();
    }
  }

  /**
   * @param speaksOf `message`: perhaps of it, its request or its template. `recipient`: of this one recipient for certain; then
   *   only a whole mailing of such is strange. `us`: of our sender or host, so that it holds for the whole lane.
   * @returns what is to be held, at most once until that hold ends
   */
  refused(one: Refused, speaksOf: 'message' | 'recipient' | 'us', nowMs: number): GuardHold | undefined {
    this.#answers += 1;
    if (speaksOf === 'us') return this.#count('lane', '', one, nowMs);
    const byRequest = this.#count('request', one.requestId, one, nowMs);
    // Strangers who ask for messages to addresses of their own must not stop a template for everybody.
    const byTemplate = speaksOf === 'message' ? this.#count('template', one.templateId, one, nowMs) : undefined;
    return byRequest ?? byTemplate;
  }

  /** Until the hold that was just placed is seen by all who look at holds (hold-watch.ts). */
  hasJustHeld({ requestId, templateId }: Refused, nowMs: number): boolean {
    return [`request ${requestId}`, `template ${templateId}`, lane].some(
      (key) => nowMs - (this.#runs.get(key)?.heldAtMs ?? Number.NEGATIVE_INFINITY) < justHeldMs,
    );
  }

  /** A hold could not be placed: the next refusal says so again. */
  notHeld({ scope, subject }: GuardHold): void {
    const run = this.#runOf(scope === 'lane' ? lane : `${scope} ${subject}`);
    run.heldUntilMs = 0;
    run.heldAtMs = Number.NEGATIVE_INFINITY;
    run.holds = Math.max(0, run.holds - 1);
  }

  /**
   * Whether a refusal in doubt is the message's own: others like it got through since. These are the messages of its request
   * when others of that were refused as well, then those of its template, then all of the lane.
   * @param since what `answers` was when it was first refused in this slice @param sinceMs when it was first put off
   */
  othersGot(one: Refused, since: number, sinceMs = Number.POSITIVE_INFINITY): boolean {
    const kin = this.#kinOf(one);
    return kin !== undefined && (kin.gotAt > since || kin.gotAtMs > sinceMs);
  }

  #kinOf({ requestId, templateId }: Refused): Run | undefined {
    const isRefusedAsWell = (run: Run | undefined) => run !== undefined && (run.refused.size > 1 || run.holds > 0);
    const own = [`request ${requestId}`, `template ${templateId}`].map((key) => this.#runs.get(key));
    return own.find(isRefusedAsWell) ?? this.#runs.get(lane);
  }

  #count(scope: GuardHold['scope'], subject: string, one: Refused, nowMs: number): GuardHold | undefined {
    const run = this.#runOf(scope === 'lane' ? lane : `${scope} ${subject}`);
    const needed = run.holds > 0 ? runToHoldAgain : runToHold;
    // Answers to what was under way when the hold was placed are no news.
    if (nowMs < run.heldUntilMs) return undefined;
    if (run.refused.size < runToHold) run.refused.add(one.notificationId);
    if (run.requests.size < runToHold) run.requests.add(one.requestId);
    if (run.refused.size < needed) return undefined;
    // A template is at fault when many requests are refused; otherwise it is one of them.
    if (scope === 'template' && run.requests.size < needed / 2) return undefined;
    const count = run.refused.size;
    const endsInMs = Math.min(firstHoldMs * 2 ** run.holds, longestHoldMs);
    run.holds += 1;
    run.heldAtMs = nowMs;
    run.heldUntilMs = nowMs + endsInMs;
    run.refused.clear();
    run.requests.clear();
    return { scope, subject, count, endsInMs };
  }

  #runOf(key: string): Run {
    const run = this.#runs.get(key) ?? newRun();
    this.#runs.delete(key);
    this.#runs.set(key, run);
    for (const oldest of this.#runs.keys()) {
      if (this.#runs.size <= maxRuns) break;
      this.#runs.delete(oldest);
    }
    return run;
  }
}

const lane = 'lane';

function newRun(): Run {
  const never = Number.NEGATIVE_INFINITY;
  return {
    refused: new Set(),
    requests: new Set(),
    holds: 0,
    heldAtMs: never,
    heldUntilMs: never,
    gotAtMs: never,
    gotAt: -1,
  };
}
