/** How long things may take, in ms. */
export interface LinkTimes {
  /** From the start until the first word of WhatsApp. */
  connectMs: number;
  /** From the start until WhatsApp has let the link in, or asks for a phone. */
  openMs: number;
  /** How often a sign of life is asked for. */
  keepAliveMs: number;
  /** How long the first QR code lives, and each of the five after it. */
  firstQrMs: number;
  nextQrMs: number;
  /** After this what has still not arrived does not keep a link from being online. */
  syncMs: number;
  /** How long an end may be polite. */
  closeMs: number;
  /** How long a server of files may send nothing. */
  mediaIdleMs: number;
  /** How long the phone may take to upload a file again. */
  reuploadMs: number;
}

/** The library's own, where it has one. The limit to open is that of two of its queries: pre-keys and digest. */
export const DEFAULT_TIMES: LinkTimes = {
  connectMs: 20_000,
  openMs: 120_000,
  keepAliveMs: 30_000,
  firstQrMs: 60_000,
  nextQrMs: 20_000,
  syncMs: 30_000,
  closeMs: 2000,
  mediaIdleMs: 60_000,
  reuploadMs: 60_000,
};
