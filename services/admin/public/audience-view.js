// How a file with people is read: its first rows, and what is asked about them.

/** @param view of the answer. @returns {HTMLElement} */
export function createTable(view) {
  const wrap = make('div', { className: 'table-wrap' });
  const table = wrap.appendChild(make('table', { className: 'audience-view' }));
  table.append(make('caption', { textContent: describe(view) }));
  view.rows.forEach((cells, at) => {
    const row = table.insertRow();
    if (at === 0 && view.hasHeader) row.className = 'is-header';
    cells.forEach((text, column) => {
      const name = at === 0 && view.hasHeader ? 'th' : 'td';
      row.append(make(name, { textContent: text, className: column + 1 === view.column ? 'is-id' : '' }));
    });
  });
  return wrap;
}

function describe({ separator, column, hasHeader, rows }) {
  const parts = [separator === 'none' ? 'Each row is one cell.' : `Separator: ${separator}.`];
  if (hasHeader !== null) parts.push(hasHeader ? 'The first row is the header.' : 'There is no header.');
  const name = hasHeader ? ` (${rows[0]?.[column - 1]})` : '';
  if (column !== null && rows[0]?.length > 1) parts.push(`The ids are in column ${column}${name}.`);
  return parts.join(' ');
}

/**
 * @param view of the answer
 * @param onSaid told {separator, column, header}; only the separator when that was changed, for the columns are others then
 * @returns {HTMLElement}
 */
export function createQuestion(view, onSaid) {
  const box = make('div', { className: 'audience-question' });
  const separator = addChoice(box, 'Separator', toOptions(view.separators), view.separator);
  const columns = (view.rows[0] ?? []).map((text, at) => [String(at + 1), `column ${at + 1}: ${text || 'empty'}`]);
  const column = addChoice(box, 'The user ids are in', columns, view.column ?? '');
  const headers = [
    ['yes', 'a header'],
    ['no', 'a person'],
  ];
  const header = addChoice(
    box,
    'The first row is',
    headers,
    view.hasHeader === null ? '' : view.hasHeader ? 'yes' : 'no',
  );
  const fault = make('p', { className: 'fault', hidden: true, textContent: 'Choose both, then store the people.' });
  const button = make('button', { type: 'button', textContent: 'Store these people' });
  box.append(fault, button);
  // The form around has nothing to save of this.
  box.addEventListener('input', (event) => event.stopPropagation());
  separator.addEventListener('change', () => onSaid({ separator: separator.value }));
  button.addEventListener('click', () => {
    const open = [column, header].find(({ value }) => value === '');
    if (!open) return onSaid({ separator: separator.value, column: column.value, header: header.value });
    fault.hidden = false;
    open.focus();
  });
  return box;
}

function addChoice(box, text, options, value) {
  const label = box.appendChild(make('label', { textContent: text }));
  const select = label.appendChild(make('select', {}));
  if (value === '') select.append(make('option', { value: '', textContent: 'choose…' }));
  for (const [key, words] of options) select.append(make('option', { value: key, textContent: words }));
  select.value = String(value);
  return select;
}

const toOptions = (words) => words.map((word) => [word, word]);

export function make(name, properties) {
  return Object.assign(document.createElement(name), properties);
}
