import type { BinaryNode } from '@whiskeysockets/baileys';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DeliveryState } from '../../src/gen/scrollback/v1/message_pb.js';
import type { CapturedHistory, CapturedLink } from '../support/captured-link.js';
import { closeCaptured, openCaptured, owner } from '../support/captured-stage.js';
import type { Group } from '../support/whatsapp/groups.js';
import type { LoopbackWhatsApp } from '../support/whatsapp/loopback-whatsapp.js';
import { node } from '../support/whatsapp/nodes.js';
import type { Peer } from '../support/whatsapp/peer.js';

const voice = { audioMessage: { ptt: true, seconds: 2 } };

let whatsapp: LoopbackWhatsApp;
let history: CapturedHistory;
let link: CapturedLink;
let anna: Peer;
let ben: Peer;
let group: Group;
beforeEach(async () => {
  ({ whatsapp, anna, history, link } = await openCaptured());
  ben = whatsapp.addPerson({ phone: '491700000003', lid: '900000000000003', name: 'Ben' });
  group = whatsapp.groups.create({ subject: 'G', creator: anna, members: [link.account.phone, ben] });
  await link.account.acknowledged(await link.account.changeGroup(group, anna, { change: 'create' }));
});
afterEach(() => closeCaptured({ whatsapp, history, link }));

/** Delivers a message and waits until the client has acknowledged it. */
async function deliver(author: Peer, chat?: string): Promise<string> {
  const id = await link.account.deliver(author, voice, chat === undefined ? {} : { chat });
  await link.account.acknowledged(id);
  return id;
}

/** Delivers a receipt, and waits until it is recorded; the state of the message that it is about. */
async function afterReceipt(attributes: Record<string, string>, content?: BinaryNode[]): Promise<DeliveryState[]> {
  const before = receipts();
  await link.account.deliverStanza('receipt', attributes, content);
  await expect.poll(receipts).toBe(before + 1);
  const messages = await history.messages();
  return messages.flatMap(({ media, deliveryState }) => (media === undefined ? [] : [deliveryState]));
}

const receipts = (): number => link.account.acknowledgements.entries.filter(({ of }) => of === 'receipt').length;

describe('receipts of a group', () => {
  it('say that everybody has played a message', async () => {
    const id = await deliver(link.account.phone, group.jid);
    const more = await deliver(link.account.phone, group.jid);
    const list = [node('list', {}, [node('item', { id: more })])];
    const { SENT, READ, PLAYED } = DeliveryState;
    const played = { id, from: group.jid, type: 'played' };
    expect(await afterReceipt({ ...played, participant: anna.jid('lid') }, list)).toEqual([SENT, SENT]);
    expect(await afterReceipt({ ...played, participant: ben.jid('lid'), type: 'read' }, list)).toEqual([READ, READ]);
    expect(await afterReceipt({ ...played, participant: ben.jid('lid') }, list)).toEqual([PLAYED, PLAYED]);
  });

  it('may name several members', async () => {
    const id = await deliver(link.account.phone, group.jid);
    const of = (...members: Peer[]) => [
      node(
        'participants',
        { key: id },
        members.map((member) => node('user', { jid: member.jid('lid'), t: '1' })),
      ),
    ];
    const receipt = { id, from: group.jid };
    expect(await afterReceipt(receipt, of(anna, ben))).toEqual([DeliveryState.DELIVERED]);
    expect(await afterReceipt({ ...receipt, type: 'read' }, of(anna))).toEqual([DeliveryState.DELIVERED]);
    expect(await afterReceipt({ ...receipt, type: 'read' }, of(ben))).toEqual([DeliveryState.READ]);
  });
});

describe('the owner plays a voice note on the phone', () => {
  it('of a chat with one person', async () => {
    const id = await deliver(anna);
    const receipt = { id, from: `${owner.lid}@lid`, type: 'played-self', recipient: anna.jid('lid') };
    expect(await afterReceipt(receipt)).toEqual([DeliveryState.PLAYED]);
  });

  it('of a group', async () => {
    const id = await deliver(anna, group.jid);
    const receipt = { id, from: group.jid, type: 'played-self', recipient: anna.jid('lid') };
    expect(await afterReceipt({ ...receipt, participant: `${owner.lid}@lid` })).toEqual([DeliveryState.PLAYED]);
  });
});
