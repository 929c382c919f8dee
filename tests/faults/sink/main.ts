// The sink, a process of its own that no fault touches: `node tests/faults/sink/main.ts <file>` takes mail by SMTP and
// writes a line `<ms since 1970> <notification id> <recipient>` to the file before it answers. Lines of JSON on its standard
// input tell it what to do, lines of JSON on its standard output what happened; it ends with its standard input.
import { openSync, writeSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import type { SinkCommand, SinkEvent } from './protocol.ts';
import { createSinkServer } from './smtp-server.ts';

const file = process.argv[2];
if (file === undefined) throw new Error('say into which file the mails are to be written');
const log = openSync(file, 'a');
const tell = (event: SinkEvent) => process.stdout.write(`${JSON.stringify(event)}\n`);

const sink = createSinkServer(({ notificationId, to }) => {
  writeSync(log, `${Date.now()} ${notificationId} ${to}\n`);
});

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const command = JSON.parse(line) as SinkCommand;
    switch (command.do) {
      case 'script':
        sink.setScript({ ...command.script, spared: new Set(command.script.spared) });
        return tell({ happened: 'scripted' });
      case 'hold':
        sink.holdNext(command.containing ?? '', (mail) => tell({ happened: 'held', mail }));
        return tell({ happened: 'holding' });
      case 'release':
        sink.release();
        return tell({ happened: 'released' });
    }
  })
  .on('close', () => process.exit());

sink.server.listen(0, '127.0.0.1', () => {
  tell({ happened: 'listening', port: (sink.server.address() as AddressInfo).port });
});
