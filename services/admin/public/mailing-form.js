// The form of a mailing: shows only the fields that a choice needs, loads what a template asks for, and tells at once what
// a time means. Without it all fields are there, and saving tells the same.
import { csrfToken } from './admin.js';

for (const field of document.querySelectorAll('[data-own-zone]')) {
  field.value = Intl.DateTimeFormat().resolvedOptions().timeZone;
}
const form = document.querySelector('.mailing-form');
if (form) {
  showNeeded();
  form.addEventListener('change', showNeeded);
  form.elements.template_id.addEventListener('change', loadTemplate);
  const tellLater = debounce(tellTimes, 250);
  for (const type of ['input', 'change'])
    document.querySelector('[aria-labelledby="s-when"]').addEventListener(type, tellLater);
  warnBeforeLeaving();
}

/** `data-when="at repeat"` is shown while the field `when` has one of these values. */
function showNeeded() {
  for (const name of ['when', 'preset', 'expires']) {
    const value = form.elements[name].value;
    for (const part of form.querySelectorAll(`[data-${name}]`))
      part.hidden = !part.dataset[name].split(' ').includes(value);
  }
}

async function loadTemplate() {
  const section = document.querySelector('#template-section');
  const typed = new Map([...section.querySelectorAll('[name^="context"]')].map((field) => [field.name, field.value]));
  const query = new URLSearchParams({ template_id: form.elements.template_id.value });
  const answer = await fetch(`/mailings/${form.dataset.mailing}/context?${query}`).catch(() => undefined);
  if (!answer?.ok) {
    section.insertAdjacentHTML('afterbegin', '<p class="fault" role="alert"></p>');
    section.querySelector('.fault').textContent =
      'What this template needs could not be loaded. Save the draft to see it.';
    return;
  }
  section.innerHTML = await answer.text();
  for (const field of section.querySelectorAll('[name^="context"]')) {
    if (field.value === '' && typed.get(field.name)) field.value = typed.get(field.name);
  }
}

async function tellTimes() {
  const names = ['when', 'scheduled_local', 'time_zone', 'preset', 'preset_time', 'weekday', 'month_day', 'cron'];
  const body = new URLSearchParams(names.map((name) => [name, form.elements[name].value]));
  const headers = { 'x-csrf-token': csrfToken() };
  const answer = await fetch(`/mailings/${form.dataset.mailing}/times`, { method: 'POST', body, headers }).catch(
    () => undefined,
  );
  if (answer?.ok) document.querySelector('#times').innerHTML = await answer.text();
}

function warnBeforeLeaving() {
  let isChanged = false;
  form.addEventListener('input', () => (isChanged = true));
  form.addEventListener('submit', () => (isChanged = false));
  addEventListener('beforeunload', (event) => {
    if (isChanged) event.preventDefault();
  });
}

function debounce(act, ms) {
  let timer;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(act, ms);
  };
}
