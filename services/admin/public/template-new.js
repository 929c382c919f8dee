// Shows the short name that the title will give while it is typed; the server makes it the same way (toShortName).

const title = document.querySelector('#f-title');
const name = document.querySelector('#f-template_id');
const cyrillic = Object.fromEntries(
  'а:a б:b в:v г:g д:d е:e ё:e ж:zh з:z и:i й:i к:k л:l м:m н:n о:o п:p р:r с:s т:t у:u ф:f х:kh ц:ts ч:ch ш:sh щ:shch ъ: ы:y ь: э:e ю:iu я:ia'
    .split(' ')
    .map((pair) => pair.split(':')),
);

title.addEventListener('input', show);
// Somebody quick has typed before this ran.
show();

function show() {
  name.placeholder = toShortName(title.value);
}

function toShortName(text) {
  return [...text.toLowerCase()]
    .map((letter) => cyrillic[letter] ?? letter)
    .join('')
    .replace(/ß/g, 'ss')
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+/, '')
    .slice(0, 64)
    .replace(/-+$/, '');
}
