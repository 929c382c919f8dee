// The sink, a process of its own that no fault touches: `node tests/faults/sink/main.ts <file>` takes mail by SMTP and SMS
// by HTTP, and writes a line `<ms since 1970> <notification id> <recipient>` to the file before it answers. Lines of JSON on its standard
// input tell it what to do, lines of JSON on its standard output what happened; it ends with its standard input.
import { openSync, writeSync } from 'node:fs';
import type { AddressInfo, Server } from 'node:net';
import { createInterface } from 'node:readline';
import type { SinkCommand, SinkEvent } from './protocol.ts';
import { createSmsGateway } from './sms-gateway.ts';
import { createSinkServer, type TakenMail } from './smtp-server.ts';

const file = process.argv[2];
if (file === undefined) throw new Error('say into which file the mails are to be written');
const log = openSync(file, 'a');
const tell = (event: SinkEvent) => process.stdout.write(`${JSON.stringify(event)}\n`);

const writeDown = ({ notificationId, to }: TakenMail) => {
  writeSync(log, `${Date.now()} ${notificationId} ${to}\n`);
};
const sink = createSinkServer(writeDown);
const gateway = createSmsGateway(writeDown);

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const command = JSON.parse(line) as SinkCommand;
    switch (command.do) {
      case 'script': {
        const script = { ...command.script, spared: new Set(command.script.spared) };
        sink.setScript(script);
        gateway.setScript(script);
        return tell({ happened: 'scripted' });
      }
      case 'hold':
        sink.holdNext(command.containing ?? '', (mail) => tell({ happened: 'held', mail }));
        return tell({ happened: 'holding' });
      case 'release':
        sink.release();
        return tell({ happened: 'released' });
    }
  })
  .on('close', () => process.exit());

const portOf = (server: Server) => (server.address() as AddressInfo).port;
const listen = (server: Server) => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

await Promise.all([listen(sink.server), listen(gateway.server)]);
tell({ happened: 'listening', port: portOf(sink.server), smsPort: portOf(gateway.server) });
