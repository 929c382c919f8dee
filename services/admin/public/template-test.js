// Looks again how a test-send goes, until it has ended.
const progress = document.querySelector('[data-progress]');
const everyMs = 1_000;
const longestMs = 10 * 60_000;
const startedAt = Date.now();

async function look() {
  try {
    const answer = await fetch(location.href, { headers: { accept: 'application/json' } });
    if (!answer.ok) return;
    show(await answer.json());
  } catch {
    // The next look may meet a server that is back.
  }
  if (!('ended' in progress.dataset) && Date.now() - startedAt < longestMs) setTimeout(look, everyMs);
}

function show({ state, sentence, hasEnded, notificationId }) {
  const pill = progress.querySelector('.pill');
  pill.className = `pill pill-${state}`;
  pill.textContent = state.replaceAll('_', ' ');
  progress.querySelector('[data-sentence]').textContent = sentence;
  if (hasEnded) {
    progress.dataset.ended = '';
    document.querySelector('[data-again]')?.remove();
  }
  const journey = document.querySelector('[data-journey]');
  if (journey && notificationId && !journey.querySelector('a')) {
    const link = document.createElement('a');
    link.href = `/notifications/${notificationId}`;
    link.textContent = 'Every step of this message';
    journey.replaceChildren(link);
  }
}

if (progress && !('ended' in progress.dataset)) setTimeout(look, everyMs);
