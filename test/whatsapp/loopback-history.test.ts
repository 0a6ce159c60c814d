import { downloadMediaMessage, proto } from '@whiskeysockets/baileys';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LinkedClient } from '../support/whatsapp/baileys-client.js';
import { linkClient } from '../support/whatsapp/baileys-client.js';
import { LoopbackWhatsApp } from '../support/whatsapp/loopback-whatsapp.js';
import type { MediaFault } from '../support/whatsapp/media-server.js';
import type { Peer } from '../support/whatsapp/peer.js';

const owner = { phone: '491700000001', lid: '900000000000001', name: 'Owner' };
const { HistorySyncType } = proto.HistorySync;

let whatsapp: LoopbackWhatsApp;
let linked: LinkedClient;
let anna: Peer;
beforeEach(async () => {
  whatsapp = await LoopbackWhatsApp.listen({ claimsPreKeys: true });
  anna = whatsapp.addPerson({ phone: '491700000002', lid: '900000000000002', name: 'Anna' });
  linked = await linkClient(whatsapp, owner);
  await linked.client.next('messaging-history.set');
});
afterEach(async () => {
  await linked.client.end();
  await whatsapp.close();
  expect(whatsapp.errors).toEqual([]);
});

function chunk(texts: string[], syncType = HistorySyncType.RECENT): proto.IHistorySync {
  const messages = texts.map((conversation, index) => ({
    msgOrderId: texts.length - index,
    message: {
      key: { remoteJid: anna.jid(), fromMe: false, id: `H-${conversation}` },
      message: { conversation },
      messageTimestamp: 1_700_000_000 - index,
    },
  }));
  return {
    syncType,
    chunkOrder: 1,
    progress: 50,
    conversations: [{ id: anna.jid(), name: 'Anna', messages }],
    phoneNumberToLidMappings: [{ pnJid: anna.jid('pn'), lidJid: anna.jid('lid') }],
  };
}

async function textsOf(syncType: number): Promise<(string | null | undefined)[]> {
  const { messages } = await linked.client.next('messaging-history.set', (set) => set.syncType === syncType);
  return messages.map(({ message }) => message?.conversation);
}

describe('a chunk of history', () => {
  it('comes inside its announcement, which gets both receipts', async () => {
    const { account, client } = linked;
    const id = await account.pushHistory(chunk(['new', 'old']));
    const set = await client.next('messaging-history.set', ({ syncType }) => syncType === HistorySyncType.RECENT);
    expect(set.messages.map(({ message }) => message?.conversation)).toEqual(['new', 'old']);
    expect(set).toMatchObject({ chunkOrder: 1, progress: 50, chats: [{ id: anna.jid(), name: 'Anna' }] });
    await account.acknowledgements.waitFor((entry) => entry.id === id && entry.type === 'hist_sync');
    const said = account.acknowledgements.entries.filter((entry) => entry.id === id);
    expect(said.map(({ type }) => type)).toEqual(['peer_msg', 'hist_sync']);
    const { lidMapping } = client.socket.signalRepository;
    expect(await lidMapping.getLIDForPN(anna.jid('pn'))).toBe(anna.jid('lid'));
  });

  it('is downloaded when it is a file', async () => {
    await linked.account.pushHistory(chunk(['by file'], HistorySyncType.FULL), 'media');
    expect(await textsOf(HistorySyncType.FULL)).toEqual(['by file']);
    expect(whatsapp.media.requests).toMatchObject([{ status: 200 }]);
  });

  it('comes slowly, and comes', async () => {
    whatsapp.media.failNext('slow');
    await linked.account.pushHistory(chunk(['slow'], HistorySyncType.FULL), 'media');
    expect(await textsOf(HistorySyncType.FULL)).toEqual(['slow']);
  });

  it.each([503, 404, 410, 'short', 'garbage'] satisfies MediaFault[])(
    'whose download fails with %s is acknowledged and forgotten by the client',
    async (fault) => {
      const { account, client } = linked;
      whatsapp.media.failNext(fault);
      const id = await account.pushHistory(chunk(['lost'], HistorySyncType.FULL), 'media');
      await account.acknowledgements.waitFor((entry) => entry.id === id && entry.type === 'hist_sync');
      // What comes afterwards is handled afterwards.
      await account.pushHistory(chunk(['later'], HistorySyncType.RECENT), 'media');
      expect(await textsOf(HistorySyncType.RECENT)).toEqual(['later']);
      const types = client.seen('messaging-history.set').map(({ syncType }) => syncType);
      expect(types).not.toContain(HistorySyncType.FULL);
      expect(whatsapp.media.requests).toHaveLength(2);
      expect(account.waiting).toEqual([]);
    },
  );
});

describe('a download', () => {
  // Not through the client: an error in the middle of a body has no listener there, and ends the process.
  it('can break in the middle of a file', async () => {
    const { url } = await whatsapp.media.upload(Buffer.alloc(100_000), 'image');
    whatsapp.media.failNext('half');
    const response = await fetch(url, linked.client.download.options);
    expect(response.headers.get('content-length')).toBe('100026');
    await expect(response.arrayBuffer()).rejects.toThrow('terminated');
    const again = await fetch(url, linked.client.download.options);
    expect((await again.arrayBuffer()).byteLength).toBe(100_026);
  });

  it('can be of a part of a file', async () => {
    const { url } = await whatsapp.media.upload(Buffer.alloc(1000), 'image');
    const options = { ...linked.client.download.options, headers: { range: 'bytes=16-31' } };
    const response = await fetch(url, options);
    expect([response.status, (await response.arrayBuffer()).byteLength]).toEqual([206, 16]);
  });
});

describe('older messages', () => {
  it('come when the phone is asked for them', async () => {
    const { account, client } = linked;
    const asked: unknown[] = [];
    account.script.onHistoryRequest = (request) => {
      asked.push(proto.Message.PeerDataOperationRequestMessage.HistorySyncOnDemandRequest.fromObject(request).toJSON());
      return chunk(['older'], HistorySyncType.ON_DEMAND);
    };
    const anchor = { remoteJid: anna.jid(), fromMe: false, id: 'H-oldest' };
    const request = await client.socket.fetchMessageHistory(50, anchor, 1_700_000_000_000);
    const set = await client.next('messaging-history.set', ({ syncType }) => syncType === HistorySyncType.ON_DEMAND);
    expect(set.messages.map(({ message }) => message?.conversation)).toEqual(['older']);
    expect((await account.sent.waitFor()).id).toBe(request);
    expect(asked).toEqual([
      {
        chatJid: anna.jid(),
        oldestMsgFromMe: false,
        oldestMsgId: 'H-oldest',
        oldestMsgTimestampMs: '1700000000000',
        onDemandMsgCount: 50,
      },
    ]);
  });

  it('do not come when the phone keeps silent', async () => {
    const { account, client } = linked;
    const anchor = { remoteJid: anna.jid(), fromMe: false, id: 'H-oldest' };
    const request = await client.socket.fetchMessageHistory(50, anchor, 1_700_000_000_000);
    await account.sent.waitFor(({ id }) => id === request);
    await account.pushHistory(chunk(['later']));
    await textsOf(HistorySyncType.RECENT);
    const types = client.seen('messaging-history.set').map(({ syncType }) => syncType);
    expect(types).not.toContain(HistorySyncType.ON_DEMAND);
  });
});

describe('a file in a message', () => {
  const picture = Buffer.from('a picture, as far as anybody here can tell');

  it('is downloaded and decrypted', async () => {
    const { account, client } = linked;
    const { url, ...file } = await whatsapp.media.upload(picture, 'image');
    const id = await account.deliver(anna, { imageMessage: { url, ...file, mimetype: 'image/jpeg' } });
    const { messages } = await client.next('messages.upsert', (upsert) => upsert.messages[0]?.key.id === id);
    expect(await downloadMediaMessage(messages[0]!, 'buffer', client.download)).toEqual(picture);
  });

  it('that was dropped is uploaded again when the phone is asked', async () => {
    const { account, client } = linked;
    const { url, ...file } = await whatsapp.media.upload(picture, 'image');
    const id = await account.deliver(anna, { imageMessage: { url, ...file, mimetype: 'image/jpeg' } });
    const { messages } = await client.next('messages.upsert', (upsert) => upsert.messages[0]?.key.id === id);
    whatsapp.media.drop(file.directPath);
    await expect(downloadMediaMessage(messages[0]!, 'buffer', client.download)).rejects.toThrow();
    account.script.onReuploadRequest = () => {
      const directPath = whatsapp.media.restore(file.directPath);
      return { mediaKey: file.mediaKey, directPath };
    };
    const updated = await client.socket.updateMediaMessage(messages[0]!);
    expect(await downloadMediaMessage(updated, 'buffer', client.download)).toEqual(picture);
    expect(whatsapp.media.requests.map(({ status }) => status)).toEqual([404, 200]);
  });

  it('stays lost when the phone does not have it either', async () => {
    const { account, client } = linked;
    const { url, ...file } = await whatsapp.media.upload(picture, 'image');
    const id = await account.deliver(anna, { imageMessage: { url, ...file, mimetype: 'image/jpeg' } });
    const { messages } = await client.next('messages.upsert', (upsert) => upsert.messages[0]?.key.id === id);
    await expect(client.socket.updateMediaMessage(messages[0]!)).rejects.toThrow('re-upload');
  });
});
