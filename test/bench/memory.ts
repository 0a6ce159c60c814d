import { readFile, writeFile } from 'node:fs/promises';

/** What a process holds of real memory, in bytes; NaN where there is no /proc. */
export interface Memory {
  resident: number;
  /** The most since the process began, or since `resetPeak`. */
  peak: number;
}

/** Reads the memory of a process (proc(5): VmRSS and VmHWM of `status`, in KiB). */
export async function readMemory(pid: number): Promise<Memory> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const bytesOf = (name: string): number => {
    const kibibytes = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1];
    return kibibytes === undefined ? NaN : Number(kibibytes) * 1024;
  };
  return { resident: bytesOf('VmRSS'), peak: bytesOf('VmHWM') };
}

/** Makes `peak` count anew (proc(5): 5 into `clear_refs`). Where that is not allowed it goes on as it was, which is never too low. */
export async function resetPeak(pid: number): Promise<void> {
  await writeFile(`/proc/${pid}/clear_refs`, '5').catch(() => undefined);
}
