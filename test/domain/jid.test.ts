import { describe, expect, it } from 'vitest';
import { chatKindOf, isGroup, isLid, isPerson, makeJid, parseChatAddress, parseJid } from '../../src/domain/jid.js';

describe('a JID', () => {
  it.each([
    ['4917012345678@s.whatsapp.net', '4917012345678@s.whatsapp.net'],
    ['4917012345678.0:12@S.WhatsApp.Net', '4917012345678@s.whatsapp.net'],
    ['4917012345678:12@s.whatsapp.net', '4917012345678@s.whatsapp.net'],
    ['4917012345678@c.us', '4917012345678@s.whatsapp.net'],
    ['4917012345678:99@hosted', '4917012345678@s.whatsapp.net'],
    ['123456789.1:3@LID', '123456789@lid'],
    ['123456789:99@hosted.lid', '123456789@lid'],
    ['4917012345678-1399999999@g.us', '4917012345678-1399999999@g.us'],
    ['120363040404040404@newsletter', '120363040404040404@newsletter'],
    ['status@broadcast', 'status@broadcast'],
  ])('%s is normalised to %s', (text, jid) => {
    expect(parseJid(text)).toBe(jid);
  });

  it.each([
    '',
    '@',
    'a@',
    '@g.us',
    'nobody',
    'a@b@c',
    'a b@g.us',
    'ä@g.us',
    'a\0@g.us',
    `${'1'.repeat(128)}@g.us`,
    '-1',
  ])('%j is none', (text) => {
    expect(parseJid(text)).toBeUndefined();
  });

  it('keeps its normal form when it is normalised again', () => {
    for (const text of ['1.2:3@s.whatsapp.net', '5-6@g.us', '7:8@hosted.lid', '7:8@hosted', 'x.y@newsletter']) {
      const jid = parseJid(text);
      expect(jid && parseJid(jid), text).toBe(jid);
    }
  });

  it('may come in two parts', () => {
    expect(makeJid('49170:3', 'Lid')).toBe('49170@lid');
    expect(makeJid('', 'lid')).toBeUndefined();
    expect(makeJid('a@b', 'lid')).toBeUndefined();
  });

  it('tells what it stands for', () => {
    expect(isPerson('1@s.whatsapp.net')).toBe(true);
    expect(isPerson('1@lid')).toBe(true);
    expect(isPerson('1@g.us')).toBe(false);
    expect(isLid('1@hosted.lid')).toBe(false);
    expect(isGroup('1-2@g.us')).toBe(true);
    expect(['1@lid', '1@g.us', '1@newsletter', '1@broadcast', 'status@broadcast', '1@temp'].map(chatKindOf)).toEqual([
      'direct',
      'group',
      'newsletter',
      'broadcast',
      'status',
      'other',
    ]);
  });
});

describe('a chat as people write it', () => {
  it.each([
    ['+49 170 1234567', '491701234567@s.whatsapp.net'],
    ['0049 (170) 123-45.67', '491701234567@s.whatsapp.net'],
    ['491701234567', '491701234567@s.whatsapp.net'],
    ['\u202a+49\u00a0170\u20111234567\u202c', '491701234567@s.whatsapp.net'],
    [' +491701234567@s.whatsapp.net ', '491701234567@s.whatsapp.net'],
    ['491701234567@c.us', '491701234567@s.whatsapp.net'],
    ['123456@lid', '123456@lid'],
    ['1203630404@g.us', '1203630404@g.us'],
  ])('%j is %s', (text, jid) => {
    expect(parseChatAddress(text)).toBe(jid);
  });

  it.each(['', 'mum', '12', '0170 1234567', '1'.repeat(16), '@', '++49 170 1234567'])('%j is none', (text) => {
    expect(parseChatAddress(text)).toBeUndefined();
  });
});
