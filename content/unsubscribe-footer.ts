// The visible link that every promotional e-mail ends with, added to what the template wrote. A template that has the
// address in it already, by the variable `unsubscribe_url`, keeps its own wording and place.

/** The address in the finished part, where a reader meets it: what is in a comment nobody sees. */
function shows(part: string, url: string): boolean {
  return part.includes(url) && withoutComments(part).includes(url);
}

/** One pass; a regular expression looks for the end of each comment that has none through the whole rest. */
function withoutComments(html: string): string {
  let rest = '';
  let at = 0;
  for (;;) {
    const begin = html.indexOf('<!--', at);
    const end = begin < 0 ? -1 : html.indexOf('-->', begin + 4);
    if (end < 0) return rest + html.slice(at);
    rest += html.slice(at, begin);
    at = end + 3;
  }
}

/** Before the end of the body, or at the end where there is none. */
export function addHtmlFooter(html: string, url: string): string {
  if (shows(html, url)) return html;
  const end = lastOf(html, /<\/body\s*>/gi) ?? lastOf(html, /<\/html\s*>/gi) ?? html.length;
  return `${html.slice(0, end)}${toHtmlFooter(url)}${html.slice(end)}`;
}

/** At the end; a link in plain text stands in <> (RFC 3986, appendix C). */
export function addTextFooter(text: string, url: string): string {
  if (text.includes(url)) return text;
  const before = text.trimEnd();
  return `${before}${before === '' ? '' : '\n\n'}${textFooter}\n<${url}>\n`;
}

/** How much longer a text part may become. */
export function textFooterChars(url: string): number {
  return textFooter.length + url.length + 6;
}

const textFooter = 'You no longer want e-mails like this? Unsubscribe:';

/**
 * Ground and ink together, so that it can be read on whatever the template has under it; mail programs that darken by
 * themselves change both, others know the media query. Nothing in it needs escaping: addresses are ASCII without quotes.
 */
function toHtmlFooter(url: string): string {
  return (
    '\n<style>@media (prefers-color-scheme:dark){' +
    '.unsubscribe-footer{background:#1c1c1c!important}.unsubscribe-footer,.unsubscribe-footer a{color:#b4b4b4!important}' +
    '}</style>\n' +
    '<div lang="en" dir="ltr" style="clear:both;margin:0;padding:12px 8px;text-align:center">' +
    '<span class="unsubscribe-footer" style="display:inline-block;padding:6px 14px;border-radius:16px;' +
    'background:#f4f4f4;color:#595959;font:13px/20px Helvetica,Arial,sans-serif">' +
    `You no longer want e-mails like this? <a href="${url}" style="color:#595959;text-decoration:underline">Unsubscribe</a>` +
    '</span></div>\n'
  );
}

function lastOf(html: string, tag: RegExp): number | undefined {
  let last: number | undefined;
  for (const { index } of html.matchAll(tag)) last = index;
  return last;
}
