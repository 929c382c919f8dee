// The editor of a template: code editors in place of the text fields, and a preview that follows the typing. Everything
// it shows comes from the server as data and is written as text; the mail itself only ever stands in a sandboxed frame.
import { createCodeEditor, showMarks } from './template-code.js';
import { createPreview } from './template-preview.js';

const pauseMs = 400;

const form = document.querySelector('form[data-editor]');
if (form) start();

function start() {
  const kept = keepPerson();
  const editors = new Map();
  for (const area of form.querySelectorAll('textarea[data-code]')) {
    editors.set(area.name, createCodeEditor(area, { onChange: changed, onSave: save }));
  }
  const preview = createPreview(form, (tried) => {
    showMarks(form.querySelector('[data-marks]'), editors, tried.marks);
    showOffered(tried.offered);
  });
  let dirty = 'dirty' in form.dataset;
  let timer;

  function changed() {
    dirty = true;
    clearTimeout(timer);
    timer = setTimeout(update, pauseMs);
  }

  function update() {
    for (const editor of editors.values()) editor.save();
    kept?.write();
    return preview.update();
  }

  function save() {
    form.requestSubmit(form.querySelector('[data-save]'));
  }

  // The last one that had the cursor takes what is inserted.
  let active = editors.get('html') ?? editors.get('text');
  for (const editor of editors.values()) editor.on('focus', () => (active = editor));

  function showOffered(variables) {
    const rows = form.querySelector('.offered tbody');
    const wanted = variables.map(({ name }) => name).join();
    if (rows.dataset.shown === wanted) return;
    rows.dataset.shown = wanted;
    rows.replaceChildren(...variables.map(toRow));
  }

  function toRow({ name, description, example }) {
    const row = document.createElement('tr');
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'link mono';
    button.textContent = name;
    button.title = `Write {{ ${name} }} where the cursor is`;
    button.addEventListener('click', () => {
      active?.replaceSelection(`{{ ${name} }}`);
      active?.focus();
    });
    for (const content of [button, description, String(example)]) {
      const cell = document.createElement('td');
      cell.append(content);
      row.append(cell);
    }
    return row;
  }

  form.addEventListener('input', (event) => {
    if (!event.target.closest('.CodeMirror') && event.target.type !== 'radio') changed();
  });
  form.addEventListener('submit', () => {
    for (const editor of editors.values()) editor.save();
    dirty = false;
  });
  window.addEventListener('beforeunload', (event) => {
    if (dirty) event.preventDefault();
  });
  for (const button of form.querySelectorAll('[data-without-script]')) button.hidden = true;
  void update();
}

/** Whose data and which context one looks at outlive the saving of a version, in this window only. */
function keepPerson() {
  if (!form.dataset.keep) return undefined;
  const key = `posthorn preview ${form.dataset.keep}`;
  const fields = ['user_id', 'context'].map((name) => form.elements.namedItem(name));
  const values = JSON.parse(sessionStorage.getItem(key) ?? '[]');
  for (const [index, field] of fields.entries()) if (field.value === '') field.value = values[index] ?? '';
  return { write: () => sessionStorage.setItem(key, JSON.stringify(fields.map((field) => field.value))) };
}
