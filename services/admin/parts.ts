// What every page of the admin service stands on. Made once by service.ts.
import type { HttpBindings } from '@hono/node-server';
import type { Context, Hono } from 'hono';
import type { Kafka } from 'kafkajs';
import type { Db } from '../../lib/db/database.ts';
import type { Codec } from '../../lib/kafka/codec.ts';
import type { Publisher } from '../../lib/kafka/publisher.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Topics } from '../../lib/topics.ts';
import type { UserService } from '../../lib/user-service.ts';
import type { AdminConfig } from './config.ts';
import type { Form } from './forms.ts';
import type { KeptAdmin } from './kafka/kept-admin.ts';
import type { LagSampler } from './kafka/lag-sampler.ts';
import type { RecordReader } from './kafka/record-reader.ts';
import type { LogIns } from './log-in.ts';
import type { DeadLetterIndex } from './operator/dead-letters-index.ts';
import type { Previewer } from './preview.ts';
import type { Session } from './sessions.ts';
import type { Views } from './views.ts';

export interface Parts {
  config: AdminConfig;
  db: Db;
  /** Connections that an upload keeps for as long as its sender takes: nobody else waits for them. */
  uploadsDb: Db;
  kafka: Kafka;
  topics: Topics;
  codec: Codec;
  publisher: Pick<Publisher, 'publish' | 'publishRaw'>;
  kafkaAdmin: KeptAdmin;
  /** Single records of our topics, by partition and offset. */
  records: RecordReader;
  /** What the stages put aside. */
  deadLetters: DeadLetterIndex;
  /** How far topics and lanes are. */
  lag: LagSampler;
  users: UserService;
  previewer: Previewer;
  views: Views;
  /** The only way to a password's check: throttled, and two at a time. */
  logIns: LogIns;
  logger: Logger;
  now: () => number;
  /** Aborted when the service stops: event streams and readers end with it. */
  stopping: AbortSignal;
}

/** The session is set for every path but those of people who have not logged in. */
export type AdminEnv = { Bindings: HttpBindings; Variables: { session: Session; form: Form | undefined } };
export type AdminContext = Context<AdminEnv>;
export type AdminApp = Hono<AdminEnv>;

/** One area of the pages adds its paths: a file in routes/. */
export type Area = (app: AdminApp, parts: Parts) => void;
