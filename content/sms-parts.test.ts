import { describe, expect, it } from 'vitest';
import { measureSms } from './sms-parts.ts';

const size = (text: string) => {
  const { encoding, units, parts, unitsLeft } = measureSms(text);
  return [encoding, units, parts, unitsLeft];
};

describe('an SMS', () => {
  it.each([
    ['', ['GSM-7', 0, 0, 160]],
    ['x'.repeat(160), ['GSM-7', 160, 1, 0]],
    ['x'.repeat(161), ['GSM-7', 161, 2, 145]],
    ['x'.repeat(306), ['GSM-7', 306, 2, 0]],
    ['x'.repeat(307), ['GSM-7', 307, 3, 152]],
    ['я'.repeat(70), ['UCS-2', 70, 1, 0]],
    ['я'.repeat(71), ['UCS-2', 71, 2, 63]],
    ['я'.repeat(134), ['UCS-2', 134, 2, 0]],
    ['я'.repeat(135), ['UCS-2', 135, 3, 66]],
  ])('of the length of %j is counted in units and parts', (text, expected) => {
    expect(size(text)).toEqual(expected);
  });

  it('counts the characters of the extension table twice', () => {
    expect(size('€'.repeat(80))).toEqual(['GSM-7', 160, 1, 0]);
    expect(size('[]{}\\~^|€')).toEqual(['GSM-7', 18, 1, 142]);
  });

  it('never cuts a character of two units between parts', () => {
    expect(size(`${'x'.repeat(152)}€${'x'.repeat(10)}`)).toEqual(['GSM-7', 164, 2, 141]);
    expect(size(`${'x'.repeat(66)}😀${'x'.repeat(10)}`)).toEqual(['UCS-2', 78, 2, 55]);
  });

  it('knows the whole basic table, Greek capitals and line breaks among it', () => {
    expect(size('@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà')[0]).toBe('GSM-7');
    for (const outside of ['ç', 'á', 'α', '`', '\t', '“', '…', '\u00a0']) expect(size(outside)[0]).toBe('UCS-2');
  });

  it('tells which characters cost the longer alphabet, each once', () => {
    expect(measureSms('“Жé” “…” 😀').outsideGsm).toEqual(['“', 'Ж', '”', '…', '😀']);
    expect(measureSms('plain').outsideGsm).toEqual([]);
    expect(measureSms('a😀').characters).toBe(2);
  });
});
