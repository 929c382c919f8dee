// `<section data-live="/path">`: the server sends this part again whenever it has changed (event-stream.ts). Only what
// differs is touched, so that focus, selection and scrolling stay.
import { localizeTimes } from './admin.js';

for (const part of document.querySelectorAll('[data-live]')) follow(part);

function follow(part) {
  const source = new EventSource(part.dataset.live);
  source.addEventListener('message', ({ data }) => {
    const template = document.createElement('template');
    template.innerHTML = data;
    adopt(part, template.content);
    localizeTimes(part);
    delete part.dataset.stale;
    part.dispatchEvent(new CustomEvent('live'));
  });
  source.addEventListener('fault', ({ data }) => {
    part.dataset.stale = `Not up to date: ${data}`;
  });
  // After a log-out, a new password, a change of rights. The page stays, for what was typed into it.
  source.addEventListener('ended', () => {
    source.close();
    part.dataset.stale = 'Not up to date: your session has ended. Load the page again to log in.';
  });
  source.addEventListener('error', () => {
    part.dataset.stale = 'Not up to date: the connection is lost. Trying again…';
  });
  addEventListener('pagehide', () => source.close());
}

/** Makes the children of one like those of the other. */
function adopt(to, from) {
  const [now, next] = [[...to.childNodes], [...from.childNodes]];
  next.forEach((node, at) => {
    const old = now[at];
    if (!old) to.append(node);
    else if (old.nodeType !== node.nodeType || old.nodeName !== node.nodeName) old.replaceWith(node);
    else if (node.nodeType !== Node.ELEMENT_NODE) {
      if (old.nodeValue !== node.nodeValue) old.nodeValue = node.nodeValue;
    } else if (!old.isEqualNode(node)) {
      adoptAttributes(old, node);
      adopt(old, node);
    }
  });
  for (const old of now.slice(next.length)) old.remove();
}

function adoptAttributes(to, from) {
  for (const { name } of [...to.attributes]) {
    if (!from.hasAttribute(name) && !(name === 'open' && to.nodeName === 'DETAILS')) to.removeAttribute(name);
  }
  for (const { name, value } of [...from.attributes]) {
    if (to.getAttribute(name) !== value) to.setAttribute(name, value);
  }
}
