import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Door, openDoor } from '../support/door.js';
import { runCli } from '../support/run-cli.js';

const at = (text: string): number => Date.parse(text);

let door: Door;
beforeAll(async () => {
  door = await openDoor();
  const [cutMs, backMs, nowMs] = [
    at('2026-03-01T12:00:00Z'),
    at('2026-03-02T08:30:00.250Z'),
    at('2026-03-05T10:00:00Z'),
  ];
  door.memory.history('alice').coverage = {
    stretches: [
      { fromMs: 0, toMs: at('2026-02-16T18:32:39Z'), source: 1 },
      { fromMs: at('2026-02-16T18:30:00Z'), toMs: cutMs, source: 2 },
      { fromMs: backMs, toMs: nowMs, source: 2 },
    ],
    gaps: [{ fromMs: cutMs, toMs: backMs }],
    firstMessageMs: at('2020-01-01T00:00:00Z'),
    asOfMs: nowMs,
  };
  door.memory.history('empty');
});
afterAll(() => door.stop());

const run = (...args: string[]): ReturnType<typeof runCli> => runCli(args, { address: door.address });

describe('scrollback coverage', () => {
  it('prints stretches and gaps in order of time, and says how many gaps there are', async () => {
    const { code, stdout, stderr } = await run('coverage', '--session', 'alice');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '1 gap until 2026-03-05T10:00:00Z\n' });
    expect(stdout.split('\n')).toEqual([
      'FROM                  TO                    KNOWN BY',
      'the beginning         2026-02-16T18:32:39Z  backup',
      '2026-02-16T18:30:00Z  2026-03-01T12:00:00Z  live',
      '2026-03-01T12:00:00Z  2026-03-02T08:30:00Z  (gap)',
      '2026-03-02T08:30:00Z  2026-03-05T10:00:00Z  live',
      '',
    ]);
  });

  it('prints the coverage of a chat as proto3 JSON', async () => {
    const { stdout } = await run('coverage', '--session', 'alice', '--chat', '+49 170 1234567', '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      chatJid: '491701234567@s.whatsapp.net',
      stretches: [
        { toTime: '2026-02-16T18:32:39Z', source: 'SOURCE_BACKUP' },
        { source: 'SOURCE_LIVE' },
        { fromTime: '2026-03-02T08:30:00.250Z' },
      ],
      gaps: [{ fromTime: '2026-03-01T12:00:00Z', toTime: '2026-03-02T08:30:00.250Z' }],
    });
  });

  it('says so when nothing is known', async () => {
    const { code, stdout, stderr } = await run('coverage', '--session', 'empty');
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '', stderr: 'nothing is known\n' });
  });
});
