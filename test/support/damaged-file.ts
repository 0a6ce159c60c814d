import { deflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { parseHeader } from '../../src/backup/container/header.js';
import { decryptOnce } from './decrypt-once.js';
import { serialiseKeyFile } from './encrypt-backup.js';
import { rootKey, smallBackup, smallDatabase } from './small-backup.js';

const plain = smallDatabase(4);
const contentBytes = deflateSync(plain).length;
const containers = [
  ['crypt15', smallBackup(plain), rootKey],
  ['crypt15 without an MD5', smallBackup(plain, { md5: false }), rootKey],
  ['crypt14', smallBackup(plain, { kind: 'crypt14' }), serialiseKeyFile(rootKey)],
  ['crypt12', smallBackup(plain, { kind: 'crypt12' }), serialiseKeyFile(rootKey)],
] as const;

const faultsOfDamage = [
  'DAMAGED',
  'KEY_KIND_MISMATCH',
  'NOT_A_BACKUP',
  'PASSKEY_PROTECTED',
  'PASSWORD_PROTECTED',
  'TRUNCATED',
  'WRONG_KEY_OR_DAMAGED',
];

/** Four at a time keep both cores and libuv's pool busy. */
async function forAll(count: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all([lane(), lane(), lane(), lane()]);
}

/**
 * Declares the tests of damage to a small file of every kind: each length, and each bit of the header and of what follows the
 * content. Of the content, of which all bits are alike to what decrypts, `bitsOfContent` is 1 for another one of each byte, or 8 for all.
 */
export function describeDamage(bitsOfContent: 1 | 8): void {
  describe.each(containers)('damage to a small %s file', (_, file, key) => {
    const parsed = parseHeader(file);
    const dataOffset = parsed.answer === 'header' && parsed.header.kind !== 'plain' ? parsed.header.dataOffset : 0;
    const contentEnd = dataOffset + contentBytes;
    const bits = Array.from({ length: file.length * 8 }, (__, bit) => bit).filter((bit) => {
      const byte = bit >> 3;
      return byte < dataOffset || byte >= contentEnd || bitsOfContent === 8 || (bit & 7) === (byte & 7);
    });

    test('that changes one bit is refused by a fault that fits, or it is outside of the content and harmless', async () => {
      await forAll(bits.length, async (index) => {
        const bit = bits[index] ?? 0;
        const flipped = Buffer.from(file);
        flipped[bit >> 3] = (file[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        const { answer, plain: got } = await decryptOnce(flipped, key);
        if (answer.ok) {
          expect(got?.equals(plain), `bit ${bit}`).toBe(true);
          expect(bit >> 3 < dataOffset || bit >> 3 >= contentEnd + 16, `bit ${bit}`).toBe(true);
        } else {
          expect(faultsOfDamage, `bit ${bit}`).toContain(answer.fault.reason);
        }
      });
    });

    test('that cuts it is refused by a fault that fits, or takes only what follows the tag', async () => {
      await forAll(file.length, async (length) => {
        const { answer, plain: got } = await decryptOnce(file.subarray(0, length), key);
        if (answer.ok) {
          expect(got?.equals(plain), `${length} bytes`).toBe(true);
          expect(length, `${length} bytes`).toBeGreaterThanOrEqual(contentEnd + 16);
        } else {
          expect(['TRUNCATED', 'NOT_A_BACKUP', 'DAMAGED', 'WRONG_KEY_OR_DAMAGED'], `${length} bytes`).toContain(
            answer.fault.reason,
          );
        }
      });
    });
  });
}
