// A user service that knows everybody but those who are told, and can be taken down.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

export interface TestUserService {
  url: string;
  /** While true each call is answered with 503. */
  isDown: boolean;
  /** How many people it was asked for. */
  askedCount: number;
  stop(): Promise<void>;
}

export async function startTestUserService(isUnknown: (id: string) => boolean): Promise<TestUserService> {
  const server = createServer(async (request, response) => {
    const answer = (status: number, body: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    if (service.isDown) return answer(503, {});
    if (request.url !== '/users/batch') return answer(200, []);
    const { ids } = (await json(request)) as { ids: string[] };
    service.askedCount += ids.length;
    answer(200, {
      users: ids.filter((id) => !isUnknown(id)).map(toUser),
      missing: ids.filter((id) => isUnknown(id)),
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const service: TestUserService = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    isDown: false,
    askedCount: 0,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return service;
}

function toUser(id: string) {
  return { id, first_name: 'Ada', last_name: 'L', email: null, phone: null, promo_agree: true };
}
