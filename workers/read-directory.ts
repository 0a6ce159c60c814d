import { readDirectory } from '../src/backup/msgstore/directory.js';
import type { Answer, DirectoryResult, ReadDirectoryTask } from '../src/backup/task.js';
import { workBehindOthers } from '../src/backup/priority.js';

workBehindOthers();

/** Piscina's entry: reads people or groups. */
export default function directory(task: ReadDirectoryTask): Answer<DirectoryResult> {
  return readDirectory(task);
}
