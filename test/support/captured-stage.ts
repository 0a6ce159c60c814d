import { expect } from 'vitest';
import { CapturedHistory, CapturedLink } from './captured-link.js';
import { LoopbackWhatsApp } from './whatsapp/loopback-whatsapp.js';
import type { Peer } from './whatsapp/peer.js';

/** Whose account is linked. */
export const owner = { phone: '491700000001', lid: '900000000000001', name: 'Owner' };

/** The addresses of the owner, of Anna, who is always there, and of Ben, who joins where he is needed. */
export const OWNER = '491700000001@s.whatsapp.net';
export const ANNA = '491700000002@s.whatsapp.net';
export const ANNA_LID = '900000000000002@lid';
export const BEN = '491700000003@s.whatsapp.net';
export const BEN_LID = '900000000000003@lid';

/** What most tests of capturing begin with: a WhatsApp, somebody who writes, and a linked account that is captured into a history. */
export interface CapturedStage {
  whatsapp: LoopbackWhatsApp;
  anna: Peer;
  history: CapturedHistory;
  link: CapturedLink;
}

/** Opens it; `closeCaptured` must follow. */
export async function openCaptured(): Promise<CapturedStage> {
  const whatsapp = await LoopbackWhatsApp.listen({ claimsPreKeys: true });
  const anna = whatsapp.addPerson({ phone: '491700000002', lid: '900000000000002', name: 'Anna' });
  const history = await CapturedHistory.open(whatsapp);
  const link = await CapturedLink.link(whatsapp, history, owner);
  return { whatsapp, anna, history, link };
}

/** Closes it, and holds against both sides what neither a sound client nor a sound server does. */
export async function closeCaptured({ whatsapp, history, link }: Omit<CapturedStage, 'anna'>): Promise<void> {
  await link.end();
  await whatsapp.close();
  await history.remove();
  expect(whatsapp.errors).toEqual([]);
}
