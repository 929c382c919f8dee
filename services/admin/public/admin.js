// What every page does in the browser: times in the reader's own zone, a confirmation before what cannot be undone, and
// copying. Pages work without it.

const dateTime = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });

/** Times are written as UTC; here they become local, and the title keeps the exact one. */
export function localizeTimes(root = document) {
  for (const time of root.querySelectorAll('time[datetime]:not([title])')) {
    const date = new Date(time.dateTime);
    time.title = time.dateTime;
    time.textContent = dateTime.format(date);
  }
}

/** For changes sent by fetch: the session's token. */
export function csrfToken() {
  return document.querySelector('meta[name="csrf-token"]')?.content ?? '';
}

/** `<form data-confirm="This cancels …">` asks first; `data-confirm-label` names the button. */
function confirmForms() {
  document.addEventListener('submit', (event) => {
    const form = event.target;
    const question = event.submitter?.dataset.confirm ?? form.dataset.confirm;
    if (!question || form.dataset.confirmed === 'yes') return;
    event.preventDefault();
    ask(question, event.submitter?.dataset.confirmLabel ?? event.submitter?.textContent ?? 'Go on', () => {
      form.dataset.confirmed = 'yes';
      form.requestSubmit(event.submitter ?? undefined);
      delete form.dataset.confirmed;
    });
  });
}

function ask(question, label, act) {
  const dialog = document.createElement('dialog');
  dialog.innerHTML =
    '<article><p></p><footer><form method="dialog" class="actions"><button value="no" class="secondary" autofocus>Back</button><button value="yes" class="danger"></button></form></footer></article>';
  dialog.querySelector('p').textContent = question;
  dialog.querySelector('[value="yes"]').textContent = label;
  dialog.addEventListener('close', () => {
    dialog.remove();
    if (dialog.returnValue === 'yes') act();
  });
  document.body.append(dialog);
  dialog.showModal();
}

/** `<button data-copy="#id">` copies the text of that element. */
function copyButtons() {
  document.addEventListener('click', async (event) => {
    const button = event.target.closest?.('[data-copy]');
    if (!button) return;
    const source = document.querySelector(button.dataset.copy);
    await navigator.clipboard.writeText(source.value ?? source.textContent);
    const label = button.textContent;
    button.textContent = 'Copied';
    setTimeout(() => (button.textContent = label), 1_500);
  });
}

localizeTimes();
confirmForms();
copyButtons();
