import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  IDENTITY_MAX_BYTES,
  identityRange,
  type IdentityParts,
  MESSAGE_ID_MAX_BYTES,
  readIdentityKey,
  writeIdentityKey,
} from '../../src/domain/identity.js';
import { JID_MAX_BYTES, parseJid } from '../../src/domain/jid.js';

function keyOf({ chatNumber, messageId, fromMe, senderJid }: IdentityParts): Buffer {
  // What was there before must not matter, and nothing may be written behind the end.
  const bytes = Buffer.alloc(IDENTITY_MAX_BYTES + 8, 0xa5);
  const end = writeIdentityKey(bytes, 0, chatNumber, messageId, fromMe, senderJid);
  expect(end).toBeLessThanOrEqual(IDENTITY_MAX_BYTES);
  expect(bytes.subarray(end).every((byte) => byte === 0xa5)).toBe(true);
  return bytes.subarray(0, end);
}

const ofLength = (text: string, length: number): string => text.repeat(length).slice(0, length);

const upperHex = fc
  .array(fc.constantFrom(...'0123456789ABCDEF'.split('')), { minLength: 1, maxLength: MESSAGE_ID_MAX_BYTES })
  .map((digits) => digits.join(''));

/** Ids that are packed, those that nearly are, and anything that fits. */
const anId = fc
  .oneof(
    { weight: 3, arbitrary: upperHex },
    { weight: 1, arbitrary: upperHex.map((id) => id.toLowerCase()) },
    { weight: 1, arbitrary: upperHex.map((id) => `${id.slice(1)}G`) },
    { weight: 1, arbitrary: upperHex.map((id) => `${id.slice(1)}@`) },
    { weight: 1, arbitrary: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }) },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }) },
    {
      weight: 2,
      arbitrary: fc.constantFrom(
        '0',
        '00',
        'A',
        'AA',
        'aa',
        'Aa',
        '\0',
        'A\0',
        'AA\0\x01',
        '3EB0\0',
        'Ａ',
        'é',
        '-1',
        ' AA',
        ofLength('F', 128),
        ofLength('F', 127),
        ofLength('f', 128),
        ofLength('é', 64),
        ofLength('\0', 128),
      ),
    },
  )
  .filter((id) => Buffer.from(id).toString() === id && Buffer.byteLength(id) <= MESSAGE_ID_MAX_BYTES);

const digits = fc
  .array(fc.constantFrom(...'0123456789'.split('')), { minLength: 1, maxLength: 20 })
  .map((all) => all.join(''));
const aServer = fc.constantFrom('s.whatsapp.net', 'lid', 'hosted', 'hosted.lid', 'bot', 'newsletter', 'g.us', 'x.lid');

/** Senders that are packed, those that nearly are, and any other. */
const aSender = fc
  .oneof(
    { weight: 4, arbitrary: fc.tuple(digits, aServer).map((parts) => parts.join('@')) },
    {
      weight: 2,
      arbitrary: fc.constantFrom(
        '0@s.whatsapp.net',
        '0@lid',
        '1@lid',
        '01@lid',
        '1@s.whatsapp.net',
        '999999999999999@lid',
        '999999999999999@s.whatsapp.net',
        '1000000000000000@lid',
        '281474976710655@lid',
        '281474976710656@lid',
        '9007199254740993@lid',
        '+1@s.whatsapp.net',
        '1e3@lid',
        '0x1@lid',
        'lid@lid',
        '-5@s.whatsapp.net',
        '491701234567-1400000000@g.us',
        `${ofLength('9', JID_MAX_BYTES - 4)}@lid`,
      ),
    },
    { weight: 1, arbitrary: fc.string({ minLength: 1, maxLength: 20 }).map((user) => `${user}@lid`) },
  )
  .map((text) => parseJid(text))
  .filter((jid) => jid !== undefined);

const someParts: fc.Arbitrary<IdentityParts> = fc
  .record({
    chatNumber: fc.constantFrom(0, 1, 0x7fffffff, 0xfffffffe, 0xffffffff),
    messageId: anId,
    author: fc.oneof(
      fc.constantFrom({ fromMe: true, senderJid: '' }, { fromMe: false, senderJid: '' }),
      aSender.map((senderJid) => ({ fromMe: false, senderJid })),
    ),
  })
  .map(({ author, ...rest }) => ({ ...rest, ...author }));

const isInside = (key: Buffer, { gte, lt }: { gte: Buffer; lt: Buffer }): boolean =>
  key.compare(gte) >= 0 && key.compare(lt) < 0;

describe('the key of an identity', () => {
  it('says again what was written into it', () => {
    fc.assert(
      fc.property(someParts, (parts) => {
        expect(readIdentityKey(keyOf(parts))).toEqual(parts);
      }),
      { numRuns: 5000 },
    );
  });

  it('differs where identities differ, and lies in the range of its chat and id alone', () => {
    fc.assert(
      fc.property(someParts, someParts, fc.boolean(), fc.boolean(), (one, two, sameChat, sameId) => {
        const other = {
          ...two,
          ...(sameChat ? { chatNumber: one.chatNumber } : {}),
          ...(sameId ? { messageId: one.messageId } : {}),
        };
        const key = keyOf(other);
        const isSame = JSON.stringify(readIdentityKey(keyOf(one))) === JSON.stringify(other);
        expect(keyOf(one).equals(key)).toBe(isSame);
        const belongs = one.chatNumber === other.chatNumber && one.messageId === other.messageId;
        expect(isInside(key, identityRange(one.chatNumber, one.messageId))).toBe(belongs);
      }),
      { numRuns: 5000 },
    );
  });

  it('tells apart what differs in a digit, a case or the kind of number only', () => {
    const ids = ['AB', 'ab', 'Ab', 'A', 'AB0', '0AB', 'AB00', '\xab', '\u00ab\0', 'AB\0'];
    const senders = ['7@lid', '7@s.whatsapp.net', '7@hosted', '7@hosted.lid', '7@bot', '07@lid', '70@lid', ''];
    const keys = ids.flatMap((messageId) =>
      [...senders.map((senderJid) => ({ fromMe: false, senderJid })), { fromMe: true, senderJid: '' }].map((author) =>
        keyOf({ chatNumber: 1, messageId, ...author }).toString('hex'),
      ),
    );
    expect(new Set(keys).size).toBe(new Set(ids).size * (senders.length + 1));
  });

  it('takes half the bytes of a usual id and half of a number', () => {
    const key = keyOf({
      chatNumber: 1,
      messageId: '3EB0C767D0A1B2C3D4E5F6',
      fromMe: false,
      senderJid: '491701234567@s.whatsapp.net',
    });
    expect(key.length).toBe(5 + 1 + 11 + 1 + 7);
  });
});
