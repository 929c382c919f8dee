// The mail server of the bench, a process of its own: takes every mail and keeps nothing of it but what arrivals.ts
// says. `node bench/smtp-sink.ts [SMTP port] [control port]` prints its addresses; it ends with its standard input.
//   GET /arrivals[?times]   POST /reset[?mark=<text>]   GET /last (the last mail as it was composed)
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createArrivalLog } from './arrivals.ts';
import { createSmtpSession, greeting, withoutDotStuffing } from './smtp-session.ts';

const log = createArrivalLog();

const smtp = createServer({ noDelay: true }, (socket: Socket) => {
  const take = createSmtpSession((mail) => log.add(mail, performance.timeOrigin + performance.now()));
  socket.on('data', (chunk: Buffer) => {
    const { replies, isOver } = take(chunk);
    if (isOver) socket.end(replies, 'latin1');
    else if (replies !== '') socket.write(replies, 'latin1');
  });
  // A client that is killed resets its connections: that is its business.
  socket.on('error', () => socket.destroy());
  socket.write(greeting);
});

const control = createHttpServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://sink');
  const answer = (status: number, type: string, body: string | Buffer) =>
    response.writeHead(status, { 'content-type': type }).end(body);
  switch (`${request.method} ${pathname}`) {
    case 'GET /arrivals':
      return answer(200, 'application/json', JSON.stringify(log.read({ times: searchParams.has('times') })));
    case 'POST /reset':
      log.reset(searchParams.get('mark') ?? '');
      return answer(200, 'application/json', '{}');
    case 'GET /last': {
      const mail = log.lastMail();
      if (!mail) return answer(404, 'text/plain', 'no mail came yet\n');
      return answer(200, 'text/plain; charset=utf-8', withoutDotStuffing(mail.raw));
    }
    default:
      return answer(404, 'text/plain', 'there are GET /arrivals, POST /reset and GET /last\n');
  }
});

const [smtpPort = 0, controlPort = 0] = process.argv.slice(2).map(Number);
smtp.listen(smtpPort, '127.0.0.1', () => {
  control.listen(controlPort, '127.0.0.1', () => {
    const addresses = {
      smtpUrl: `smtp://127.0.0.1:${(smtp.address() as AddressInfo).port}`,
      controlUrl: `http://127.0.0.1:${(control.address() as AddressInfo).port}`,
    };
    process.stdout.write(`${JSON.stringify(addresses)}\n`);
  });
});
// Whoever started it is gone, however it ended.
process.stdin.on('end', () => process.exit()).resume();
