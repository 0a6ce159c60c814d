import { setImmediate } from 'node:timers/promises';
import type { WASocket } from '@whiskeysockets/baileys';
import { ALL_WA_PATCH_NAMES } from '@whiskeysockets/baileys';

/**
 * Sees to it that the app state (contacts, archived and muted chats) is synced once. The library does so when it may have the first chunk
 * of history, and never when that is a file, which is not left to it, or when no chunk comes.
 */
export class AppStateSync {
  #running: Promise<void> | undefined;

  constructor(private readonly socket: WASocket) {
    socket.ev.on('connection.update', ({ receivedPendingNotifications }) => {
      // A process before this one may have died between the chunk and the sync. Without a key there is nothing to read it with.
      if (receivedPendingNotifications === true && this.#creds.myAppStateKeyId !== undefined) this.#start();
    });
  }

  /** The library does not get a chunk of history. */
  declined(): void {
    if (!this.#creds.accountSyncCounter) this.#start();
  }

  get #creds() {
    return this.socket.authState.creds;
  }

  #start(): void {
    this.#running ??= this.#run()
      // It is asked for again at the next login.
      .catch(() => undefined)
      .finally(() => {
        this.#running = undefined;
      });
  }

  async #run(): Promise<void> {
    const { authState, ev } = this.socket;
    // The library decides in this turn that it has nothing to sync.
    await setImmediate();
    const known = await authState.keys.get('app-state-sync-version', [...ALL_WA_PATCH_NAMES]);
    if (Object.keys(known).length > 0) return;
    // What cannot be read yet the library reads when the key arrives.
    await this.socket.resyncAppState(ALL_WA_PATCH_NAMES, true);
    ev.emit('creds.update', { accountSyncCounter: (this.#creds.accountSyncCounter || 0) + 1 });
  }
}
