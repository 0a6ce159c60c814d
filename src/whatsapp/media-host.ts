/** Where WhatsApp keeps files, those of messages and chunks of history. */
export const MEDIA_HOST = 'mmg.whatsapp.net';

/** As the global `fetch`, which a test leads elsewhere. */
export type Fetch = (url: string, init: { signal: AbortSignal }) => Promise<Response>;
