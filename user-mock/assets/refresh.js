// Keeps the part of the page marked data-refresh-ms fresh; leaves it alone while somebody selects text or looks elsewhere.
const part = document.querySelector('[data-refresh-ms]');

async function refresh() {
  if (document.hidden || String(getSelection())) return;
  const answer = await fetch(location.href);
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
  const fresh = page.querySelector('[data-refresh-ms]');
  if (!fresh || fresh.innerHTML === part.innerHTML) return;
  part.innerHTML = fresh.innerHTML;
  document.title = page.title;
}

// While the server is away the page keeps what it has, and asks again.
setInterval(() => refresh().catch(() => {}), Number(part.dataset.refreshMs));
