// /follow : a request, chunk or notification through the topics, searched only where and when Postgres knows it was.
import { chunkId, isUserId, isUuid, notificationId } from '../../../domain/ids.ts';
import { page } from '../page.ts';
import type { AdminApp, AdminContext, Parts } from '../parts.ts';
import {
  type FollowedChunk,
  type FollowedDelivery,
  type FollowedRequest,
  findAcceptedAt,
  findFollowedDelivery,
  findFollowedRequest,
  findSequenceOf,
  listFollowedChunks,
  listSomeDeliveries,
} from '../queries/follow.ts';
import { queryText } from '../query.ts';
import { requireAbility } from '../roles.ts';
import type { Step } from './follow-search.ts';
import { chunkStep, messageSteps, requestStep, showSteps } from './follow-steps.ts';

const someCount = 10;

interface Asked {
  id: string;
  /** Of a chunk, or of a message that the ledger does not know yet. */
  request: string;
  user: string;
}

export function follow(app: AdminApp, parts: Parts): void {
  app.get('/follow', (c) => show(c, parts));
}

async function show(c: AdminContext, parts: Parts): Promise<Response> {
  requireAbility(c, 'operate');
  const asked: Asked = {
    id: queryText(c, 'id').toLowerCase(),
    request: queryText(c, 'request').toLowerCase(),
    user: queryText(c, 'user'),
  };
  const fault = findFault(asked);
  if (asked.id === '' || fault) return answer(c, parts, asked, { fault }, fault ? 422 : 200);
  // Fresh positions, for what is said of what is on its way. Without them the rest is still true.
  await parts.lag.current().catch(() => undefined);
  return (
    (await showMessage(c, parts, asked)) ??
    (await showRequest(c, parts, asked)) ??
    (await showChunk(c, parts, asked)) ??
    (await showAccepted(c, parts, asked)) ??
    answer(c, parts, asked, { isUnknown: true }, 404)
  );
}

function findFault({ id, request, user }: Asked): string | undefined {
  if (id !== '' && !isUuid(id)) return 'An id looks like 6f1c2b9e-1d1f-4c57-9d7e-0a2b5c3d4e5f.';
  if (request !== '' && !isUuid(request)) return 'The request is not an id.';
  return user !== '' && !isUserId(user) ? 'A person’s id is 1 to 64 of A-Z a-z 0-9 . _ : -' : undefined;
}

/** The notification of this id; or the person's one of the request of this id. */
async function showMessage(c: AdminContext, parts: Parts, asked: Asked): Promise<Response | undefined> {
  const delivery = await findFollowedDelivery(parts.db, asked.id);
  const requestId = delivery?.requestId ?? (asked.user === '' ? '' : asked.request || asked.id);
  if (requestId === '') return undefined;
  const request = await findFollowedRequest(parts.db, requestId);
  if (!request?.channel) return undefined;
  const userId = delivery?.userId ?? asked.user;
  const id = notificationId(request.requestId, userId, request.channel);
  if (asked.id !== id && asked.id !== request.requestId) return undefined;
  const known = delivery ?? (await findFollowedDelivery(parts.db, id));
  const sequence = known
    ? findSequence(request, known.chunkId)
    : await findSequenceOf(parts.db, request.requestId, userId);
  const [chunk] = sequence === undefined ? [] : await listFollowedChunks(parts.db, request.requestId, sequence, 1);
  const nowMs = parts.now();
  const message = {
    notificationId: id,
    userId,
    chunkId: chunk ? chunkId(request.requestId, chunk.sequence) : (known?.chunkId ?? ''),
    chunkPeopleCount: chunk?.peopleCount ?? 0,
    publishedAt: chunk?.publishedAt ?? null,
    storedAt: chunk?.storedAt ?? null,
    delivery: known,
  };
  const steps: Step[] = [
    requestStep(parts, request),
    ...(chunk ? [chunkStep(parts, request, { ...chunk, id: message.chunkId }, nowMs)] : []),
    ...(chunk || known ? messageSteps(parts, request, message, nowMs) : []),
  ];
  const isPlanned = chunk !== undefined || known !== undefined;
  const data = { kind: 'message', request, message, delivery: known, isPlanned, steps: await showSteps(parts, steps) };
  return answer(c, parts, asked, data);
}

async function showRequest(c: AdminContext, parts: Parts, asked: Asked): Promise<Response | undefined> {
  const request = await findFollowedRequest(parts.db, asked.id);
  if (!request) return undefined;
  const [chunks, deliveries] = await Promise.all([
    listFollowedChunks(parts.db, asked.id, 0, someCount),
    listSomeDeliveries(parts.db, asked.id, someCount),
  ]);
  const shown = chunks.map((chunk) => toShownChunk(request, chunk));
  const steps = [requestStep(parts, request)];
  if (shown[0]) steps.push(chunkStep(parts, request, shown[0], parts.now()));
  const data = {
    kind: 'request',
    request,
    chunks: shown,
    deliveries,
    people: deliveries.length === 0 ? toPeople(request, chunks) : [],
    steps: await showSteps(parts, steps),
  };
  return answer(c, parts, asked, data);
}

async function showChunk(c: AdminContext, parts: Parts, asked: Asked): Promise<Response | undefined> {
  const request = asked.request === '' ? undefined : await findFollowedRequest(parts.db, asked.request);
  const sequence = request && findSequence(request, asked.id);
  if (!request || sequence === undefined) return undefined;
  const [chunk] = await listFollowedChunks(parts.db, request.requestId, sequence, 1);
  if (!chunk) return undefined;
  const shown = toShownChunk(request, chunk);
  const ids = toPeople(request, [chunk]);
  const found = await Promise.all(ids.map(({ id }) => findFollowedDelivery(parts.db, id)));
  const deliveries = found.filter((one): one is FollowedDelivery => one !== undefined);
  const people = ids.filter(({ id }) => !deliveries.some((one) => one.notificationId === id));
  const steps = await showSteps(parts, [requestStep(parts, request), chunkStep(parts, request, shown, parts.now())]);
  return answer(c, parts, asked, { kind: 'chunk', request, chunk: shown, deliveries, people, steps });
}

/** Answered with 202, and not stored by the planner yet. */
async function showAccepted(c: AdminContext, parts: Parts, asked: Asked): Promise<Response | undefined> {
  const acceptedAt = await findAcceptedAt(parts.db, asked.id);
  if (!acceptedAt) return undefined;
  const { topics } = parts;
  const step: Step = {
    name: 'requested',
    topics: [topics.requestsHigh.name, topics.requests.name],
    key: undefined,
    id: asked.id,
    atMs: acceptedAt.getTime(),
    aboutMs: acceptedAt.getTime(),
    fromMs: acceptedAt.getTime() - 60_000,
    untilMs: acceptedAt.getTime() + 60_000,
    doneBy: 'planner',
    missing: undefined,
  };
  return answer(c, parts, asked, { kind: 'accepted', acceptedAt, steps: await showSteps(parts, [step]) });
}

function toShownChunk(request: FollowedRequest, chunk: FollowedChunk) {
  return { ...chunk, id: chunkId(request.requestId, chunk.sequence) };
}

/** Some people of these chunks, by whom their messages can be followed before the ledger knows them. */
function toPeople(request: FollowedRequest, chunks: readonly FollowedChunk[]): { userId: string; id: string }[] {
  const { channel } = request;
  if (!channel) return [];
  return chunks
    .flatMap(({ someUserIds }) => someUserIds)
    .slice(0, someCount)
    .map((userId) => ({ userId, id: notificationId(request.requestId, userId, channel) }));
}

function findSequence(request: FollowedRequest, id: string): number | undefined {
  for (let sequence = 0; sequence < request.chunkCount; sequence++) {
    if (chunkId(request.requestId, sequence) === id) return sequence;
  }
  return undefined;
}

function answer(
  c: AdminContext,
  parts: Parts,
  asked: Asked,
  data: Record<string, unknown>,
  status: 200 | 404 | 422 = 200,
): Promise<Response> {
  return page(c, parts, 'follow/follow', { title: 'Follow', asked, ...data }, status);
}
