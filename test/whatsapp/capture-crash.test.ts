import { chatModificationToAppPatch } from '@whiskeysockets/baileys';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CapturedHistory, CapturedLink } from '../support/captured-link.js';
import { type ClientState, copyClientState } from '../support/whatsapp/baileys-client.js';
import { LoopbackWhatsApp } from '../support/whatsapp/loopback-whatsapp.js';
import type { Peer } from '../support/whatsapp/peer.js';

const owner = { phone: '491700000001', lid: '900000000000001', name: 'Owner' };

let whatsapp: LoopbackWhatsApp;
let history: CapturedHistory;
let link: CapturedLink;
let anna: Peer;
beforeEach(async () => {
  whatsapp = await LoopbackWhatsApp.listen({ claimsPreKeys: true });
  anna = whatsapp.addPerson({ phone: '491700000002', lid: '900000000000002', name: 'Anna' });
  history = await CapturedHistory.open(whatsapp, { drains: false });
  link = await CapturedLink.link(whatsapp, history, owner);
  // The first chunk of history, which every new link gets.
  await link.account.settled();
});
afterEach(async () => {
  await link.end();
  await whatsapp.close();
  await history.remove();
});

/** The process dies now, with the keys that were committed by then, and another one begins. */
async function restart(state = copyClientState(link.state)): Promise<void> {
  await link.end();
  await link.account.offline();
  await history.close();
  history = await CapturedHistory.open(whatsapp, { directory: history.directory });
  link = new CapturedLink(whatsapp, history, state, link.account);
  await link.client.opened();
}

const texts = async () => (await history.messages()).map(({ text }) => text);

describe('a client that dies', () => {
  it('after the inbox and before the keys gets the message again, and has it once', async () => {
    await link.account.acknowledged(await link.account.deliver(anna, { conversation: 'first' }));
    const before = copyClientState(link.state);
    // The acknowledgement is lost with the process: the keys are those from before.
    link.account.loses = ({ tag }) => tag === 'receipt';
    await link.account.deliver(anna, { conversation: 'second' }, { t: 4_000_000_000 });
    await link.account.acknowledgements.waitFor((entry) => entry.lost);
    link.account.loses = () => false;
    await restart(before);
    await link.account.settled();
    expect(await texts()).toEqual(['first', 'second']);
  });

  it('after the keys and before anything else has the message, although it is never decrypted again', async () => {
    link.account.loses = ({ tag }) => tag === 'receipt';
    const id = await link.account.deliver(anna, { conversation: 'once' });
    await link.account.acknowledgements.waitFor((entry) => entry.id === id && entry.lost);
    link.account.loses = () => false;
    await restart();
    await link.account.settled();
    expect(await link.account.acknowledged(id)).toMatchObject({ kind: 'ack', error: '487' });
    expect(await texts()).toEqual(['once']);
  });

  it('acknowledges nothing while it cannot be kept, and gets it again', async () => {
    const { account } = link;
    let refuse: (error: Error) => void = () => undefined;
    let appended = 0;
    history.onAppend = () => {
      appended++;
      return new Promise((_, reject) => (refuse = reject));
    };
    const ids = [
      await account.deliver(anna, { conversation: 'plain' }, { form: 'plaintext' }),
      await account.deliver(anna, { conversation: 'sealed' }, { t: 4_000_000_000 }),
    ];
    await account.deliverReceipt(anna.jid(), ['A1'], { type: 'read' });
    // The encrypted one waits behind the readable one, whose acknowledgement waits.
    await expect.poll(() => appended).toBe(2);
    expect(account.acknowledgements.entries.filter(({ id }) => ids.includes(id) || id === 'A1')).toEqual([]);
    refuse(new Error('no space left on device'));
    await link.client.closed();
    await expect(link.capture.settle()).rejects.toThrow('no space');
    expect(account.waiting).toEqual(expect.arrayContaining([...ids, 'A1']));
    await restart();
    await account.settled();
    expect(await texts()).toEqual(['plain', 'sealed']);
  });

  it('with a change of app state that was not kept yet is told of it again', async () => {
    const { account } = link;
    await account.acknowledged(await account.shareAppStateKey());
    await account.settled();
    let emitted = (): void => undefined;
    const event = new Promise<void>((resolve) => (emitted = resolve));
    history.onAppend = () => {
      emitted();
      return new Promise(() => undefined);
    };
    const lastMessages = [{ key: { remoteJid: anna.jid(), fromMe: false, id: 'A1' }, messageTimestamp: 1 }];
    await account.changeAppState(chatModificationToAppPatch({ archive: true, lastMessages }, anna.jid()));
    await event;
    await restart();
    await account.settled();
    await history.recorded();
    expect(await history.store.getChat(anna.jid())).toMatchObject({ archived: true });
    await link.capture.settle();
    expect(link.state.keys.values['app-state-sync-version']).toHaveProperty('regular_low.version', 1);
  });

  it('between the keys of a message and the key of a group that it brought reads what comes next in the group', async () => {
    const { account, state } = link;
    const group = whatsapp.groups.create({ subject: 'G', creator: anna, members: [account.phone] });
    const set = state.keys.set.bind(state.keys);
    let first: ClientState | undefined;
    // What is on the disk of a process that dies after its first write.
    state.keys.set = (data) => {
      set(data);
      if (data.session !== undefined) first ??= copyClientState(state);
    };
    await account.acknowledged(await account.deliver(anna, { conversation: 'with the key' }, { chat: group.jid }));
    await restart(first);
    await account.acknowledged(await account.deliver(anna, { conversation: 'without' }, { chat: group.jid }));
    expect((await texts()).sort()).toEqual(['with the key', 'without']);
  });

  it('before it drained its inbox drains it when the store is opened again', async () => {
    await link.account.acknowledged(await link.account.deliver(anna, { conversation: 'hello' }));
    expect(history.store.inbox.waiting('live')).toBeGreaterThan(0);
    await link.end();
    await history.close();
    history = await CapturedHistory.open(whatsapp, { directory: history.directory });
    expect(await texts()).toEqual(['hello']);
  });

  it('gets what was delivered while it was away, once', async () => {
    await link.end();
    await link.account.offline();
    for (let n = 0; n < 50; n++) {
      await link.account.deliver(anna, { conversation: `away ${String(n)}` }, { t: 1_700_000_000 + n });
    }
    await restart();
    await link.account.settled();
    expect(await texts()).toEqual(Array.from({ length: 50 }, (_, n) => `away ${String(n)}`));
  });

  it('at random moments loses nothing that it acknowledged', async () => {
    const { account } = link;
    for (let round = 0; round < 12; round++) {
      const cut = whatsapp.cut(
        round % 2 === 0 ? 'receiving' : 'sending',
        ({ tag }) => tag === (round % 2 === 0 ? 'receipt' : 'message'),
      );
      for (let n = 0; n < 5; n++) {
        await account.deliver(
          anna,
          { conversation: `${String(round)}.${String(n)}` },
          { t: 1_700_000_000 + round * 10 + n },
        );
      }
      await cut;
      await restart(copyClientState(link.state));
    }
    await account.settled();
    const wanted = Array.from({ length: 60 }, (_, n) => `${String(Math.floor(n / 5))}.${String(n % 5)}`);
    expect(await texts()).toEqual(wanted);
  });
});
