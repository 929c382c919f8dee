// What people and time do in the ledger's model: holds, consent, commands, leases that run out, outcomes of other stages.
import { sql } from 'kysely';
import { liftHold } from '../../../lib/holds/lift-hold.ts';
import { writeDeliveryCommands } from '../../../services/admin/operator/redrive-commands.ts';
import { outcome } from '../ledger-steps.ts';
import type { Step } from './steps.ts';
import { ends, type ModelScope, republishPassed, sharedSubjects, type World } from './world.ts';

/** @returns the kinds of statements that it ran */
export async function performOutside(
  world: World,
  step: Exclude<Step, { worker: unknown } | { do: 'takeBoth' }>,
): Promise<string[]> {
  const { lab, notes, workers, requestIds } = world;
  switch (step.do) {
    case 'endLeases': {
      const spared =
        step.except === undefined ? [] : [...workers[step.except].slices.values()].map(({ token }) => token);
      await sql`
        update deliveries set lease_until = now() - interval '1 second'
        where month = ${world.month}::date and notification_id = any(${notes.map(({ event }) => event.notification_id)}::uuid[])
          and lease_until is not null and token <> all(${spared}::uuid[])
      `.execute(lab.db);
      await sql`update waiting set lease_until = null`.execute(lab.db);
      for (const [at, one] of workers.entries()) if (at !== step.except) one.loseTime();
      return ['time'];
    }
    case 'makeDue':
      await sql`update waiting set due_at = now() where resume_at is null`.execute(lab.db);
      return ['time'];
    case 'wake':
      await lab.ledger.wake(undefined);
      return ['wake'];
    case 'hold': {
      const requestId = requestIds[step.request % requestIds.length] ?? '';
      if (world.holds.get(requestId) === 'cancelled') return [];
      await lab.hold(requestId, step.state);
      if (step.state) world.holds.set(requestId, step.state);
      else world.holds.delete(requestId);
      republishPassed(world);
      return [];
    }
    case 'share':
      await shareHold(world, step.scope, step.isPlaced);
      return [];
    default:
      return performOn(world, step);
  }
}

/** A shared hold is placed, or lifted: nothing happens when it is so already. */
async function shareHold(world: World, scope: ModelScope, isPlaced: boolean): Promise<void> {
  const { db } = world.lab;
  const id = world.shared.get(scope);
  if (isPlaced === (id !== undefined)) return;
  if (id === undefined) {
    const hold = { scope, subject: sharedSubjects[scope], author: 'anna', reason: 'a test' };
    const placed = await db.insertInto('sending_holds').values(hold).returning('hold_id').executeTakeFirstOrThrow();
    world.shared.set(scope, placed.hold_id);
    return;
  }
  await liftHold(db, String(id), 'anna');
  world.shared.delete(scope);
  republishPassed(world);
}

async function performOn(
  world: World,
  step: Extract<Step, { pick: number }> & {
    do: 'suppress' | 'unsubscribe' | 'expire' | 'endEarlier' | 'tellPutAside' | 'command';
  },
): Promise<string[]> {
  const { notes, deadLettered } = world;
  const { db, ledger } = world.lab;
  const note = notes[step.pick % notes.length];
  if (!note) return [];
  const { user_id, channel, address } = note.event;
  switch (step.do) {
    case 'suppress':
      note.isSuppressed = true;
      await sql`
        insert into suppressions (channel, address, reason) values (${channel}, ${address}, 'manual') on conflict do nothing
      `.execute(db);
      return [];
    case 'unsubscribe':
      note.isUnsubscribed = true;
      await sql`
        insert into unsubscribes (user_id, channel, source) values (${user_id}, ${channel}, 'page') on conflict do nothing
      `.execute(db);
      return [];
    case 'expire':
      // Time goes by until the moment that its request named.
      note.event.expires_at = Date.now() - 1;
      return [];
    case 'endEarlier':
      await ledger.insertEnded([outcome(note.event)]);
      return ['outcome'];
    case 'tellPutAside': {
      const told = deadLettered.pop();
      if (!told) return [];
      await ledger.insertEnded([
        outcome(told.event, { stage: 'dispatcher', state: 'failed', reason: 'dead_lettered', detail: 'a bug' }),
      ]);
      return ['outcome'];
    }
    case 'command': {
      const ended = notes.filter(({ event }) => ends.has(world.last.rows.get(event.notification_id)?.state ?? ''));
      const wanted = ended[step.pick % ended.length];
      if (!wanted) return [];
      const notificationIds = [wanted.event.notification_id];
      await writeDeliveryCommands(db, { notificationIds, kind: step.kind, reason: 'a test', who: 'anna' });
      wanted.isOwed = true;
      return ['command'];
    }
  }
}
