import type { UserFacingSocketConfig, WASocket } from '@whiskeysockets/baileys';

/** Takes what arrives on a connection. */
export interface Capture {
  /** Options that the socket must be made with (makeSignalRepository, shouldSyncHistoryMessage, getMessage, …). */
  readonly socketOptions: Partial<UserFacingSocketConfig>;
  /** Called right after the socket was made, before anything can arrive. */
  attach(socket: WASocket): void;
  /** Resolves when everything that arrived is durable; called before the socket is thrown away. */
  settle(): Promise<void>;
}

/** Takes nothing. */
export function makeNoCapture(): Capture {
  return { socketOptions: {}, attach: () => undefined, settle: () => Promise.resolve() };
}
