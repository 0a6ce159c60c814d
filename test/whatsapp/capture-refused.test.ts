import type { SignalDataTypeMap } from '@whiskeysockets/baileys';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MessageKind } from '../../src/gen/scrollback/v1/message_pb.js';
import type { CapturedHistory } from '../support/captured-link.js';
import { CapturedLink } from '../support/captured-link.js';
import { closeCaptured, openCaptured } from '../support/captured-stage.js';
import { copyClientState } from '../support/whatsapp/baileys-client.js';
import type { LoopbackWhatsApp } from '../support/whatsapp/loopback-whatsapp.js';
import type { Peer } from '../support/whatsapp/peer.js';

let whatsapp: LoopbackWhatsApp;
let history: CapturedHistory;
let link: CapturedLink;
let anna: Peer;
beforeEach(async () => {
  ({ whatsapp, anna, history, link } = await openCaptured());
});
afterEach(() => closeCaptured({ whatsapp, history, link }));

/** The library looks up the devices of an author before it decrypts what they wrote. */
const LOOKED_UP = 'device-list';

describe('a message on which the library fails before it decrypts it', () => {
  it('is kept, and a placeholder says so', async () => {
    // Not what it puts there itself: it fails on it, each time.
    const nothing = {} as SignalDataTypeMap[typeof LOOKED_UP];
    link.state.keys.set({ [LOOKED_UP]: { '491700000002': nothing } });
    const id = await link.account.deliver(anna, { conversation: 'lost' }, { addressing: 'lid' });
    await link.account.acknowledged(id);
    expect(await history.messages()).toMatchObject([{ kind: MessageKind.PENDING, key: { messageId: id } }]);
    expect(history.store.inbox.waiting('unread')).toBe(1);
  });

  it('is delivered again when it was our storage that failed', async () => {
    const { keys } = link.state;
    const get = keys.get.bind(keys);
    keys.get = (type, ids) => {
      if (type === LOOKED_UP) throw new Error('the disk is gone');
      return get(type, ids);
    };
    const state = copyClientState(link.state);
    const id = await link.account.deliver(anna, { conversation: 'not lost' }, { addressing: 'lid' });
    await link.client.closed();
    await link.account.offline();
    expect(link.account.waiting).toContain(id);
    link = new CapturedLink(whatsapp, history, state, link.account);
    await link.account.acknowledged(id);
    expect(await history.messages()).toMatchObject([{ text: 'not lost', key: { messageId: id } }]);
    expect(history.store.inbox.waiting('unread')).toBe(0);
  });
});
