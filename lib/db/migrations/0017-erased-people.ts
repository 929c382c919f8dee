// Who was erased and must not be written to again, as keyed hashes (domain/keyed-hash.ts); and whether a version of a
// template is confidential, which what was made with it stays.
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  `create table erased_people (
    hash bytea primary key,
    subject text not null check (subject in ('person', 'email', 'sms')),
    scope text not null default 'all' check (scope in ('all', 'promotional')),
    erased_at timestamptz not null default now()
  )`,
  'alter table template_versions add column confidential boolean not null default false',
  `update template_versions v set confidential = true
     from templates t where t.template_id = v.template_id and t.confidential`,
];
