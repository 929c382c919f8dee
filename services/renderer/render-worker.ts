// Runs in a worker thread: renders one task after the other. It does nothing else, so it can be killed at any moment.
import { inspect } from 'node:util';
import { LengthLimitError } from '../../content/limits.ts';
import { renderMessage } from '../../content/render.ts';
import { findUnmeant, toRenderFault } from '../../content/render-fault.ts';
import type { TemplateVersion } from '../../content/template.ts';
import { toVariables } from '../../content/variables.ts';
import type { PermanentError } from '../../lib/errors.ts';
import { checkRelease } from './check-release.ts';
import { countChars } from './slice-weight.ts';
import { type RenderFailure, type Rendering, type Task, type TaskAnswer, toTemplateKey } from './work.ts';

/** Parsed templates live as long as these objects. */
const templates = new Map<string, TemplateVersion>();
const maxTemplates = 64;
/** After this long the thread gives back what it has, and after a message that ran into its limits: its caller may
 * decide that the next ones are not tried. */
const taskBudgetMs = 250;
/** Nor does one answer hold more than this and one message. */
const taskBudgetChars = 1024 * 1024;
const maxStackChars = 4_000;

/** @throws whatever `checkRelease` throws: then it is not the messages that are bad */
export default function renderTask(task: Task): TaskAnswer {
  const needed = new Set(task.items.map((item) => item.templateKey));
  for (const key of needed) touch(key);
  for (const template of task.templates) keep(template);
  const missing = [...needed].filter((key) => !templates.has(key));
  if (missing.length > 0) return { kind: 'missing', templateKeys: missing };

  const startedAt = performance.now();
  const renderings: Rendering[] = [];
  let chars = 0;
  for (const item of task.items) {
    const template = templates.get(item.templateKey);
    if (!template) break;
    const rendering = renderOne(template, item);
    renderings.push(rendering);
    chars += countChars(rendering);
    const isCostly = rendering.kind === 'failed' && rendering.costly;
    if (isCostly || chars > taskBudgetChars || performance.now() - startedAt > taskBudgetMs) break;
  }
  if (renderings.some(({ kind }) => kind === 'failed')) checkRelease();
  return { kind: 'rendered', renderings };
}

function renderOne(template: TemplateVersion, { person, unsubscribeUrl }: Task['items'][number]): Rendering {
  try {
    return { kind: 'message', message: renderMessage(template, toVariables(person), unsubscribeUrl) };
  } catch (error) {
    return toFailure(toRenderFault(error));
  }
}

function toFailure(fault: PermanentError): RenderFailure {
  const failure: RenderFailure = { kind: 'failed', reason: 'template_error', detail: fault.message };
  const unmeant = findUnmeant(fault);
  if (unmeant !== undefined) failure.stack = inspect(unmeant).slice(0, maxStackChars);
  if (fault.code !== 'render_limit') return failure;
  return { ...failure, reason: 'render_limit', ...(fault instanceof LengthLimitError ? {} : { costly: true }) };
}

/** The one that was needed longest ago leaves first; no task has so many that it could push out its own. */
function keep(template: TemplateVersion): void {
  templates.set(toTemplateKey(template), template);
  const [oldest] = templates.keys();
  if (templates.size > maxTemplates && oldest !== undefined) templates.delete(oldest);
}

function touch(key: string): void {
  const template = templates.get(key);
  if (!template) return;
  templates.delete(key);
  templates.set(key, template);
}
