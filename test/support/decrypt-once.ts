import { readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decryptBackup } from '../../src/backup/container/decrypt.js';
import { makeControl } from '../../src/backup/task.js';
import type { Answer, DecryptResult } from '../../src/backup/task.js';
import { withDirectory } from './small-backup.js';

/** What a decryption answered and left: `plain` is the target, if it is there. */
export interface Outcome {
  answer: Answer<DecryptResult>;
  plain: Buffer | undefined;
}

export interface DecryptSettings {
  maxInflatedBytes?: number;
  readBytes?: number;
  control?: SharedArrayBuffer;
}

/** Decrypts bytes in a directory of their own, and sees to it that nothing but a private target is left there. */
export function decryptOnce(
  file: Uint8Array,
  key: Uint8Array | undefined,
  settings: DecryptSettings = {},
): Promise<Outcome> {
  return withDirectory(async (directory) => {
    const sourcePath = join(directory, 'source');
    const targetPath = join(directory, 'target');
    await writeFile(sourcePath, file);
    const { maxInflatedBytes = 1e9, readBytes, control = makeControl() } = settings;
    const task = { sourcePath, targetPath, key: key && Buffer.from(key), maxInflatedBytes, control };
    const answer = await decryptBackup(task, readBytes);
    if (task.key?.some((byte) => byte !== 0)) throw new Error('the key was not wiped');
    const left = (await readdir(directory)).sort().join();
    if (left !== (answer.ok ? 'source,target' : 'source')) throw new Error(`left behind: ${left}`);
    if (!answer.ok) return { answer, plain: undefined };
    if (((await stat(targetPath)).mode & 0o777) !== 0o600) throw new Error('the target is not private');
    return { answer, plain: await readFile(targetPath) };
  });
}
