import { describe, expect, it } from 'vitest';
import { DomainError } from '../../src/domain/fault.js';
import { LinkLost } from '../../src/domain/link-lost.js';
import { ask } from '../../src/whatsapp/ask.js';
import { linkClient } from '../support/whatsapp/baileys-client.js';
import { LoopbackWhatsApp } from '../support/whatsapp/loopback-whatsapp.js';

const owner = { phone: '491700000001', lid: '900000000000001', name: 'Owner' };
const never = new Promise<never>(() => undefined);

describe('what is asked of a connection', () => {
  it('is answered, refused with its code, or lost with the connection', async () => {
    const whatsapp = await LoopbackWhatsApp.listen({ claimsPreKeys: true });
    const { account, client } = await linkClient(whatsapp, owner);
    const { socket } = client;
    const question = () =>
      ask(socket.groupFetchAllParticipating(), { ended: new AbortController().signal, limitMs: 60_000 });
    expect(await question()).toEqual({});
    account.refuses = ({ attrs }) => (attrs.xmlns === 'w:g2' ? 429 : undefined);
    await expect(question()).rejects.toMatchObject({ fault: { reason: 'WHATSAPP_REFUSED', code: 429 } });
    account.refuses = ({ attrs }) => (attrs.xmlns === 'w:g2' ? 'silence' : undefined);
    const cut = whatsapp.cut('received', ({ attrs }) => attrs.xmlns === 'w:g2');
    const lost = question();
    lost.catch(() => undefined);
    await cut;
    await expect(lost).rejects.toBeInstanceOf(LinkLost);
    await client.end();
    await whatsapp.close();
    expect(whatsapp.errors).toEqual([]);
  });

  it('is given up when nothing comes', async () => {
    const silent = ask(never, { ended: new AbortController().signal, limitMs: 1 });
    await expect(silent).rejects.toEqual(new DomainError({ reason: 'WHATSAPP_SILENT' }));
  });

  it('is lost when the connection was ended by us', async () => {
    const end = new AbortController();
    const lost = ask(never, { ended: end.signal, limitMs: 60_000 });
    end.abort();
    await expect(lost).rejects.toBeInstanceOf(LinkLost);
    await expect(ask(never, { ended: end.signal, limitMs: 60_000 })).rejects.toBeInstanceOf(LinkLost);
  });
});
