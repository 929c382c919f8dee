// A producer and a supporter in one: posts to the HTTP ingest and asks it what became of it, as anybody outside would.
import { eventually } from './eventually.ts';

export interface Answer {
  status: number;
  headers: Headers;
  body: Record<string, unknown>;
}

/** As GET /api/v1/requests/{id} answers. */
export interface RequestStatus {
  request_id: string;
  state: string;
  planning_complete: boolean;
  planned: number;
  sent: number;
  failed: number;
  skipped: number;
  unknown: number;
  in_flight: number;
  reasons: { state: string; reason: string; count: number }[];
  detail: string | null;
  scheduled_at: string | null;
}

/** As GET /api/v1/notifications answers; `journey`, `detail` only for a single one. */
export interface NotificationStatus {
  notification_id: string;
  request_id: string;
  user_id: string;
  channel: string;
  address: string | null;
  template_id: string;
  template_version: number;
  priority: string;
  state: string;
  reason: string | null;
  attempts: number;
  detail: string | null;
  journey: { stage: string; at: string; outcome: string; reason: string | null; detail: string | null }[];
}

export interface PostOptions {
  idempotencyKey?: string;
  /** Undefined: the system's own key. Null: none. */
  apiKey?: string | null;
}

export type IngestClient = ReturnType<typeof createIngestClient>;

/** @param readingKey for what asks; one with the scope admin also sees mailings of the pages and lists by person */
export function createIngestClient(ingestUrl: string, apiKey: string, readingKey = apiKey) {
  const base = `${ingestUrl}/api/v1`;
  const authorization = (key: string | null) => (key === null ? {} : { authorization: `Bearer ${key}` });

  async function post(path: string, body: unknown, options: PostOptions = {}): Promise<Answer> {
    const headers: Record<string, string> = {
      'content-type': 'application/json',
      ...authorization(options.apiKey === undefined ? apiKey : options.apiKey),
      ...(options.idempotencyKey === undefined ? {} : { 'idempotency-key': options.idempotencyKey }),
    };
    const signal = AbortSignal.timeout(20_000);
    const response = await fetch(`${base}${path}`, { method: 'POST', headers, body: JSON.stringify(body), signal });
    return { status: response.status, headers: response.headers, body: await readJson(response) };
  }

  async function get(path: string): Promise<Answer> {
    const signal = AbortSignal.timeout(20_000);
    const response = await fetch(`${base}${path}`, { headers: authorization(readingKey), signal });
    return { status: response.status, headers: response.headers, body: await readJson(response) };
  }

  /** Sends an event and expects it to be accepted. @returns the request's id */
  async function send(event: object, options: PostOptions = {}): Promise<string> {
    const { status, body } = await post('/send_notification', { event }, options);
    if (status !== 202) throw new Error(`ingest answered ${status} ${JSON.stringify(body)}`);
    return String(body.request_id);
  }

  async function findRequest(id: string): Promise<RequestStatus> {
    const { status, body } = await get(`/requests/${id}`);
    if (status !== 200) throw new Error(`ingest answered ${status} ${JSON.stringify(body)} for request ${id}`);
    return body as unknown as RequestStatus;
  }

  async function untilRequest(
    id: string,
    condition: (request: RequestStatus) => boolean,
    what: string,
    timeoutMs = 60_000,
  ): Promise<RequestStatus> {
    let last: RequestStatus | undefined;
    const say = () => `request ${id} ${what}; it is ${JSON.stringify(last)}`;
    await eventually(
      async () => {
        // Ingest may be on its way up again.
        last = await findRequest(id).catch(() => last);
        return last !== undefined && condition(last);
      },
      say,
      timeoutMs,
    );
    if (!last) throw new Error(say());
    return last;
  }

  async function listNotifications(query: Record<string, string>): Promise<NotificationStatus[]> {
    const found: NotificationStatus[] = [];
    for (let after: string | null = ''; after !== null; ) {
      const parameters = new URLSearchParams({ ...query, limit: '500', ...(after === '' ? {} : { after }) });
      const { status, body } = await get(`/notifications?${parameters}`);
      if (status !== 200) throw new Error(`ingest answered ${status} ${JSON.stringify(body)}`);
      found.push(...(body.notifications as NotificationStatus[]));
      after = body.next as string | null;
    }
    return found;
  }

  return {
    post,
    get,
    send,
    findRequest,
    untilRequest,
    /** Waits until everybody in it has an end; checks that the numbers balance. */
    async untilDone(id: string, timeoutMs = 60_000): Promise<RequestStatus> {
      const done = await untilRequest(id, (request) => request.state === 'done', 'is done', timeoutMs);
      const ended = done.sent + done.failed + done.skipped + done.unknown;
      if (ended !== done.planned || !done.planning_complete || done.in_flight !== 0) {
        throw new Error(`done, but the numbers do not balance: ${JSON.stringify(done)}`);
      }
      return done;
    },
    listNotifications,
    async findNotification(id: string): Promise<NotificationStatus> {
      const { status, body } = await get(`/notifications/${id}`);
      if (status !== 200) throw new Error(`ingest answered ${status} ${JSON.stringify(body)} for notification ${id}`);
      return body as unknown as NotificationStatus;
    },
  };
}

async function readJson(response: Response): Promise<Record<string, unknown>> {
  const text = await response.text();
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return { text };
  }
}
