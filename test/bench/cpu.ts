import { readFile } from 'node:fs/promises';

/** Ticks a second in /proc: USER_HZ, which Linux has fixed at 100 on all machines that run Node. */
const TICKS_PER_SECOND = 100;

/** How long a process has computed since it began, in ms: user and system, all threads (proc(5): utime and stime). NaN without /proc. */
export async function readCpuMs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The name of the process stands in parentheses and may hold spaces.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_SECOND;
}
