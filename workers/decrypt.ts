import { decryptBackup } from '../src/backup/container/decrypt.js';
import type { Answer, DecryptResult, DecryptTask } from '../src/backup/task.js';
import { workBehindOthers } from '../src/backup/priority.js';

workBehindOthers();

/** Decrypts one backup in a worker thread. The default export is what piscina calls. Never throws. */
export default function decrypt(task: DecryptTask): Promise<Answer<DecryptResult>> {
  return decryptBackup(task);
}
