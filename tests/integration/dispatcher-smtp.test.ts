// The dispatcher's lane against a mail server that lies, drops, freezes and refuses, with the ledger on a real Postgres.
import { describe, expect, it, onTestFinished } from 'vitest';
import { DependencyError } from '../../lib/errors.ts';
import type { NotificationRendered } from '../../lib/events.ts';
import type { Ledger } from '../../services/dispatcher/ledger.ts';
import { rendered, renderedMany, useDispatcherLab } from '../support/dispatcher-lab.ts';
import { eventually } from '../support/eventually.ts';
import { type Behaviour, type LyingMailServer, startLyingMailServer } from '../support/lying-mail-server.ts';

const openLab = useDispatcherLab();

async function startServer(options?: Parameters<typeof startLyingMailServer>[0]): Promise<LyingMailServer> {
  const server = await startLyingMailServer(options);
  onTestFinished(() => server.stop());
  return server;
}

const idsOf = (events: readonly NotificationRendered[]): string[] => events.map((event) => event.notification_id);

describe('a slice', () => {
  it('is sent, one recipient at a time, settled and told', async () => {
    const server = await startServer();
    const lab = await openLab({ smtpUrl: server.smtpUrl });
    const events = renderedMany(500);
    await lab.dispatch(events);
    expect(server.taken.map(({ messageId }) => messageId).sort()).toEqual(idsOf(events).sort());
    expect(server.taken[0]).toMatchObject({ from: 'no-reply@sender.example' });
    expect(lab.outcomes.length).toBe(500);
    expect(
      lab.outcomes.every(({ state, stage, attempt }) => state === 'sent' && stage === 'dispatcher' && attempt === 1),
    ).toBe(true);
    expect(await lab.counters()).toEqual({ sent: 500 });
    expect(server.greetedCount).toBeLessThanOrEqual(4);
  });

  it('that comes again is told again, and sends nothing', async () => {
    const server = await startServer();
    const lab = await openLab({ smtpUrl: server.smtpUrl });
    const events = renderedMany(50);
    await lab.dispatch(events);
    await lab.dispatch(events);
    expect(server.taken.length).toBe(50);
    expect(lab.outcomes.length).toBe(100);
    expect(await lab.counters()).toEqual({ sent: 50 });
  });

  it('is sent once by two dispatchers that get it at the same time', async () => {
    const server = await startServer();
    const lab = await openLab({ smtpUrl: server.smtpUrl });
    const other = lab.createLane();
    const events = renderedMany(300);
    const around = { fromWaiting: false, signal: new AbortController().signal, progressed: () => {} };
    const messages = events.map((event, at) => ({
      event,
      key: event.user_id,
      traceparent: undefined,
      partition: 0,
      offset: String(at),
      waitsSince: null,
      mayHaveLeft: false,
    }));
    await Promise.all([lab.lane.dispatch(messages, around), other.dispatch(messages, around)]);
    expect(server.taken.map(({ messageId }) => messageId).sort()).toEqual(idsOf(events).sort());
    expect(await lab.counters()).toEqual({ sent: 300 });
    // What was another's is parked, and leaves when it is seen to have ended.
    lab.startWaiting();
    await lab.makeDue();
    await eventually(async () => (await lab.waitingCount()) === 0, 'nothing waits');
    expect(server.taken.length).toBe(300);
  });

  it('sends two messages to one person one after the other, in order', async () => {
    const server = await startServer();
    server.behave = (to) => (to === 'ada@people.example' ? { kind: 'slow', delayMs: 5 } : { kind: 'accept' });
    const lab = await openLab({ smtpUrl: server.smtpUrl, connections: 8 });
    const toAda = Array.from({ length: 10 }, () => rendered({ user_id: 'ada' }));
    await lab.dispatch([...renderedMany(20), ...toAda, ...renderedMany(20)]);
    const arrived = server.taken.filter(({ to }) => to === 'ada@people.example').map(({ messageId }) => messageId);
    expect(arrived).toEqual(idsOf(toAda));
  });

  it('works with a server that knows no pipelining, and goes on after a refused recipient on the same connection', async () => {
    const server = await startServer({ pipelining: false });
    server.behave = (to) =>
      to.startsWith('user-1') ? { kind: 'reply', to: 'RCPT', with: '554 5.7.1 not you' } : { kind: 'accept' };
    const lab = await openLab({ smtpUrl: server.smtpUrl, connections: 1 });
    await lab.dispatch(renderedMany(30));
    expect(await lab.counters()).toEqual({ sent: 19, 'failed refused': 11 });
    expect(server.greetedCount).toBe(1);
  });

  it('uses fewer connections when the server takes no more, and sends all', async () => {
    const server = await startServer({ maxConnections: 2 });
    const lab = await openLab({ smtpUrl: server.smtpUrl, connections: 6 });
    await lab.dispatch(renderedMany(100));
    expect(await lab.counters()).toEqual({ sent: 100 });
  });
});

describe('what a reply says about a message', () => {
  const cases: { behaviour: Behaviour; state: string; suppresses?: boolean }[] = [
    {
      behaviour: { kind: 'reply', to: 'RCPT', with: '550 5.1.1 <x@y.example> unknown' },
      state: 'failed invalid_address 1',
      suppresses: true,
    },
    { behaviour: { kind: 'reply', to: 'RCPT', with: '550 5.7.1 no' }, state: 'failed refused 1' },
    { behaviour: { kind: 'reply', to: 'RCPT', with: '450 4.7.1 greylisted' }, state: 'deferred greylisted 1' },
    { behaviour: { kind: 'reply', to: 'RCPT', with: '452 4.2.2 mailbox full' }, state: 'deferred busy 1' },
    { behaviour: { kind: 'reply', to: 'DATA', with: '554 5.7.0 no' }, state: 'failed refused 1' },
    { behaviour: { kind: 'reply', to: 'message', with: '554 5.7.1 spam' }, state: 'failed refused 1' },
    { behaviour: { kind: 'reply', to: 'message', with: '552 5.3.4 too big' }, state: 'failed too_large 1' },
    { behaviour: { kind: 'reply', to: 'message', with: '451 4.7.0 later' }, state: 'deferred busy 1' },
  ];
  it.each(cases)('$behaviour.to: $behaviour.with → $state', async ({ behaviour, state, suppresses = false }) => {
    const server = await startServer();
    const event = rendered({ address: 'bob@people.example' });
    server.behave = (to) => (to === event.address ? behaviour : { kind: 'accept' });
    const lab = await openLab({ smtpUrl: server.smtpUrl });
    await lab.dispatch([event, ...renderedMany(5)]);
    expect(await lab.stateOf(event)).toBe(state);
    expect(await lab.counters()).toEqual({ sent: 5, [state.replace(/ 1$/, '')]: 1 });
    const suppressed = await lab.db.selectFrom('suppressions').select('address').execute();
    expect(suppressed).toEqual(suppresses ? [{ address: 'bob@people.example' }] : []);
    expect(lab.told(event)).toEqual(state.startsWith('deferred') ? [] : [state]);
    const row = await lab.db
      .selectFrom('deliveries')
      .select('detail')
      .where('notification_id', '=', event.notification_id)
      .executeTakeFirstOrThrow();
    expect(row.detail).toMatch(/^\d{3} /);
    expect(row.detail).not.toContain('@');
  });

  it('sends nothing to an address that is not one, and does not trouble the server with it', async () => {
    const server = await startServer();
    const lab = await openLab({ smtpUrl: server.smtpUrl });
    const event = rendered({ address: 'a@b.example, evil@c.example' });
    await lab.dispatch([event]);
    expect(await lab.stateOf(event)).toBe('failed invalid_address 1');
    expect(server.taken).toEqual([]);
  });

  it('a deferred message is sent by the waiting loop when it is due, as the second attempt', async () => {
    const server = await startServer();
    server.behave = () => ({ kind: 'reply', to: 'RCPT', with: '450 4.7.1 greylisted' });
    const lab = await openLab({ smtpUrl: server.smtpUrl });
    const event = rendered();
    await lab.dispatch([event]);
    expect(await lab.counters()).toEqual({ 'deferred greylisted': 1 });
    server.behave = () => ({ kind: 'accept' });
    await lab.dispatch([event]);
    expect(server.taken, 'a record that meets its deferred row is passed over').toEqual([]);
    lab.startWaiting();
    await lab.makeDue();
    await eventually(async () => (await lab.waitingCount()) === 0, 'nothing waits');
    expect(lab.told(event)).toEqual(['sent 2']);
    expect(await lab.counters()).toEqual({ sent: 1 });
  });

  it('a message that stays deferred fails when it expires', async () => {
    const server = await startServer();
    server.behave = () => ({ kind: 'reply', to: 'RCPT', with: '450 4.7.1 greylisted' });
    const lab = await openLab({ smtpUrl: server.smtpUrl });
    const event = rendered({ expires_at: Date.now() + 30_000 });
    await lab.dispatch([event]);
    expect(lab.told(event)).toEqual(['failed retries_exhausted 1']);
  });
});

describe('a send whose answer never arrives', () => {
  async function breakOnce(behaviour: Behaviour, onNoAnswer: 'resend' | 'park', answerTimeoutMs = 5_000) {
    const server = await startServer();
    const event = rendered({ on_no_answer: onNoAnswer });
    server.behave = (to) => (to === event.address ? behaviour : { kind: 'accept' });
    const lab = await openLab({ smtpUrl: server.smtpUrl, answerTimeoutMs });
    await lab.dispatch([event, ...renderedMany(3)]);
    server.behave = () => ({ kind: 'accept' });
    return { server, lab, event };
  }

  it('is repeated once, under the same Message-ID, when its template resends', async () => {
    const { server, lab, event } = await breakOnce({ kind: 'drop', at: 'message' }, 'resend');
    expect(await lab.stateOf(event)).toBe('deferred no_connection 1');
    lab.startWaiting();
    await lab.makeDue();
    await eventually(async () => (await lab.waitingCount()) === 0, 'nothing waits');
    expect(lab.told(event)).toEqual(['sent 2']);
    expect(server.timesTaken(event.notification_id)).toBe(2);
    await lab.dispatch([event]);
    expect(server.timesTaken(event.notification_id)).toBe(2);
  });

  it('becomes unknown, and is never repeated, when its template parks', async () => {
    const { server, lab, event } = await breakOnce({ kind: 'drop', at: 'message' }, 'park');
    expect(lab.told(event)).toEqual(['unknown no_answer 1']);
    lab.startWaiting();
    await lab.endLeases();
    await lab.dispatch([event]);
    expect(await lab.waitingCount()).toBe(0);
    expect(server.timesTaken(event.notification_id)).toBe(1);
    expect(await lab.counters()).toEqual({ sent: 3, 'unknown no_answer': 1 });
  });

  it('is the same when the server freezes', async () => {
    const { lab, event } = await breakOnce({ kind: 'freeze', at: 'message' }, 'park', 300);
    expect(lab.told(event)).toEqual(['unknown no_answer 1']);
  });

  it.each(['RCPT', 'DATA'] as const)(
    'is not one when the connection broke at %s: it is tried again at once',
    async (at) => {
      const server = await startServer();
      const event = rendered({ on_no_answer: 'park' });
      let breaksLeft = 2;
      server.behave = (to) => (to === event.address && breaksLeft-- > 0 ? { kind: 'drop', at } : { kind: 'accept' });
      const lab = await openLab({ smtpUrl: server.smtpUrl });
      await lab.dispatch([event, ...renderedMany(3)]);
      expect(lab.told(event)).toEqual(['sent 1']);
      expect(server.timesTaken(event.notification_id)).toBe(1);
    },
  );

  it('puts a message off that breaks every connection, while others get through', async () => {
    const server = await startServer();
    const event = rendered();
    server.behave = (to) => (to === event.address ? { kind: 'drop', at: 'DATA' } : { kind: 'slow', delayMs: 2 });
    const lab = await openLab({ smtpUrl: server.smtpUrl });
    await lab.dispatch([event, ...renderedMany(60)]);
    expect(await lab.stateOf(event)).toBe('deferred no_connection 1');
    expect(await lab.counters()).toEqual({ sent: 60, 'deferred no_connection': 1 });
  });

  it('stops the lane when nothing else gets an answer either, instead of burning one message after the other', async () => {
    const server = await startServer();
    server.behave = () => ({ kind: 'drop', at: 'message' });
    const lab = await openLab({ smtpUrl: server.smtpUrl });
    const events = renderedMany(200, { on_no_answer: 'park' });
    await expect(lab.dispatch(events)).rejects.toThrow(DependencyError);
    const { 'unknown no_answer': unknown = 0 } = await lab.counters();
    expect(unknown).toBeGreaterThan(0);
    expect(unknown).toBeLessThan(15);
    server.behave = () => ({ kind: 'accept' });
    await until(() => lab.dispatch(events));
    expect(await lab.counters()).toEqual({ sent: 200 - unknown, 'unknown no_answer': unknown });
    expect(server.taken.length).toBe(200);
  });
});

/** As the runtime does: what waits for something outside is tried until it is there. */
async function until(work: () => Promise<void>): Promise<number> {
  let pauses = 0;
  await eventually(async () => {
    try {
      await work();
      return true;
    } catch (error) {
      if (!(error instanceof DependencyError)) throw error;
      pauses += 1;
      return false;
    }
  }, 'it works again');
  return pauses;
}

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
      const server = await startServer();
      const lab = await openLab({ smtpUrl: server.smtpUrl, login: { user: 'posthorn', pass: 'secret' } });
      const events = [...renderedMany(50), ...renderedMany(50, { on_no_answer: 'park' })];
      await begin(server);
      await expect(lab.dispatch(events)).rejects.toMatchObject({ dependency: 'mail-server' });
      await expect(lab.dispatch(events)).rejects.toMatchObject({ dependency: 'mail-server' });
      expect(await lab.counters()).toEqual({});
      expect(lab.outcomes).toEqual([]);
      await end(server);
      await until(() => lab.dispatch(events));
      expect(await lab.counters()).toEqual({ sent: 100 });
      expect(server.taken.length).toBe(100);
      expect(lab.outcomes.every(({ attempt }) => attempt === 1)).toBe(true);
    },
  );

  it('in the middle of a slice loses nothing and doubles nothing but what was in its hands', async () => {
    const server = await startServer();
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
    await until(() => lab.dispatch(events));
    lab.startWaiting();
    await lab.makeDue();
    await eventually(async () => (await lab.waitingCount()) === 0, 'nothing waits');
    expect(await lab.counters()).toEqual({ sent: 400 });
    expect(new Set(server.taken.map(({ messageId }) => messageId)).size).toBe(400);
    expect(server.taken.length - 400).toBeLessThanOrEqual(4);
  });

  it('does not hold up what waits: it is sent when the server is back, and its attempts are not burnt', async () => {
    const server = await startServer();
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
    const server = await startServer();
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
    await until(() => lab.dispatch(events));
    expect(await lab.counters()).toEqual({ sent: 500 });
    expect(server.taken.length).toBe(500);
    expect(new Set(lab.outcomes.map((outcome) => outcome.notification_id)).size).toBe(500);
  });
});

describe('a dispatcher that is killed', () => {
  /** The ledger of a process whose statements no longer arrive, from the moment of `kill` on. */
  function mortal(): { ledger(ledger: Ledger): Ledger; kill(): void } {
    let dead = false;
    const never = new Promise<never>(() => {});
    const mortalCall = <A extends unknown[], R>(call: (...args: A) => Promise<R>) => {
      return (...args: A): Promise<R> => (dead ? never : call(...args));
    };
    return {
      ledger: (ledger) => ({
        ...ledger,
        settle: mortalCall(ledger.settle),
        release: mortalCall(ledger.release),
        markSending: mortalCall(ledger.markSending),
        renew: mortalCall(ledger.renew),
      }),
      kill: () => {
        dead = true;
      },
    };
  }

  it.each(['resend', 'park'] as const)(
    'leaves nobody without an end, and its heir repeats only what it must (%s)',
    async (onNoAnswer) => {
      const server = await startServer();
      const victim = mortal();
      const lab = await openLab({ smtpUrl: server.smtpUrl, connections: 4 });
      const events = renderedMany(400, { on_no_answer: onNoAnswer });
      const dying = lab.createLane({ ledger: victim.ledger(lab.ledger) });
      server.behave = () => {
        if (server.taken.length === 170) victim.kill();
        return { kind: 'accept' };
      };
      const messages = events.map((event, at) => ({
        event,
        key: event.user_id,
        traceparent: undefined,
        partition: 0,
        offset: String(at),
        waitsSince: null,
        mayHaveLeft: false,
      }));
      void dying.dispatch(messages, { fromWaiting: false, signal: new AbortController().signal, progressed: () => {} });
      await eventually(() => server.taken.length >= 170, 'some are sent');
      // What is under way comes to rest: no answer can be settled, so no more bodies leave.
      let before = -1;
      await eventually(() => {
        const isStill = before === server.taken.length;
        before = server.taken.length;
        return isStill;
      }, 'it comes to rest');
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
    const server = await startServer();
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
