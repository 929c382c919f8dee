// The list of dead letters: choosing a whole page, and buttons that say how many are chosen.

const all = document.querySelector('[data-pick-all]');
const picks = [...document.querySelectorAll('[name="pick"]')];
const buttons = [...document.querySelectorAll('[data-picked]')].map((button) => ({
  button,
  words: button.dataset.picked,
  question: button.dataset.confirm,
}));

function show() {
  const count = picks.filter((pick) => pick.checked).length;
  if (all) {
    all.checked = count > 0 && count === picks.length;
    all.indeterminate = count > 0 && count < picks.length;
  }
  for (const { button, words, question } of buttons) {
    button.disabled = count === 0;
    button.textContent = words.replace('#', String(count));
    button.dataset.confirm = `${count} of ${picks.length} on this page: ${question[0].toLowerCase()}${question.slice(1)}`;
    button.dataset.confirmLabel = button.textContent;
  }
}

if (all) {
  all.hidden = false;
  all.addEventListener('change', () => {
    for (const pick of picks) pick.checked = all.checked;
    show();
  });
}
for (const pick of picks) pick.addEventListener('change', show);
show();
