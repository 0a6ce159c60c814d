import { mkdir, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LinkState } from '../../src/gen/scrollback/v1/session_service_pb.js';
import type { Session } from '../../src/session/session.js';
import type { SessionLink } from '../../src/session/link/session-link.js';
import type { LinkView } from '../../src/session/sessions.js';
import { account, FakeLinks } from '../support/fake-links.js';

let fake: FakeLinks;
beforeEach(async () => {
  fake = await FakeLinks.open();
});
afterEach(() => fake.close());

/** A session with a directory, and its link. */
async function newLink(id = 'a', isLinked = false): Promise<{ session: Session; link: SessionLink }> {
  const session = fake.session(id, isLinked);
  await mkdir(session.directory);
  return { session, link: fake.links.of(session) };
}

/** Waits until a link is in a state. */
async function until(link: SessionLink, state: LinkView['status']['state']): Promise<LinkView> {
  for (;;) {
    const change = link.changes.next(new AbortController().signal);
    if (link.view.status.state === state) return link.view;
    await change;
  }
}

const stored = (session: Session): Promise<unknown> => session.use((store) => store.link.getCredentials());

/** Takes all frames; the client goes away when the signal aborts. */
async function takeAll(link: SessionLink, signal = new AbortController().signal): Promise<string[]> {
  const states: string[] = [];
  for await (const { status } of link.link('', signal)) states.push(status.state);
  return states;
}

describe('the link of a session', () => {
  it('waits before it connects again: twice as long each time, less a part by chance', async () => {
    const { link } = await newLink('a', true);
    link.resume();
    (await fake.connection(1)).end({ cause: 'transient', code: 503 });
    const { status } = await until(link, 'backing-off');
    expect(status).toEqual({ state: 'backing-off', attempts: 1, retryAtMs: fake.nowMs + 750, code: 503 });
    (await fake.connection(2)).end({ cause: 'transient', code: 428 });
    const again = await until(link, 'backing-off');
    expect(again.status).toMatchObject({ attempts: 2, retryAtMs: fake.nowMs + 1500 });
  });

  it('is paired when a phone has answered, even if the client leaves in that moment', async () => {
    const { session, link } = await newLink();
    const client = new AbortController();
    const frames = takeAll(link, client.signal);
    const connection = await fake.connection(1);
    await connection.pair();
    client.abort();
    await expect(frames).rejects.toMatchObject({ fault: { reason: 'CANCELLED' } });
    (await fake.connection(2)).open();
    expect((await until(link, 'online')).phoneJid).toBe(account.phoneJid);
    expect(await stored(session)).toEqual(Buffer.from('c'));
    expect(fake.saved.map(({ state }) => state)).toEqual([LinkState.CONNECTING]);
  });

  it('is as it was before when the client leaves earlier', async () => {
    const { session, link } = await newLink();
    const client = new AbortController();
    const frames = takeAll(link, client.signal);
    const connection = await fake.connection(1);
    await connection.task.storage.write({ keys: [['k', Buffer.from('v')]] });
    client.abort();
    await expect(frames).rejects.toMatchObject({ fault: { reason: 'CANCELLED' } });
    expect(link.view.status).toEqual({ state: 'unlinked' });
    expect(await session.use((store) => store.link.getKeys(['k']))).toEqual([undefined]);
    expect(fake.saved).toEqual([]);
  });

  it.each([
    [
      { cause: 'pairing-expired', code: 408 },
      { reason: 'PAIRING_EXPIRED', sessionId: 'a' },
    ],
    [
      { cause: 'transient', code: 428 },
      { reason: 'WHATSAPP_UNREACHABLE', code: 428 },
    ],
    [
      { cause: 'banned', code: 403 },
      { reason: 'LINK_REFUSED', sessionId: 'a', state: 'banned', code: 403 },
    ],
  ] as const)('tells the client that its pairing ended by %o', async (disconnect, fault) => {
    const { link } = await newLink();
    const frames = takeAll(link);
    (await fake.connection(1)).end(disconnect);
    await expect(frames).rejects.toMatchObject({ fault });
    expect(link.view.status.state).toBe('unlinked');
  });

  it('forgets the credentials of a device that was removed, and can be paired at once', async () => {
    const { session, link } = await newLink('a', true);
    await session.use((store) => store.link.write({ credentials: Buffer.from('old') }));
    link.resume();
    const first = await fake.connection(1);
    first.open();
    first.end({ cause: 'logged-out', code: 401 });
    expect((await until(link, 'logged-out')).status).toMatchObject({ code: 401 });
    const frames = takeAll(link);
    await (await fake.connection(2)).pair();
    (await fake.connection(2)).end({ cause: 'restart', code: 515 });
    (await fake.connection(3)).open();
    expect((await frames).at(0)).toBe('logged-out');
    expect(await stored(session)).toEqual(Buffer.from('c'));
  });

  it('does not connect again while it is being unlinked', async () => {
    const { session, link } = await newLink('a', true);
    link.resume();
    (await fake.connection(1)).open();
    const results = await Promise.all([link.unlink(), link.unlink()]);
    expect(results).toEqual([true, true]);
    expect(link.view.status).toEqual({ state: 'unlinked' });
    expect(fake.connections).toHaveLength(1);
    expect(await stored(session)).toBeUndefined();
    expect(session.record.link?.state).toBe(LinkState.UNLINKED);
  });

  it('that has no credentials after a crash in its pairing is not linked', async () => {
    const { session, link } = await newLink('a', true);
    link.resume();
    (await fake.connection(1)).end({ cause: 'not-paired', code: 0 });
    await until(link, 'unlinked');
    await link.stop();
    expect(session.record.link?.state).toBe(LinkState.UNLINKED);
  });

  it('is deleted though its store cannot be opened', async () => {
    const session = fake.session('a');
    // A file where the directory of the session should be.
    await writeFile(session.directory, '');
    const link = fake.links.of(session);
    link.resume();
    (await fake.connection(1)).open();
    await fake.links.remove(session);
    expect(link.changes.closed).toBe(true);
  });

  it('stops in the middle of whatever it does', async () => {
    const { link: pausing } = await newLink('a', true);
    pausing.resume();
    (await fake.connection(1)).end({ cause: 'transient', code: 503 });
    await until(pausing, 'backing-off');
    const { link: pairing } = await newLink('b');
    const frames = takeAll(pairing);
    frames.catch(() => undefined);
    await fake.connection(2);
    await fake.links.stop();
    await expect(frames).rejects.toMatchObject({ fault: { reason: 'CANCELLED' } });
  });
});

describe('many links', () => {
  it('connect sixteen at a time after a restart, one more for each that is done', async () => {
    for (let i = 0; i < 20; i++) (await newLink(`s${String(i)}`, true)).link.resume();
    await fake.connection(16);
    await new Promise((resolve) => setImmediate(resolve));
    expect(fake.connections).toHaveLength(16);
    fake.connections[3]?.open();
    await fake.connection(17);
    fake.connections[0]?.end({ cause: 'banned', code: 403 });
    await fake.connection(18);
    expect(fake.connections).toHaveLength(18);
  });
});
