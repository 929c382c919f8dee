// The preview beside the editor: asks the server what the form as it stands makes of it, and shows the answer.

const desktopWidth = 720;

export function createPreview(form, onTried) {
  const at = (name) => form.querySelector(`[data-${name}]`);
  let running;
  fitFrame(form);

  function show(tried) {
    const { message, sms, person } = tried;
    write(at('note'), toNote(tried));
    write(at('user-fault'), tried.userFault ?? '');
    write(at('context-fault'), tried.contextFault ?? '');
    at('note')
      .closest('section')
      .classList.toggle('stale', message === null);
    if (message) {
      write(at('subject'), message.subject);
      write(at('text'), message.text);
      const frame = at('frame');
      if (frame && frame.srcdoc !== (message.html ?? '')) frame.srcdoc = message.html ?? '';
      if (frame && message.html === null) form.querySelector('#show-text').checked = true;
    }
    if (at('sms')) write(at('sms'), sms ? describeSms(sms) : '');
    onTried(tried, person);
  }

  return {
    async update() {
      running?.abort();
      running = new AbortController();
      try {
        const answer = await fetch(form.dataset.preview, {
          method: 'POST',
          headers: { accept: 'application/json' },
          body: new URLSearchParams(new FormData(form)),
          signal: running.signal,
        });
        const body = await answer.json();
        if (answer.ok) show(body);
        else write(at('note'), `There is no preview: ${body.error}`);
      } catch (error) {
        if (error.name !== 'AbortError') write(at('note'), 'There is no preview: the server does not answer.');
      }
    },
  };
}

function toNote({ message, notice, person }) {
  const whose =
    person.from === 'examples' ? 'With example values.' : `With the data of ${person.name} (${person.userId}).`;
  const state = message ? whose : 'It cannot be made as it stands: see the errors. This is how it was before.';
  return notice ? `${notice} ${message ? '' : state}` : state;
}

function describeSms({ characters, parts, encoding, unitsLeft, outsideGsm }) {
  const room = `${unitsLeft} more ${unitsLeft === 1 ? 'fits' : 'fit'} into the last one`;
  const size = `${characters} characters, ${parts} ${parts === 1 ? 'part' : 'parts'} in ${encoding}; ${room}.`;
  if (outsideGsm.length === 0) return size;
  return `${size} Parts are short because of ${outsideGsm.join(' ')}, which the short alphabet (GSM-7) lacks.`;
}

/** A mail as wide as on a desktop, made smaller where the page has less room. */
function fitFrame(form) {
  const wrap = form.querySelector('[data-frame-wrap]');
  if (!wrap) return;
  // On a phone one looks at what phones will show.
  if (wrap.clientWidth < 420) form.querySelector('#width-phone').checked = true;
  const fit = () => wrap.style.setProperty('--scale', Math.min(1, wrap.clientWidth / desktopWidth));
  new ResizeObserver(fit).observe(wrap);
}

function write(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}
