import { expect } from 'vitest';
import { CapturedHistory, CapturedLink } from './captured-link.js';
import { LoopbackWhatsApp } from './whatsapp/loopback-whatsapp.js';
import type { Peer } from './whatsapp/peer.js';

/** What most tests of capturing begin with: a WhatsApp, somebody who writes, and a linked account that is captured into a history. */
export interface CapturedStage {
  whatsapp: LoopbackWhatsApp;
  anna: Peer;
  history: CapturedHistory;
  link: CapturedLink;
}

/** Opens it; `closeCaptured` must follow. */
export async function openCaptured(owner: Parameters<typeof CapturedLink.link>[2]): Promise<CapturedStage> {
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
