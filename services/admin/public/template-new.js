// A short name from the title while it is typed, until one is written by hand. The server does the same for an empty one.

const title = document.querySelector('#f-title');
const name = document.querySelector('#f-template_id');
let isOwn = name.value !== '';

name.addEventListener('input', () => (isOwn = name.value !== ''));
title.addEventListener('input', () => {
  if (!isOwn) name.placeholder = toShortName(title.value);
});

function toShortName(text) {
  return text
    .toLowerCase()
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 64);
}
