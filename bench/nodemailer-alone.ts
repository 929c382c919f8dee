// The contestant: one process with nodemailer's own pool of 10 connections that composes the letter for each person and
// hands it to the sink, and does nothing else. Warms up, says so, and sends when it is told to.
import { once } from 'node:events';
import { createTransport } from 'nodemailer';
import { createLetterWriter } from './bench-mail.ts';
import { type Reachable, reachablePeople } from './people.ts';

const [smtpUrl = '', count = '0', warmUpCount = '0'] = process.argv.slice(2);
const { hostname, port } = new URL(smtpUrl);
const writeLetter = createLetterWriter();
const transport = createTransport({
  pool: true,
  maxConnections: 10,
  maxMessages: Number.POSITIVE_INFINITY,
  host: hostname,
  port: Number(port),
  ignoreTLS: true,
});

// Enough that its pool never waits for us.
const inFlightCount = 100;

async function send(people: readonly Reachable[]): Promise<void> {
  let next = 0;
  const work = async () => {
    for (let person = people[next++]; person; person = people[next++]) {
      await transport.sendMail({ from: 'Posthorn <no-reply@example.com>', to: person.email, ...writeLetter(person) });
    }
  };
  await Promise.all(Array.from({ length: inFlightCount }, work));
}

const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);
await send(reachablePeople(Number(warmUpCount)));
const people = reachablePeople(Number(count));
say({ warm: true });
await once(process.stdin, 'data');
process.stdin.on('end', () => process.exit());
const startedAtMs = performance.timeOrigin + performance.now();
await send(people);
say({ startedAtMs });
