// What a worker of the model reads: records of Kafka, and what waited and is due.
import type { Message } from '../../../services/dispatcher/messages.ts';
import { toMessage } from '../ledger-lab.ts';
import { anyDue } from '../ledger-steps.ts';
import { type Note, noteOf, type World } from './world.ts';

export const toKafkaMessage = ({ event, at }: Note): Message => toMessage(event, at);

export async function takeDue(world: World): Promise<Message[]> {
  const due = await world.lab.ledger.claimDue('low', anyDue(10));
  return due.map((row) => ({
    ...toKafkaMessage(noteOf(world, row.notification_id)),
    waitsSince: row.since_ms,
    mayHaveLeft: row.reason === 'no_answer',
  }));
}
