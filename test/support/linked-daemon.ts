import { fileURLToPath } from 'node:url';
import type { LinkStatus } from '../../src/gen/scrollback/v1/session_service_pb.js';
import { LinkState } from '../../src/gen/scrollback/v1/session_service_pb.js';
import type { DaemonOptions } from './daemon.js';
import { Daemon } from './daemon.js';
import type { Account } from './whatsapp/account.js';
import type { LoopbackOptions, Owner } from './whatsapp/loopback-whatsapp.js';
import { LoopbackWhatsApp } from './whatsapp/loopback-whatsapp.js';

const trustModule = fileURLToPath(new URL('./whatsapp/trust-loopback.js', import.meta.url));

/** The compiled daemon as a child process, and a WhatsApp of its own that it connects to. */
export class LinkedDaemon {
  readonly daemon: Daemon;
  #whatsapp: LoopbackWhatsApp;
  readonly #loopback: LoopbackOptions;
  readonly #env: Record<string, string>;
  /** Whether the present life has the settings that it was started with. */
  #asStarted = true;

  private constructor(
    whatsapp: LoopbackWhatsApp,
    loopback: LoopbackOptions,
    daemon: Daemon,
    env: Record<string, string>,
  ) {
    this.#whatsapp = whatsapp;
    this.#loopback = loopback;
    this.daemon = daemon;
    this.#env = env;
  }

  static async start(loopback: LoopbackOptions = { claimsPreKeys: true }, options: DaemonOptions = {}) {
    const whatsapp = await LoopbackWhatsApp.listen(loopback);
    const env = {
      ...whatsapp.childEnvironment,
      NODE_OPTIONS: `--import=${trustModule}`,
      SCROLLBACK_WHATSAPP_URL: whatsapp.url,
      SCROLLBACK_WORKERS: '1',
      ...options.env,
    };
    return new LinkedDaemon(whatsapp, loopback, await Daemon.start({ ...options, env }), env);
  }

  get whatsapp(): LoopbackWhatsApp {
    return this.#whatsapp;
  }

  /** Stops the daemon in order and starts it with other settings, until `renew`. */
  async restartWith(env: Record<string, string>): Promise<void> {
    await this.daemon.stop();
    await this.daemon.restart({ ...this.#env, ...env });
    this.#asStarted = false;
  }

  /**
   * For the next test of a file: the daemon without a session, and another WhatsApp at the same addresses. Deletes the
   * sessions wherever their links stand, which is much cheaper than a daemon for each test. Starts the daemon if need be. Throws
   * when the WhatsApp that was saw an error.
   */
  async renew(): Promise<void> {
    if (!this.#asStarted) await this.daemon.stop();
    if (!this.daemon.runs) await this.daemon.restart(this.#env);
    this.#asStarted = true;
    const { sessions } = this.daemon.client;
    for (const { sessionId } of (await sessions.listSessions({})).sessions) await sessions.deleteSession({ sessionId });
    await this.#whatsapp.close();
    const { errors } = this.#whatsapp;
    this.#whatsapp = await LoopbackWhatsApp.listen({ ...this.#loopback, ...this.#whatsapp.addresses });
    if (errors.length > 0) throw new Error(`errors of WhatsApp: ${errors.join('\n')}`);
  }

  /** Stops both; a daemon that cannot stop in order is an error. */
  async remove(): Promise<void> {
    try {
      await this.daemon.remove();
    } finally {
      await this.#whatsapp.close();
    }
  }

  /** Creates a session and links it by QR; resolves when LinkSession says that it is linked. */
  async link(sessionId: string, owner: Owner): Promise<Account> {
    await this.daemon.client.sessions.createSession({ sessionId });
    return this.linkAgain(sessionId, owner);
  }

  /** Links a session that there is. */
  async linkAgain(sessionId: string, owner: Owner): Promise<Account> {
    let account: Account | undefined;
    for await (const { offer } of this.daemon.client.sessions.linkSession({ sessionId })) {
      if (offer.case === 'qrCode' && account === undefined) {
        account = await this.whatsapp.scanQr(offer.value.payload, owner);
      }
    }
    if (account === undefined) throw new Error('no QR code was offered');
    return account;
  }

  /** Where a link stands. */
  async status(sessionId: string): Promise<LinkStatus> {
    const { session } = await this.daemon.client.sessions.getSession({ sessionId });
    if (session?.link === undefined) throw new Error('a session without a link');
    return session.link;
  }

  /** Waits until a link is in a state, and returns the states that were seen on the way. */
  async until(sessionId: string, state: LinkState): Promise<string[]> {
    const seen: string[] = [];
    for await (const { session } of this.daemon.client.sessions.watchSession({ sessionId })) {
      const now = session?.link?.state ?? LinkState.UNSPECIFIED;
      seen.push(LinkState[now]);
      if (now === state) return seen;
    }
    throw new Error(`the watch ended: ${seen.join(' ')}`);
  }
}
