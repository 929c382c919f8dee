// /mailings/<id>: how it goes, live; of a series its firings. Without script the page as of now.
import { streamPart } from '../event-stream.ts';
import { createLiveSnapshots, type Snapshot } from '../mailing/live-snapshots.ts';
import { toLiveView, toTimeLeft } from '../mailing/live-view.ts';
import { describeCron } from '../mailing/recurrence.ts';
import { toMomentWords } from '../mailing/schedule.ts';
import { page } from '../page.ts';
import type { AdminApp, AdminContext, Parts } from '../parts.ts';
import { listFirings } from '../queries/mailings-firings.ts';
import { readNumbers } from '../queries/mailings-numbers.ts';
import { listHistory } from '../queries/mailings-one.ts';
import { listPeople } from '../queries/mailings-people.ts';
import { findTemplate } from '../queries/mailings-templates.ts';
import { requireAbility } from '../roles.ts';
import { toShownHold } from '../shown-holds.ts';
import { findSeriesFault, nextInWords } from './mailings-form-data.ts';
import { findShown, type Shown } from './mailings-shown.ts';

const everyMs = 1_000;

export function mailingsLive(app: AdminApp, parts: Parts): void {
  const snapshots = createLiveSnapshots((id) => readNumbers(parts.db, id), parts.now);
  app.get('/mailings/:id', (c) => show(c, parts));
  app.get('/mailings/:id/live', async (c) => {
    requireAbility(c, 'view');
    const shown = await findShown(c, parts);
    let last: { snapshot: Snapshot; html: string } | undefined;
    return streamPart(c, parts, everyMs, async () => {
      const snapshot = await snapshots.look(shown.id);
      if (last?.snapshot === snapshot) return last.html;
      const html = await parts.views.render('mailings/live', toLiveData(c, shown, snapshot));
      last = { snapshot, html };
      return html;
    });
  });
}

async function show(c: AdminContext, parts: Parts): Promise<Response> {
  requireAbility(c, 'view');
  const shown = await findShown(c, parts);
  const { mailing, request } = shown;
  const templateId = request?.template_id ?? mailing?.template_id;
  const version =
    request?.template_version ?? (mailing?.status === 'draft' ? null : (mailing?.template_version ?? null));
  const [template, history, firings, people] = await Promise.all([
    templateId ? findTemplate(parts.db, templateId, version) : undefined,
    listHistory(parts.db, shown.id),
    mailing?.recurrence && !shown.seriesId ? listFirings(parts.db, shown.id) : [],
    mailing && mailing.people_count > 0 ? listPeople(parts.db, mailing.mailing_id, 3) : [],
  ]);
  const isDraft = mailing?.status === 'draft' && !request;
  const content = isDraft ? mailing : (request ?? mailing);
  // Of a mailing, also those who write it; of a producer's request, those who may read messages. Of a template that is gone, nobody.
  const { abilities } = c.var.session;
  const mayRead = abilities.has('people') || (mailing !== null && abilities.has('edit'));
  const isShown = mayRead && (templateId == null || template?.isConfidential === false);
  return page(c, parts, 'mailings/show', {
    title: shown.title,
    ...toLiveData(c, shown, { row: shown.row, rate: undefined }),
    mailing,
    request,
    isFromApi: mailing === null,
    seriesId: shown.seriesId,
    template,
    content,
    context: content && isShown && content.context !== '{}' ? JSON.parse(content.context) : undefined,
    isContextHidden: content !== null && content.context !== '{}' && !isShown,
    when: describeWhen(shown),
    seriesFault: shown.isSeries && mailing ? findSeriesFault(mailing) : undefined,
    next: shown.isSeries && mailing?.recurrence ? nextInWords(mailing.recurrence, mailing.time_zone, parts.now()) : [],
    history,
    firings,
    people: c.var.session.abilities.has('people') ? people : [],
  });
}

function describeWhen({ mailing, request }: Shown): { words?: string; at?: Date | null } {
  if (mailing?.recurrence && !request) return { words: `${describeCron(mailing.recurrence)} (${mailing.time_zone})` };
  const at = request?.scheduled_at ?? mailing?.scheduled_at ?? null;
  if (!at) return { words: 'at once' };
  return mailing ? { at, words: toMomentWords(at, mailing.time_zone) } : { at };
}

/** What the moving part of the page needs. */
function toLiveData(c: AdminContext, shown: Shown, { row, rate }: Snapshot) {
  const view = toLiveView(row, shown.facts);
  const { abilities, csrfToken } = c.var.session;
  const { state, remaining } = view;
  const isOver = state === 'done' || state === 'rejected' || (state === 'cancelled' && view.turning === null);
  const isWanted = state !== 'draft' && !isOver;
  const { ownHold } = row;
  return {
    id: shown.id,
    csrf: csrfToken,
    may: Object.fromEntries([...abilities].map((ability) => [ability, true])),
    isSeries: shown.isSeries,
    holds: isOver ? [] : row.holds.map(toShownHold),
    view,
    aside: isWanted ? row.aside : null,
    rate: state === 'running' ? rate : undefined,
    timeLeftMs: toTimeLeft(view, rate),
    hasNumbers: row.state !== null,
    isUnknownCount: remaining === 0 && !view.planningComplete,
    can: {
      pause: isWanted && ownHold === null && state !== 'late',
      resume: isWanted && ownHold === 'paused',
      cancel: isWanted && ownHold !== 'cancelled',
      release: state === 'late',
      withdraw:
        shown.mailing?.status === 'confirmed' && row.state === null && ownHold !== 'cancelled' && !shown.seriesId,
    },
  };
}
