// A code editor (CodeMirror 5) over a text field: HTML with Liquid in it, line numbers, and marks where something is wrong.

const { CodeMirror } = window;

/** Liquid over whatever else the text is; a token may go on over several lines. */
const liquid = {
  startState: () => ({ end: null }),
  token(stream, state) {
    if (state.end === null) {
      const start = stream.match(/^\{\{-?|^\{%-?/);
      if (start) {
        state.end = start[0][1] === '{' ? /^-?\}\}/ : /^-?%\}/;
        return 'liquid-edge';
      }
      do stream.next();
      while (!stream.eol() && !stream.match(/^\{[{%]/, false));
      return null;
    }
    if (stream.match(state.end)) {
      state.end = null;
      return 'liquid-edge';
    }
    if (stream.match(/^("[^"]*"|'[^']*')/)) return 'liquid-string';
    if (stream.match(/^[\w.]+/)) return 'liquid-word';
    stream.next();
    return 'liquid-word';
  },
};

for (const [name, under] of [
  ['liquid-html', 'htmlmixed'],
  ['liquid-text', 'null'],
]) {
  CodeMirror.defineMode(name, (config) => CodeMirror.overlayMode(CodeMirror.getMode(config, under), liquid));
}

export function createCodeEditor(area, { onChange, onSave }) {
  const editor = CodeMirror.fromTextArea(area, {
    mode: area.dataset.code === 'html' ? 'liquid-html' : 'liquid-text',
    lineNumbers: true,
    lineWrapping: true,
    gutters: ['marks', 'CodeMirror-linenumbers'],
    screenReaderLabel: area.dataset.label,
    // The Tab key moves on, as everywhere else on the page.
    extraKeys: { Tab: false, 'Shift-Tab': false, 'Ctrl-S': onSave, 'Cmd-S': onSave },
  });
  editor.getWrapperElement().style.setProperty('--rows', area.rows);
  editor.refresh();
  editor.on('change', onChange);
  return editor;
}

/** @param editors by the name of their part */
export function showMarks(list, editors, marks) {
  for (const editor of editors.values()) {
    editor.clearGutter('marks');
    for (const mark of editor.getAllMarks()) mark.clear();
    editor.eachLine((line) => {
      for (const level of ['fault', 'warning']) editor.removeLineClass(line, 'background', `line-${level}`);
    });
  }
  // Warnings first, so that an error on the same line is what is seen.
  for (const mark of [...marks].reverse()) markPlace(editors.get(mark.part), mark);
  list.replaceChildren(...marks.map((mark) => toItem(mark, editors.get(mark.part))));
}

function markPlace(editor, { level, line, column, detail }) {
  if (!editor || line === undefined || line > editor.lineCount()) return;
  const sign = document.createElement('span');
  sign.className = `gutter-${level}`;
  sign.title = detail;
  sign.textContent = level === 'fault' ? '✕' : '!';
  editor.setGutterMarker(line - 1, 'marks', sign);
  editor.addLineClass(line - 1, 'background', `line-${level}`);
  const from = { line: line - 1, ch: column - 1 };
  const word = editor.getRange(from, { line: line - 1 }).match(/^(\{\{.*?\}\}|\{%.*?%\}|[\w.]+|.)/)?.[0] ?? '';
  editor.markText(from, { line: from.line, ch: from.ch + word.length }, { className: `text-${level}`, title: detail });
}

const partNames = { html: 'HTML', text: 'text', subject: 'subject' };

function toItem({ level, part, line, column, detail }, editor) {
  const item = document.createElement('li');
  item.className = `mark-${level}`;
  const place = [part && partNames[part], line && `line ${line}, column ${column}`].filter(Boolean).join(' ');
  const head = `${level === 'fault' ? 'Error' : 'Warning'}${place ? `, ${place}` : ''}:`;
  if (editor && line) {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'link';
    button.textContent = head;
    button.addEventListener('click', () => {
      editor.setCursor({ line: line - 1, ch: column - 1 });
      editor.focus();
    });
    item.append(button);
  } else {
    const strong = document.createElement('strong');
    strong.textContent = head;
    item.append(strong);
  }
  item.append(` ${detail}`);
  return item;
}
