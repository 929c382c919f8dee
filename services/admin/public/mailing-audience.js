// A file with user ids: sent as it is, with how far it is, how it was read and what was wrong with it. Where that is not
// clear it is asked, and the file is sent again. Without script ids can be pasted.
import { csrfToken } from './admin.js';
import { createQuestion, createTable, make } from './audience-view.js';

const form = document.querySelector('.mailing-form');
const box = document.querySelector('#upload');
const input = document.querySelector('#f-file');
const progress = document.querySelector('#upload-progress');
const result = document.querySelector('#upload-result');

box.hidden = false;
input.addEventListener('change', () => {
  const [file] = input.files;
  if (file) upload(file);
});

/** @param said about how the file is to be read: separator, column, header, unknown */
function upload(file, said = {}) {
  const path = `/mailings/${form.dataset.mailing}/people`;
  const mode = form.elements.people_mode.value;
  const request = new XMLHttpRequest();
  let sent = 0;
  let refused = { error: 'You stopped it, so nothing was stored.' };
  result.replaceChildren();
  progress.hidden = false;
  input.disabled = true;
  tell(0, 'Sending the file…');
  request.upload.addEventListener('progress', ({ loaded, total }) => {
    sent = total > 0 ? loaded / total : 0;
  });
  const poll = setInterval(async () => {
    const answer = await fetch(`${path}/progress`).catch(() => undefined);
    const { checked = 0, stored = 0, fault, view } = answer?.ok ? await answer.json() : {};
    if (request.readyState === XMLHttpRequest.DONE) return;
    tell(sent * 100, `${Math.round(sent * 100)} % sent, ${count(checked)} rows checked, ${count(stored)} stored`);
    if (fault && sent < 1) {
      refused = { error: fault, view };
      request.abort();
    }
  }, 500);
  const end = (show) => {
    clearInterval(poll);
    progress.hidden = true;
    input.disabled = false;
    input.value = '';
    show();
  };
  progress.querySelector('button').onclick = () => request.abort();
  const refuse = (answer) => end(() => showRefusal(answer, file, said));
  request.addEventListener('load', () => {
    const answer = readAnswer(request);
    if (request.status === 200) end(() => showStored(answer));
    else refuse({ error: `It was refused (${request.status}), and nothing was stored.`, ...answer });
  });
  request.addEventListener('error', () => refuse({ error: 'The connection broke, so nothing was stored. Try again.' }));
  request.addEventListener('abort', () => refuse(refused));
  request.open('PUT', `${path}?${new URLSearchParams({ ...said, mode, revision: form.elements.revision.value })}`);
  request.setRequestHeader('x-csrf-token', csrfToken());
  request.setRequestHeader('accept', 'application/json');
  request.setRequestHeader('content-type', file.type || 'text/csv');
  request.send(file);
}

function readAnswer(request) {
  try {
    return JSON.parse(request.responseText);
  } catch {
    // A page instead of an answer.
    return {};
  }
}

function showStored({ revision, total, rows, added, duplicates, leftOut, view }) {
  form.elements.revision.value = revision;
  const clear = document.querySelector('#clear-people [name="revision"]');
  if (clear) clear.value = revision;
  document.querySelector('#people-now').textContent = `${count(total)} people are in this draft.`;
  const again = duplicates > 0 ? `, ${count(duplicates)} were there already or came twice` : '';
  const left = leftOut > 0 ? `, ${count(leftOut)} left out because the user service does not know them` : '';
  say('p', 'flash', `${count(rows)} rows read: ${count(added)} people are new${again}${left}. They are stored.`);
  if (view) result.append(createTable(view));
}

function showRefusal({ error, rows = [], faultCount = 0, unknownCount = 0, view }, file, said) {
  say('p', 'fault', error);
  if (rows.length > 0) {
    const list = say('ul', 'row-faults', '');
    for (const { line, text, why } of rows)
      list.append(make('li', { textContent: `Line ${line}: ${text === '' ? '' : `“${text}”, `}${why}` }));
  }
  if (faultCount > rows.length) say('p', 'muted', `… and ${count(faultCount - rows.length)} more.`);
  if (unknownCount > 0) {
    const words = unknownCount === 1 ? 'Leave this one out' : `Leave these ${count(unknownCount)} out`;
    const button = say('button', 'secondary', `${words} and store the others`);
    button.type = 'button';
    button.addEventListener('click', () => upload(file, { ...said, unknown: 'leave_out' }));
  }
  if (!view) return;
  result.append(createTable(view));
  const question = createQuestion(view, (more) => upload(file, more));
  if (view.column === null || view.hasHeader === null) {
    result.append(question);
    question.querySelector('select').focus();
    return;
  }
  const other = result.appendChild(make('details', {}));
  other.append(make('summary', { textContent: 'Read it in another way' }), question);
}

function say(name, className, textContent) {
  return result.appendChild(make(name, { className, textContent }));
}

function tell(percent, text) {
  progress.querySelector('progress').value = percent;
  progress.querySelector('p').textContent = text;
}

function count(number) {
  return number.toLocaleString('en-US');
}
