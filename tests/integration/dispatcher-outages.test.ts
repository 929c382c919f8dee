// The dispatcher while something is down: the mail server, Postgres, or the dispatcher itself.
import { describe, expect, it } from 'vitest';
import { DependencyError } from '../../lib/errors.ts';
import type { Ledger } from '../../services/dispatcher/ledger.ts';
import { untilItWorks, useDispatcherLab } from '../support/dispatcher-lab.ts';
import { eventually } from '../support/eventually.ts';
import { renderedMany, toMessage } from '../support/ledger-lab.ts';
import { type LyingMailServer, startLyingMailServer } from '../support/lying-mail-server.ts';

const openLab = useDispatcherLab();

describe('a mail server that is down', () => {
  const outages: { name: string; begin(server: LyingMailServer): unknown; end(server: LyingMailServer): unknown }[] = [
    { name: 'does not listen', begin: (server) => server.stop(), end: (server) => server.start() },
    {
      name: 'greets with 421',
      begin: (server) => {
        server.greeting = '421 4.3.2 shutting down';
      },
      end: (server) => {
        server.greeting = undefined;
      },
    },
    {
      name: 'refuses the log-in',
      begin: (server) => {
        server.authReply = '535 5.7.8 wrong password';
      },
      end: (server) => {
        server.authReply = '235 2.7.0 welcome';
      },
    },
    {
      name: 'refuses every MAIL',
      begin: (server) => {
        server.behave = () => ({ kind: 'reply', to: 'MAIL', with: '550 5.7.1 who are you?' });
      },
      end: (server) => {
        server.behave = () => ({ kind: 'accept' });
      },
    },
    {
      name: 'wants a log-in at RCPT',
      begin: (server) => {
        server.behave = () => ({ kind: 'reply', to: 'RCPT', with: '530 5.7.0 authentication required' });
      },
      end: (server) => {
        server.behave = () => ({ kind: 'accept' });
      },
    },
  ];

  it.each(outages)(
    'fails nothing when it $name; all goes on by itself, with no attempt burnt',
    async ({ begin, end }) => {
      const server = await startLyingMailServer();
      server.offersStartTls = true;
      server.authReply = '235 2.7.0 welcome';
      const lab = await openLab({ smtpUrl: server.smtpUrl, login: { user: 'posthorn', pass: 'secret' } });
      const events = [...renderedMany(50), ...renderedMany(50, { on_no_answer: 'park' })];
      await begin(server);
      await expect(lab.dispatch(events)).rejects.toMatchObject({ dependency: 'mail-server' });
      await expect(lab.dispatch(events)).rejects.toMatchObject({ dependency: 'mail-server' });
      expect(await lab.counters()).toEqual({});
      expect(lab.outcomes).toEqual([]);
      await end(server);
      await untilItWorks(() => lab.dispatch(events));
      expect(await lab.counters()).toEqual({ sent: 100 });
      expect(server.taken.length).toBe(100);
      expect(lab.outcomes.every(({ attempt }) => attempt === 1)).toBe(true);
    },
  );

  it('in the middle of a slice loses nothing and doubles nothing but what was in its hands', async () => {
    const server = await startLyingMailServer();
    const lab = await openLab({ smtpUrl: server.smtpUrl, connections: 4 });
    const events = renderedMany(400);
    server.behave = () => ({ kind: 'slow', delayMs: 2 });
    const first = lab.dispatch(events);
    const outcome = first.then(
      () => 'done',
      (error: unknown) => error,
    );
    await eventually(() => server.taken.length > 100, 'some are sent');
    await server.stop();
    expect(await outcome).toMatchObject({ dependency: 'mail-server' });
    await expect(lab.dispatch(events)).rejects.toMatchObject({ dependency: 'mail-server' });
    await server.start();
    await untilItWorks(() => lab.dispatch(events));
    lab.startWaiting();
    await lab.makeDue();
    await eventually(async () => (await lab.waitingCount()) === 0, 'nothing waits');
    expect(await lab.counters()).toEqual({ sent: 400 });
    expect(new Set(server.taken.map(({ messageId }) => messageId)).size).toBe(400);
    expect(server.taken.length - 400).toBeLessThanOrEqual(4);
  });

  it('does not hold up what waits: it is sent when the server is back, and its attempts are not burnt', async () => {
    const server = await startLyingMailServer();
    server.behave = () => ({ kind: 'reply', to: 'RCPT', with: '450 4.7.1 greylisted' });
    const lab = await openLab({ smtpUrl: server.smtpUrl });
    const events = renderedMany(10);
    await lab.dispatch(events);
    server.behave = () => ({ kind: 'accept' });
    await server.stop();
    await lab.makeDue();
    lab.startWaiting();
    await eventually(async () => {
      const rows = await lab.db
        .selectFrom('waiting')
        .select('notification_id')
        .where('due_at', '>', new Date())
        .execute();
      return rows.length === 10;
    }, 'all are put off');
    await server.start();
    await lab.makeDue();
    await eventually(async () => (await lab.waitingCount()) === 0, 'nothing waits');
    expect(await lab.counters()).toEqual({ sent: 10 });
    expect(lab.outcomes.map(({ attempt }) => attempt)).toEqual(Array(10).fill(2));
  });
});

describe('Postgres that goes away', () => {
  it('while answers come: they are kept, at most a hundred, and nothing is sent twice', async () => {
    const server = await startLyingMailServer();
    let isDown = false;
    const down = () => Promise.reject(new DependencyError('postgres', 'gone'));
    const lab = await openLab({
      smtpUrl: server.smtpUrl,
      connections: 4,
      ledger: (ledger): Ledger => ({
        ...ledger,
        claim: (...args) => (isDown ? down() : ledger.claim(...args)),
        settle: (...args) => (isDown ? down() : ledger.settle(...args)),
        release: (...args) => (isDown ? down() : ledger.release(...args)),
        park: (...args) => (isDown ? down() : ledger.park(...args)),
      }),
    });
    const events = renderedMany(500);
    server.behave = () => {
      isDown ||= server.taken.length >= 150;
      return { kind: 'accept' };
    };
    await expect(lab.dispatch(events)).rejects.toMatchObject({ dependency: 'postgres' });
    const takenMeanwhile = server.taken.length;
    const settled = (await lab.counters()).sent ?? 0;
    // Four more may have been under way when the hundredth answer came.
    expect(takenMeanwhile - settled).toBeLessThanOrEqual(104);
    await expect(lab.dispatch(events)).rejects.toMatchObject({ dependency: 'postgres' });
    expect(server.taken.length).toBe(takenMeanwhile);
    isDown = false;
    server.behave = () => ({ kind: 'accept' });
    await untilItWorks(() => lab.dispatch(events));
    expect(await lab.counters()).toEqual({ sent: 500 });
    expect(server.taken.length).toBe(500);
    expect(new Set(lab.outcomes.map((outcome) => outcome.notification_id)).size).toBe(500);
  });
});

describe('a dispatcher that is killed', () => {
  /** The ledger of a process whose statements no longer arrive, from the moment of `kill` on. */
  function mortal(): { ledger(ledger: Ledger): Ledger; kill(): void; isQuiet(): boolean } {
    let dead = false;
    let runningCount = 0;
    const never = new Promise<never>(() => {});
    const mortalCall = <A extends unknown[], R>(call: (...args: A) => Promise<R>) => {
      return async (...args: A): Promise<R> => {
        if (dead) return never;
        runningCount += 1;
        return call(...args).finally(() => {
          runningCount -= 1;
        });
      };
    };
    return {
      ledger: (ledger) => ({
        ...ledger,
        settle: mortalCall(ledger.settle),
        release: mortalCall(ledger.release),
        markSending: mortalCall(ledger.markSending),
        renew: mortalCall(ledger.renew),
        park: mortalCall(ledger.park),
      }),
      kill: () => {
        dead = true;
      },
      isQuiet: () => runningCount === 0,
    };
  }

  it.each(['resend', 'park'] as const)(
    'leaves nobody without an end, and its heir repeats only what it must (%s)',
    async (onNoAnswer) => {
      const server = await startLyingMailServer();
      const victim = mortal();
      const lab = await openLab({ smtpUrl: server.smtpUrl, connections: 4 });
      const events = renderedMany(400, { on_no_answer: onNoAnswer });
      const dying = lab.createLane({ ledger: victim.ledger(lab.ledger) });
      server.behave = () => {
        if (server.taken.length >= 170) victim.kill();
        return { kind: 'accept' };
      };
      const messages = events.map(toMessage);
      const dead = new AbortController();
      dying
        .dispatch(messages, { fromWaiting: false, signal: dead.signal, progressed: () => {} })
        .catch(() => 'a dead process answers to nobody');
      await eventually(() => server.taken.length >= 170, 'some are sent');
      // From here on no body of its leaves; those under way have arrived once none is open.
      dead.abort();
      await eventually(() => server.openBodyCount === 0 && victim.isQuiet(), 'what was under way has arrived');
      const takenByVictim = server.taken.length;
      const settled = (await lab.counters()).sent ?? 0;
      expect(takenByVictim - settled).toBeLessThanOrEqual(104);

      await lab.endLeases();
      await lab.dispatch(events);
      const counters = await lab.counters();
      const people = Object.values(counters).reduce((sum, count) => sum + count, 0);
      expect(people).toBe(400);
      expect(new Set(lab.outcomes.map((outcome) => outcome.notification_id)).size).toBe(400);
      const doubles = server.taken.length - new Set(server.taken.map(({ messageId }) => messageId)).size;
      if (onNoAnswer === 'park') {
        expect(doubles).toBe(0);
        expect(counters['unknown no_answer']).toBeGreaterThan(0);
        expect(counters['unknown no_answer']).toBeLessThanOrEqual(104);
        expect(server.taken.length + (counters['unknown no_answer'] ?? 0)).toBeGreaterThanOrEqual(400);
      } else {
        expect(counters).toEqual({ sent: 400 });
        expect(doubles).toBeLessThanOrEqual(104);
      }
    },
  );

  it('takes back in order when it is told to stop: nothing more leaves, the rest is free at once', async () => {
    const server = await startLyingMailServer();
    server.behave = () => ({ kind: 'slow', delayMs: 5 });
    const lab = await openLab({ smtpUrl: server.smtpUrl, connections: 2 });
    const events = renderedMany(300);
    const stopping = new AbortController();
    const outcome = lab.dispatch(events, stopping.signal).then(
      () => 'done',
      (error: unknown) => error,
    );
    await eventually(() => server.taken.length > 20, 'some are sent');
    stopping.abort();
    expect(await outcome).toMatchObject({ code: 'stopping' });
    const taken = server.taken.length;
    expect(taken).toBeLessThan(300);
    expect(await lab.counters()).toEqual({ sent: taken });
    server.behave = () => ({ kind: 'accept' });
    await lab.dispatch(events);
    lab.startWaiting();
    await lab.makeDue();
    await eventually(async () => (await lab.waitingCount()) === 0, 'nothing waits');
    expect(await lab.counters()).toEqual({ sent: 300 });
    expect(server.taken.length).toBe(300);
  });
});
