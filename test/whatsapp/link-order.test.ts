import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readAll } from '../support/history.js';
import type { RunningLink } from '../support/whatsapp-link.js';
import { LinkBench } from '../support/whatsapp-link.js';
import type { Account } from '../support/whatsapp/account.js';
import type { Group } from '../support/whatsapp/groups.js';
import { LoopbackWhatsApp } from '../support/whatsapp/loopback-whatsapp.js';
import type { Peer } from '../support/whatsapp/peer.js';

const owner = { phone: '491700000001', lid: '900000000000001', name: 'Owner' };

let whatsapp: LoopbackWhatsApp;
let bench: LinkBench;
let account: Account;
let link: RunningLink;
let anna: Peer;
let ben: Peer;
let group: Group;
beforeEach(async () => {
  whatsapp = await LoopbackWhatsApp.listen({ claimsPreKeys: true });
  bench = await LinkBench.open();
  const pairing = bench.connect({ url: whatsapp.url }, { phoneNumber: '' });
  const offer = await pairing.offered;
  account = await whatsapp.scanQr(offer.kind === 'qr' ? offer.payload : '', owner);
  await pairing.closed;
  anna = whatsapp.addPerson({ phone: '491700000002', lid: '900000000000002', name: 'Anna' });
  ben = whatsapp.addPerson({ phone: '491700000003', lid: '900000000000003', name: 'Ben' });
  group = whatsapp.groups.create({ subject: 'G', creator: anna, members: [account.phone, ben] });
  link = bench.connect({ url: whatsapp.url });
  await link.caughtUp;
  await account.settled();
});
afterEach(async () => {
  await bench.close();
  await whatsapp.close();
  expect(whatsapp.errors).toEqual([]);
});

/** Ends the connection, and returns when WhatsApp knows of it. */
async function disconnect(): Promise<void> {
  link.connection.close();
  await link.closed;
  await account.offline();
}

/** What is in the history once everything that was delivered is acknowledged; nothing may have been asked for twice. */
async function textsAtOnce(): Promise<string[]> {
  await account.settled();
  await bench.recorded();
  expect(account.acknowledgements.entries.filter(({ kind }) => kind === 'retry')).toEqual([]);
  return (await bench.use(readAll)).map(({ text }) => text).sort();
}

describe('a message of a group', () => {
  it('that a later one has overtaken can be read after a restart', async () => {
    const t = 4_000_000_000;
    await account.acknowledged(await account.deliver(anna, { conversation: '1' }, { chat: group.jid, t }));
    const second = await account.prepare(anna, { conversation: '2' }, { chat: group.jid, t: t + 1 });
    await account.acknowledged(await account.deliver(anna, { conversation: '3' }, { chat: group.jid, t: t + 2 }));
    await disconnect();
    link = bench.connect({ url: whatsapp.url });
    await link.caughtUp;
    second();
    expect(await textsAtOnce()).toEqual(['1', '2', '3']);
  });

  it('that comes while others still wait to be read does not overtake the one with its key', async () => {
    await disconnect();
    const sent = [];
    for (let n = 10; n < 60; n++) {
      sent.push(String(n));
      await account.deliver(ben, { conversation: String(n) });
    }
    await account.deliver(anna, { conversation: 'with the key' }, { chat: group.jid });
    const without = await account.prepare(anna, { conversation: 'without' }, { chat: group.jid });
    link = bench.connect({ url: whatsapp.url });
    await link.caughtUp;
    without();
    expect(await textsAtOnce()).toEqual([...sent, 'with the key', 'without']);
  });
});
