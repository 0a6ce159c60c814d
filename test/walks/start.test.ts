import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Daemon, withDaemon } from '../support/daemon.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'scrollback-clock-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

describe('a daemon that cannot start', () => {
  it('says that another one uses its data directory', async () => {
    await withDaemon(
      async () => expect(await lastWords(directory)).toContain(`another daemon uses ${directory}: stop it`),
      { dataDirectory: directory },
    );
  });

  it('says why its data directory cannot be opened, whatever that is called', async () => {
    await mkdir(join(directory, 'registry', 'CURRENT'), { recursive: true });
    const said = await lastWords(directory);
    expect(said).toContain(`the data directory ${directory} cannot be opened`);
    expect(said).toContain('Is a directory');
    expect(said).not.toContain('another daemon');
  });
});

/** What a daemon says that ends before it serves. */
async function lastWords(dataDirectory: string): Promise<string> {
  const daemon = await Daemon.launchInto({ dataDirectory });
  try {
    expect(await daemon.untilServing()).toBe(false);
    expect(daemon.endedBy).toBe('code 1');
    return daemon.log;
  } finally {
    await daemon.remove();
  }
}
