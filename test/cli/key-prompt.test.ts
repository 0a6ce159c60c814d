import type { ChildProcess } from 'node:child_process';
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeDaemon } from '../support/fake-daemon.js';
import { cliPath } from '../support/run-cli.js';

/** script(1) of util-linux gives a command a terminal of its own. */
const hasScript = String(spawnSync('script', ['--version']).stdout).includes('util-linux');

describe.runIf(hasScript)('the key on a terminal', () => {
  let daemon: FakeDaemon;
  let directory: string;

  beforeEach(async () => {
    daemon = await FakeDaemon.start();
    directory = await mkdtemp(join(tmpdir(), 'scrollback-key-'));
    await writeFile(join(directory, 'backup'), randomBytes(100_000));
  });

  afterEach(async () => {
    daemon.close();
    await rm(directory, { recursive: true });
  });

  /** Runs an import on a terminal and types once it has been asked; resolves with what the terminal showed. */
  async function importTyping(
    ...keys: [prompt: string, typed: string][]
  ): Promise<{ code: number | null; screen: string }> {
    const command = `'${process.execPath}' '${cliPath}' import '${join(directory, 'backup')}' --session alice`;
    const child: ChildProcess = spawn('script', ['-qec', command, '/dev/null'], {
      env: { ...process.env, SCROLLBACK_ADDRESS: daemon.address, COLUMNS: '120' },
    });
    let screen = '';
    let answered = 0;
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      screen += text;
      const next = keys[answered];
      if (next === undefined || !screen.includes(next[0])) return;
      answered += 1;
      child.stdin?.write(next[1]);
    });
    const [code]: (number | null)[] = await once(child, 'close');
    return { code: code ?? null, screen };
  }

  const digitsOf = (text: string): string => text.replace(/[^0-9a-f]/gi, '');

  it('is asked for, and never shown', async () => {
    const { code, screen } = await importTyping(['(not shown): ', 'ABCD ef01'.repeat(8) + '\r']);
    expect(code).toBe(0);
    expect(screen).not.toContain('ABCD');
    expect(screen).toContain('succeeded');
    expect(daemon.keys.map(({ form }) => digitsOf(String(form.value)))).toEqual(['ABCDef01'.repeat(8)]);
  });

  it('may be pasted over several lines and corrected', async () => {
    const line = '0123 4567 89ab cdef\n';
    const { code } = await importTyping(
      ['(not shown): ', line + line + line],
      ['48 of 64 digits so far; go on: ', 'ffff\u0015' + '0123 4567 89ab cdeX\u007ff\r'],
    );
    expect(code).toBe(0);
    expect(daemon.keys.map(({ form }) => digitsOf(String(form.value)))).toEqual(['0123456789abcdef'.repeat(4)]);
  });

  it('may be refused with Ctrl-C, which gives the terminal back', async () => {
    const { code, screen } = await importTyping(['(not shown): ', '0123\u0003']);
    expect(code).toBe(130);
    expect(screen).toContain('interrupted before anything was sent');
    expect(daemon.backfills.size).toBe(0);
  });
});
