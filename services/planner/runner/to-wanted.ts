// What a mailing becomes when its time has come: the request that is made of it. Pure.
import { hash } from 'node:crypto';
import type { Channel } from '../../../domain/ids.ts';
import type { RequestState } from '../../../domain/request-state.ts';
import type { OnNoAnswer, RequestOrigin } from '../../../lib/db/tables.ts';
import type { Priority } from '../../../lib/topics.ts';
import { toPrintable } from '../plan.ts';

/** A mailing as it was confirmed, with what is known of its template. */
export interface ConfirmedMailing {
  mailingId: string;
  templateId: string | null;
  /** Null for a series: each firing takes the active one. */
  templateVersion: number | null;
  priority: Priority;
  isPromo: boolean;
  context: string;
  userCategories: string[];
  scheduledAtMs: number | null;
  confirmedAtMs: number | null;
  expiresAtMs: number | null;
  /** Null when there is no such template; its version too, when that one does not exist. */
  template: {
    version: number | null;
    kind: string;
    channel: Channel;
    onNoAnswer: OnNoAnswer;
    isPromo: boolean;
    isArchived: boolean;
  } | null;
  /** Somebody has ended it before it began. */
  isCancelled: boolean;
}

export interface WantedRequest {
  requestId: string;
  bodyHash: Buffer;
  origin: Extract<RequestOrigin, 'mailing' | 'series'>;
  seriesId: string | null;
  peopleFrom: string;
  state: Extract<RequestState, 'planning' | 'paused' | 'rejected'>;
  detail: string;
  templateId: string;
  template: { version: number; kind: string; channel: Channel; onNoAnswer: OnNoAnswer } | null;
  priority: Priority;
  isPromo: boolean;
  context: string;
  userCategories: string[];
  requestedAtMs: number;
  scheduledAtMs: number | null;
  expiresAtMs: number | null;
}

/** Which firing of a series it is. */
export interface FiringOf {
  requestId: string;
  plannedAtMs: number;
  expiresAtMs: number | null;
}

/** Later than that, people are asked whether it is still to go. */
export const lateAfterMs = 60 * 60 * 1000;

/**
 * @param firing of a series; undefined for a mailing that goes once
 * @param now of the planner
 */
export function toWanted(mailing: ConfirmedMailing, firing: FiringOf | undefined, now: number): WantedRequest {
  const requestId = firing?.requestId ?? mailing.mailingId;
  const dueAtMs = firing?.plannedAtMs ?? mailing.scheduledAtMs ?? mailing.confirmedAtMs ?? now;
  const fault = findFault(mailing);
  const { template } = mailing;
  const isLate = now - dueAtMs > lateAfterMs && !mailing.isCancelled;
  return {
    requestId,
    bodyHash: hash('sha256', `mailing\n${requestId}`, 'buffer'),
    origin: firing ? 'series' : 'mailing',
    seriesId: firing ? mailing.mailingId : null,
    peopleFrom: mailing.mailingId,
    state: fault ? 'rejected' : isLate ? 'paused' : 'planning',
    detail: fault ?? (isLate ? 'late' : ''),
    templateId: toPrintable(mailing.templateId ?? ''),
    template:
      fault || !template || template.version === null
        ? null
        : {
            version: template.version,
            kind: template.kind,
            channel: template.channel,
            onNoAnswer: template.onNoAnswer,
          },
    priority: mailing.priority,
    // A promotional template makes its mailings promotional: consent counts, whatever the mailing says.
    isPromo: mailing.isPromo || template?.isPromo === true,
    context: mailing.context,
    userCategories: [...new Set(mailing.userCategories)],
    requestedAtMs: now,
    scheduledAtMs: firing?.plannedAtMs ?? mailing.scheduledAtMs,
    expiresAtMs: firing ? firing.expiresAtMs : mailing.expiresAtMs,
  };
}

/** In words for whoever looks at the mailing's page. */
function findFault({ templateId, templateVersion, template }: ConfirmedMailing): string | undefined {
  if (templateId === null) return 'The mailing has no template.';
  const name = `The template '${toPrintable(templateId)}'`;
  if (!template) return `${name} does not exist any more.`;
  if (template.isArchived) return `${name} was archived before the mailing's time came. Nobody got anything.`;
  if (template.version === null) return `${name} has no version ${templateVersion}.`;
  return undefined;
}
