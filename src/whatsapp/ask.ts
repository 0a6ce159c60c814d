import { DomainError } from '../domain/fault.js';
import { LinkLost } from '../domain/link-lost.js';

/**
 * Asks something of a connection by the library, and says what came of it: `LinkLost` when the connection has ended (`ended` aborts then),
 * WHATSAPP_SILENT when nothing comes for too long, WHATSAPP_REFUSED when WhatsApp answers with an error. The library itself takes
 * silence for an empty answer after a minute, and leaves who asks waiting when it ends a connection.
 */
export async function ask<T>(
  question: Promise<T>,
  { ended, limitMs }: { ended: AbortSignal; limitMs: number },
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let lose = (): void => undefined;
  const failed = new Promise<never>((_, reject) => {
    lose = (): void => reject(new LinkLost('the connection has ended'));
    timer = setTimeout(() => reject(new DomainError({ reason: 'WHATSAPP_SILENT' })), limitMs);
    if (ended.aborted) lose();
    ended.addEventListener('abort', lose);
  });
  try {
    return await Promise.race([question, failed]);
  } catch (error) {
    if (error instanceof LinkLost || error instanceof DomainError) throw error;
    const code = refusalOf(error);
    // What is no refusal is a socket that breaks: the library rejects with whatever the socket said, also with a bare number.
    if (code === undefined || ended.aborted) throw new LinkLost('the connection broke', { cause: error });
    throw new DomainError({ reason: 'WHATSAPP_REFUSED', code }, { cause: error });
  } finally {
    clearTimeout(timer);
    ended.removeEventListener('abort', lose);
  }
}

/** The code of WhatsApp's answer; undefined for an error that is none. The library keeps it as the data of its error. */
function refusalOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('data' in error)) return undefined;
  return typeof error.data === 'number' ? error.data : undefined;
}
