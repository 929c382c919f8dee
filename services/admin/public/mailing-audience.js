// A file with user ids: sent as it is, with how far it is, and what was wrong with it. Without script ids can be pasted.
import { csrfToken } from './admin.js';

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

function upload(file) {
  const path = `/mailings/${form.dataset.mailing}/people`;
  const mode = form.elements.people_mode.value;
  const request = new XMLHttpRequest();
  let sent = 0;
  let refused;
  result.replaceChildren();
  progress.hidden = false;
  input.disabled = true;
  tell(0, 'Sending the file…');
  request.upload.addEventListener('progress', ({ loaded, total }) => {
    sent = total > 0 ? loaded / total : 0;
  });
  const poll = setInterval(async () => {
    const answer = await fetch(`${path}/progress`).catch(() => undefined);
    const { checked = 0, stored = 0, fault } = answer?.ok ? await answer.json() : {};
    if (request.readyState === XMLHttpRequest.DONE) return;
    tell(sent * 100, `${Math.round(sent * 100)} % sent, ${count(checked)} rows checked, ${count(stored)} stored`);
    if (fault && sent < 1) {
      refused = fault;
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
  request.addEventListener('load', () => end(() => showAnswer(request)));
  request.addEventListener('error', () =>
    end(() => showFault('The connection broke, so nothing was stored. Try again.')),
  );
  request.addEventListener('abort', () => end(() => showFault(refused ?? 'You stopped it, so nothing was stored.')));
  request.open('PUT', `${path}?mode=${mode}&revision=${form.elements.revision.value}`);
  request.setRequestHeader('x-csrf-token', csrfToken());
  request.setRequestHeader('accept', 'application/json');
  request.setRequestHeader('content-type', file.type || 'text/csv');
  request.send(file);
}

function showAnswer(request) {
  let answer = {};
  try {
    answer = JSON.parse(request.responseText);
  } catch {
    // A page instead of an answer: said below.
  }
  if (request.status !== 200) {
    showFault(
      answer.error ?? `It was refused (${request.status}), and nothing was stored.`,
      answer.rows,
      answer.faultCount,
    );
    return;
  }
  form.elements.revision.value = answer.revision;
  const clear = document.querySelector('#clear-people [name="revision"]');
  if (clear) clear.value = answer.revision;
  const now = document.querySelector('#people-now');
  now.textContent = `${count(answer.total)} people are in this draft.`;
  const again = answer.duplicates > 0 ? `, ${count(answer.duplicates)} were there already or came twice` : '';
  say('p', 'flash', `${count(answer.rows)} rows read: ${count(answer.added)} people are new${again}. They are stored.`);
}

function showFault(sentence, rows = [], faultCount = 0) {
  say('p', 'fault', sentence);
  if (rows.length === 0) return;
  const list = say('ul', 'row-faults', '');
  for (const { line, text, why } of rows) {
    const item = document.createElement('li');
    item.textContent = `Line ${line}: ${text === '' ? '' : `“${text}”, `}${why}`;
    list.append(item);
  }
  if (faultCount > rows.length) say('p', 'muted', `… and ${count(faultCount - rows.length)} more.`);
}

function say(name, className, text) {
  const element = document.createElement(name);
  element.className = className;
  element.textContent = text;
  result.append(element);
  return element;
}

function tell(percent, text) {
  progress.querySelector('progress').value = percent;
  progress.querySelector('p').textContent = text;
}

function count(number) {
  return number.toLocaleString('en-US');
}
