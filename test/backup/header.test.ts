import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseHeader } from '../../src/backup/container/header.js';
import type { EncryptedHeader } from '../../src/backup/container/header.js';
import { defaultKeyFacts } from '../support/encrypt-backup.js';
import type { EncryptOptions } from '../support/encrypt-backup.js';
import { smallBackup, smallDatabase } from '../support/small-backup.js';

const plain = smallDatabase();
const iv = Buffer.alloc(16, 0xa5);

function headerOf(file: Buffer): EncryptedHeader {
  const parsed = parseHeader(file);
  if (parsed.answer !== 'header' || parsed.header.kind === 'plain')
    throw new Error(`parsed as ${JSON.stringify(parsed)}`);
  return parsed.header;
}

/** A prefix from the hex of its body, with enough after it for any answer but `more`. */
function parseBody(...fields: string[]) {
  const body = Buffer.from(fields.join('').replaceAll(' ', ''), 'hex');
  return parseHeader(Buffer.concat([Buffer.from([body.length]), body, Buffer.alloc(200)]));
}

const e2eeField = `1a12 0a10 ${'a5'.repeat(16)}`;

describe('a header', () => {
  test('of crypt15 tells the IV, where the data starts, the version and the number', () => {
    const file = smallBackup(plain, { header: { keyType: 3, appVersion: '2.26.1.2', jidSuffix: '07' } });
    expect(headerOf(file)).toEqual({
      kind: 'crypt15',
      iv,
      dataOffset: (file[0] ?? 0) - 0x80 + 0x80 * (file[1] ?? 0) + 2,
      protection: 'digits',
      keyVersion: undefined,
      serverSalt: undefined,
      googleId: undefined,
      appVersion: '2.26.1.2',
      jidSuffix: '07',
      otherDatabase: false,
    });
  });

  test.each(['crypt14', 'crypt12'] as const)('of %s names the key file that opens it', (kind) => {
    expect(headerOf(smallBackup(plain, { kind }))).toMatchObject({
      kind,
      iv,
      protection: 'unstated',
      ...defaultKeyFacts,
    });
  });

  test.each([
    ['shorter than 128 bytes', { noMetadata: true }, 1],
    ['with a two-byte length', {}, 2],
    ['with a passkey', { passkey: true }, 2],
    ['longer than 16 KiB', { extraBytes: 20_000 }, 3],
  ] as const)('%s is measured, not guessed', (_, header, lengthBytes) => {
    const file = smallBackup(plain, { header });
    const sealedBytes = smallBackup(plain, { kind: 'crypt12' }).length - 67 - 4;
    const { dataOffset } = headerOf(file);
    expect(dataOffset).toBe(file.length - sealedBytes);
    expect(file.subarray(0, lengthBytes).findIndex((byte) => byte < 0x80)).toBe(lengthBytes - 1);
  });

  test.each([
    [2, 'password'],
    [3, 'digits'],
    [4, 'passkey'],
    [1, 'unstated'],
  ] as const)('with key type %i is protected by: %s', (keyType, protection) => {
    expect(headerOf(smallBackup(plain, { header: { keyType } })).protection).toBe(protection);
  });

  test('with passkey metadata is protected by a passkey, whatever the key type says', () => {
    expect(headerOf(smallBackup(plain, { header: { keyType: 3, passkey: true } })).protection).toBe('passkey');
  });

  test('of another database is told by its hash field', () => {
    expect(headerOf(smallBackup(plain, { header: { otherDatabase: true } })).otherDatabase).toBe(true);
  });

  test('keeps nothing of a version or a number that are none', () => {
    const header = headerOf(smallBackup(plain, { header: { appVersion: '1.2\n rm', jidSuffix: 'ab' } }));
    expect(header).toMatchObject({ appVersion: '', jidSuffix: '' });
  });

  test('of a plain database is its magic', () => {
    expect(parseHeader(plain)).toEqual({ answer: 'header', header: { kind: 'plain' } });
  });
});

describe('an odd prefix', () => {
  test.each([
    ['an unknown varint', ['a006 01', e2eeField]],
    ['unknown fields of a fixed size', [`a106 ${'00'.repeat(8)}`, 'a506 00000000', e2eeField]],
    ['an unknown group with fields in it', ['5b', '1a02 0a00', '08 ff01', '5c', e2eeField]],
    ['groups within groups', ['5b 63 6b 73', '74 6c 64 5c', e2eeField]],
    ['a message in two parts', ['1a00', e2eeField, '1a00']],
    ['the IV twice, the last of which counts', [`1a12 0a10 ${'00'.repeat(16)}`, e2eeField]],
    ['the known fields in another order', ['3003', '2203 1a01 37', e2eeField, '0801']],
    ['a key type of the wrong wire type', ['3201 02', e2eeField]],
    ['both kinds of key data', [`1212 2a10 ${'00'.repeat(16)}`, e2eeField]],
  ])('with %s is read', (_, fields) => {
    expect(parseBody(...fields)).toMatchObject({ answer: 'header', header: { kind: 'crypt15', iv } });
  });

  test.each([
    ['an IV of 12 bytes', [`1a0e 0a0c ${'a5'.repeat(12)}`, '0801', '3003']],
    ['an IV of 17 bytes', [`1a13 0a11 ${'a5'.repeat(17)}`]],
    ['no IV', ['0801', `2214 0a12 ${'31'.repeat(18)}`]],
    ['an empty second IV', [e2eeField, '1a02 0a00']],
    ['a field number 0', ['0001', e2eeField]],
    ['an unknown wire type', ['0e', e2eeField]],
    ['a group that does not end', ['5b', e2eeField]],
    ['a group that ends as another', ['5b 64', e2eeField]],
    ['an end of a group that did not begin', ['5c', e2eeField]],
    ['too many groups within groups', ['5b 63 6b 73 7b', '7c 74 6c 64 5c', e2eeField]],
    ['a field that reaches beyond the prefix', [e2eeField, '2240 00']],
    ['a varint without end', [e2eeField, `08 ${'ff'.repeat(12)}`]],
    ['a field inside its message that reaches beyond it', [`1a12 0a11 ${'a5'.repeat(16)}`, '0801']],
  ])('with %s is no backup', (_, fields) => {
    expect(parseBody(...fields)).toEqual({ answer: 'none' });
  });

  test.each([
    ['nothing', '00'],
    ['a length below any IV', '13 1a11'],
    ['a length beyond the limit', '81 80 04 1a12'],
    ['a length of four bytes', '80 80 80 01'],
    ['the start of a TrueType font', '00 01 00 00'],
    ['the start of a ZIP', '50 4b 03 04'],
    ['the start of a JPEG', 'ff d8 ff e0'],
    ['the start of a gzip', '1f 8b 08 00'],
    ['text', Buffer.from('BEGIN:VCARD\r\nVERSION:3.0\r\n').toString('hex')],
  ])('that is %s is no backup', (_, hex) => {
    const head = Buffer.concat([Buffer.from(hex.replaceAll(' ', ''), 'hex'), Buffer.alloc(70_000)]);
    expect(parseHeader(head)).toEqual({ answer: 'none' });
  });
});

describe('the parser', () => {
  const kinds: EncryptOptions['kind'][] = ['crypt15', 'crypt14', 'crypt12'];

  test.each([...kinds, 'plain' as const])(
    'asks for more of %s until it has it all, and knows early what it is',
    (kind) => {
      const file = kind === 'plain' ? plain : smallBackup(plain, { kind });
      const whole = parseHeader(file);
      const end = whole.answer === 'header' && whole.header.kind !== 'plain' ? whole.header.dataOffset : 16;
      for (let length = 0; length < end; length++) {
        const parsed = parseHeader(file.subarray(0, length));
        expect(parsed, `${length} bytes`).toMatchObject({ answer: 'more' });
        if (parsed.answer !== 'more') continue;
        expect(parsed.bytes, `${length} bytes`).toBeGreaterThan(length);
        expect(parsed.bytes, `${length} bytes`).toBeLessThanOrEqual(end);
        if (length >= 5) expect(parsed.begun, `${length} bytes`).toBe(true);
      }
      expect(parseHeader(file.subarray(0, end))).toEqual(whole);
    },
  );

  const changedHeader = fc
    .tuple(
      fc.constantFrom(...kinds),
      fc.boolean(),
      fc.array(fc.tuple(fc.nat(260), fc.nat(255)), { minLength: 1, maxLength: 6 }),
    )
    .map(([kind, passkey, changes]) => {
      const file = Buffer.from(smallBackup(plain, { kind, header: { passkey } }));
      for (const [at, byte] of changes) file[at] = byte;
      return file;
    });

  test('answers any bytes without harm, and no answer but "more" changes with more bytes', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
          changedHeader,
        ),
        fc.nat(700),
        (file, cut) => {
          const head = file.subarray(0, cut);
          const early = parseHeader(head);
          if (early.answer === 'more') expect(early.bytes).toBeGreaterThan(head.length);
          else expect(parseHeader(file)).toEqual(early);
          if (early.answer === 'header' && early.header.kind !== 'plain') {
            expect(early.header.iv).toHaveLength(16);
            expect(early.header.dataOffset).toBeLessThanOrEqual(head.length);
          }
        },
      ),
      { numRuns: 5_000 },
    );
  });
});
