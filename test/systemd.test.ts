import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readConfig } from '../src/config.js';
import { allocatorEnvironment } from './support/daemon.js';
import { checkoutRoot } from './support/source-module.js';

const root = checkoutRoot(fileURLToPath(import.meta.url));
const unitText = readFileSync(join(root, 'systemd', 'scrollback.service'), 'utf8');
const sampleText = readFileSync(join(root, 'systemd', 'scrollback.env'), 'utf8');
const analyzerInstalled = spawnSync('systemd-analyze', ['--version']).status === 0;

/** Ten times the exposure of the unit as systemd 252 rates it: 1.2 of 10, 0.2 of it for reaching WhatsApp. It may become less, not more. */
const EXPOSURE_TIMES_TEN = 12;

describe('the unit', () => {
  const settings = readUnit(unitText);

  it('starts what the build makes', () => {
    const command = settings.get('ExecStart')?.[0] ?? '';
    const script = /^\/usr\/bin\/node \/usr\/lib\/scrollback\/(dist\/src\/cli\/main\.js) serve$/.exec(command)?.[1];
    expect(script).toBe('dist/src/cli/main.js');
    expect(existsSync(join(root, 'src', 'cli', 'main.ts'))).toBe(true);
  });

  it('is ended by SIGTERM with time to drain, and started again after a failure', () => {
    expect(settings.get('Type')).toEqual(['exec']);
    expect(settings.get('TimeoutStopSec')).toEqual(['30']);
    expect(settings.get('Restart')).toEqual(['on-failure']);
    expect(settings.has('KillSignal')).toBe(false);
  });

  it('lets V8 compile, and keeps keys out of core dumps and swap', () => {
    expect(settings.has('MemoryDenyWriteExecute')).toBe(false);
    expect(settings.get('LimitCORE')).toEqual(['0']);
    expect(settings.get('MemorySwapMax')).toEqual(['0']);
  });

  it('gives the daemon the first state directory for its data and the second for dropped files', () => {
    expect(settings.get('StateDirectory')).toEqual(['scrollback scrollback/drop']);
    const environment = {
      STATE_DIRECTORY: '/var/lib/scrollback:/var/lib/scrollback/drop',
      ...readUnitEnvironment(settings),
    };
    const config = readConfig(environment);
    expect(config.dataDirectory).toBe('/var/lib/scrollback');
    expect(config.dropDirectory).toBe('/var/lib/scrollback/drop');
  });

  it('lets the daemon reach WhatsApp, and its threads step behind', () => {
    expect(settings.has('IPAddressDeny')).toBe(false);
    expect(settings.get('RestrictAddressFamilies')).toEqual(['AF_INET AF_INET6 AF_UNIX']);
    expect(settings.get('SystemCallFilter')?.at(-1)).toBe('setpriority');
  });

  it('sets the allocator as npm start does', () => {
    const script = readFileSync(join(root, 'package.json'), 'utf8');
    for (const [name, value] of Object.entries(allocatorEnvironment)) {
      expect(readUnitEnvironment(settings)[name]).toBe(value);
      expect(script).toMatch(new RegExp(`"start": ".*${name}=${value} .*node dist`));
    }
  });

  it('reads the settings file that the sample is for', () => {
    expect(settings.get('EnvironmentFile')).toEqual(['-/etc/scrollback/scrollback.env']);
  });
});

describe.runIf(analyzerInstalled)('systemd-analyze', () => {
  let directory: string;
  let unitPath: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'scrollback-unit-'));
    unitPath = join(directory, 'scrollback.service');
    // `verify` wants the program to exist; Node is not in /usr/bin everywhere.
    await writeFile(unitPath, unitText.replace('/usr/bin/node', process.execPath));
  });

  afterEach(() => rm(directory, { recursive: true }));

  it('finds nothing wrong with the unit', () => {
    const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', unitPath], { encoding: 'utf8' });
    // It also looks at units of the machine; only what it says of ours counts.
    const complaints = (stdout + stderr).split('\n').filter((line) => line.includes(basename(unitPath)));
    expect({ status, complaints }).toEqual({ status: 0, complaints: [] });
  });

  it('rates its exposure no higher than measured', () => {
    const args = ['security', '--offline=true', `--threshold=${String(EXPOSURE_TIMES_TEN)}`, unitPath];
    const { status, stdout } = spawnSync('systemd-analyze', args, { encoding: 'utf8' });
    expect(status, stdout.split('\n').slice(-3).join('\n')).toBe(0);
  });
});

describe('the sample of settings', () => {
  it('changes nothing as it is', () => {
    expect(readEnvironmentFile(sampleText)).toEqual({});
  });

  it('names exactly the settings that the daemon reads', () => {
    const source = readFileSync(join(root, 'src', 'config.ts'), 'utf8');
    const read = [...source.matchAll(/'(SCROLLBACK_[A-Z_]+)'/g)].map((match) => match[1]);
    const named = Object.keys(readEnvironmentFile(uncomment(sampleText)));
    expect(named.sort()).toEqual([...new Set(read)].sort());
  });

  it('shows the defaults', () => {
    const { SCROLLBACK_WORKERS: _dependsOnTheMachine, ...sample } = readEnvironmentFile(uncomment(sampleText));
    const defaults = readConfig({
      STATE_DIRECTORY: '/var/lib/scrollback:/var/lib/scrollback/drop',
      ...readUnitEnvironment(readUnit(unitText)),
    });
    expect(readConfig(sample)).toEqual(defaults);
  });
});

/** All values of each setting of a unit file. */
function readUnit(text: string): Map<string, string[]> {
  const settings = new Map<string, string[]>();
  for (const [, name = '', value = ''] of text.matchAll(/^(\w+)=(.*)$/gm)) {
    settings.set(name, [...(settings.get(name) ?? []), value]);
  }
  return settings;
}

function readUnitEnvironment(settings: Map<string, string[]>): NodeJS.ProcessEnv {
  return readEnvironmentFile((settings.get('Environment') ?? []).join('\n'));
}

function readEnvironmentFile(text: string): NodeJS.ProcessEnv {
  const environment: NodeJS.ProcessEnv = {};
  for (const [, name = '', value] of text.matchAll(/^([A-Z_]+)=(.*)$/gm)) environment[name] = value;
  return environment;
}

function uncomment(text: string): string {
  return text.replaceAll(/^#(SCROLLBACK_)/gm, '$1');
}
