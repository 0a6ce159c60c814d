import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Daemon } from '../support/daemon.js';
import type { Owner } from '../support/whatsapp/loopback-whatsapp.js';
import type { Bench } from './bench.js';
import type { StandInAnswer, StandInQuestion } from './processes/stand-in.js';
import { SideProcess } from './side-process.js';

const trustModule = fileURLToPath(new URL('../support/whatsapp/trust-loopback.js', import.meta.url));

/** A WhatsApp in a process of its own. */
export type StandIn = SideProcess<StandInQuestion, StandInAnswer>;

/** A daemon and a WhatsApp that it connects to, each in a process of its own. */
export class IngestStage {
  private constructor(
    readonly standIn: StandIn,
    readonly daemon: Daemon,
    readonly url: string,
  ) {}

  static async open(bench: Bench, name: string): Promise<IngestStage> {
    const standIn = SideProcess.start<StandInQuestion, StandInAnswer>('stand-in');
    bench.onClose(() => standIn.stop());
    const { url, environment } = await standIn.ask({ do: 'listen' });
    const daemon = await Daemon.start({
      dataDirectory: join(bench.directory, name),
      env: { ...environment, NODE_OPTIONS: `--import=${trustModule}`, SCROLLBACK_WHATSAPP_URL: url },
    });
    bench.onClose(() => daemon.kill9());
    return new IngestStage(standIn, daemon, url);
  }

  /** Links so many new sessions, some at a time, and names them and the numbers of their owners. */
  async linkDaemon(sessions: number): Promise<{ names: string[]; phones: string[] }> {
    const names: string[] = [];
    const phones: string[] = [];
    let next = 0;
    const linkOneByOne = async (): Promise<void> => {
      for (let n = next++; n < sessions; n = next++) {
        const sessionId = `of-${sessions}-${n}`;
        const owner = ownerOf('1', sessions, n);
        await this.#link(sessionId, owner);
        names.push(sessionId);
        phones.push(owner.phone);
      }
    };
    await Promise.all(Array.from({ length: LINKED_AT_ONCE }, linkOneByOne));
    return { names, phones };
  }

  async #link(sessionId: string, owner: Owner): Promise<void> {
    const { sessions } = this.daemon.client;
    await sessions.createSession({ sessionId });
    let scanned: Promise<StandInAnswer> | undefined;
    for await (const { offer } of sessions.linkSession({ sessionId })) {
      if (offer.case === 'qrCode') scanned ??= this.standIn.ask({ do: 'scan', qr: offer.value.payload, owner });
    }
    await scanned;
  }

  /** Stops both; what a sound client does not do is an error. */
  async close(): Promise<void> {
    const { errors } = await this.standIn.ask({ do: 'listen' });
    if (errors.length > 0) throw new Error(errors.join('\n'));
    await this.daemon.remove();
    await this.standIn.stop();
  }
}

/** Pairing is half the work of the stand-in and half of the daemon. */
const LINKED_AT_ONCE = 4;

/** Somebody whose device is linked; `kind` tells apart those of different takers. */
export function ownerOf(kind: string, sessions: number, n: number): Owner {
  const digits = `${String(sessions).padStart(3, '0')}${String(n).padStart(3, '0')}`;
  return { phone: `4917${kind}${digits}`, lid: `90000${kind}${digits}`, name: 'Owner' };
}
