// The names that a column of user ids has in a header, and whether the first row of a list is a header at all.
import { readIdCell } from './id-cell.ts';

const idWord =
  '(?:id|uid|uuid|guid|ident|identifier|identifiant|identificador|identificatore|identificativo|identifikator|' +
  'identyfikator|kennung|ид|айди|идентификатор|id号|编号|編號|識別子|아이디|معرف)';
const numberWord = '(?:no|nr|number|nummer|numéro|numero|número|numer|номер|番号)';
const personWord =
  '(?:user|customer|client|member|subscriber|recipient|person|nutzer|benutzer|kunden?|mitglieds?|teilnehmer|empfänger|' +
  'utilisateur|cliente|abonné|usuario|usuário|utente|klient|klienta|użytkownika|gebruiker|klant|användare|kund|' +
  'пользовател[ья]|клиента?|подписчика?|получател[ья]|покупател[ья]|用户|用戶|客户|客戶|会员|会員|顧客|ユーザー?|사용자|고객)';
const filler = '(?:d|de|des|del|della?|delle|dela|du|da|do|di|der)?l?';
const idName = new RegExp(`^${idWord}s?$`, 'u');
/** `number of users` and `número de clientes` count people. */
const personIdName = new RegExp(
  `^(?:the)?(?:${personWord}s?${idWord}|${personWord}${numberWord}|${idWord}(?:of(?:the)?|${filler})${personWord}s?|${numberWord}${filler}${personWord})$`,
  'u',
);
/** Also a bound for `normalize`, which is quadratic in combining marks. */
const maxNameChars = 60;

/**
 * Whether the text says that ids of people stand below: `user_id`, `customerId`, `Kunden-ID`, `Идентификатор пользователя`.
 * A plain `id` does not say whose, and `referrer_user_id` says more: neither is clear.
 */
export function namesPersonId(cell: string): boolean {
  return personIdName.test(toName(cell));
}

/** Also without saying whose. */
export function namesIds(cell: string): boolean {
  return namesPersonId(cell) || idName.test(toName(cell));
}

export type FirstRow = 'header' | 'person' | 'unclear';

/**
 * What the first row of a list is, told by how it differs from the others, in any language.
 * @param rest of the same column
 */
export function judgeFirstRow(first: string, rest: readonly string[]): FirstRow {
  if (namesIds(first)) return 'header';
  if (rest.length === 0 || first.includes('@')) return 'person';
  if (hasDigit(first)) return isNumberedWord(first) && !rest.some(isWordWithNumber) ? 'unclear' : 'person';
  if (isMost(rest, hasDigit)) return 'header';
  return !isId(first) && isMost(rest, isId) ? 'header' : 'unclear';
}

function toName(cell: string): string {
  if (cell.length > maxNameChars) return '';
  return cell
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[\s_.:#/'’\p{Pd}\p{Cf}]+/gu, '');
}

/** `Column1`, as programs name what has no name. */
const isNumberedWord = (cell: string) => /^\p{L}[\p{L}\s]*[\s_-]?\p{N}{1,2}$/u.test(cell);
const isWordWithNumber = (cell: string) => /^\p{L}[\p{L}\s]*[\s_-]?\p{N}+$/u.test(cell);
const hasDigit = (cell: string) => /\p{N}/u.test(cell);
const isId = (cell: string) => 'id' in readIdCell(cell);

function isMost(cells: readonly string[], fits: (cell: string) => boolean): boolean {
  return cells.filter(fits).length * 2 > cells.length;
}
