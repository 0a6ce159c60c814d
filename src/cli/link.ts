import type { Command } from 'commander';
import type { LinkSessionResponse, LinkStatus } from '../gen/scrollback/v1/session_service_pb.js';
import { LinkSessionResponseSchema, LinkState } from '../gen/scrollback/v1/session_service_pb.js';
import { required } from './call-error.js';
import { ensureSession } from './ensure-session.js';
import { formatEnum, formatTime } from './print.js';
import { drawQr } from './qr-drawing.js';
import type { ClientOptions, Run } from './run.js';
import { runClient, withClientOptions } from './run.js';
import { visible } from './terminal-text.js';

interface LinkOptions extends ClientOptions {
  session: string;
  phone?: string;
}

/** Adds `scrollback link`. */
export function addLink(program: Command): void {
  withClientOptions(
    program
      .command('link')
      .summary('link a session to a WhatsApp account')
      .description(
        'Links a session to a WhatsApp account, as a device beside the phone; the session is created when it is new. Shows ' +
          'QR codes to scan under "Linked devices", one after the other, or with --phone a code to type in there, and ends ' +
          'when the session is linked. Ctrl-C before that leaves nothing behind. A link that stopped is tried again. With ' +
          '--json prints each LinkSessionResponse.',
      )
      .requiredOption('--session <id>', 'the session')
      .option('--phone <number>', 'pair by a code for this number, with its country code')
      .addHelpText(
        'after',
        `
Examples:
  $ scrollback link --session alice
  $ scrollback link --session alice --phone '+49 170 1234567'`,
      ),
  ).action((options: LinkOptions) => runClient(options, (run) => linkSession(run, options)));
}

async function linkSession(run: Run, { session: sessionId, phone = '' }: LinkOptions): Promise<void> {
  const { connection, output, signal } = run;
  const { isNew } = await ensureSession(connection, sessionId, signal);
  if (isNew) output.note(`created session ${visible(sessionId)}`);
  const screen = new Screen(run);
  let last: LinkStatus | undefined;
  for await (const frame of connection.sessions.linkSession({ sessionId, phoneNumber: phone }, { signal })) {
    last = required(frame.link);
    if (output.json) await output.resources(LinkSessionResponseSchema, [frame]);
    else screen.show(frame);
  }
  const { phoneJid, state } = required(last);
  if (!output.json) {
    const account = phoneJid === '' ? 'an account' : visible(phoneJid);
    await output.lines([`session ${visible(sessionId)} is linked to ${account} (${formatEnum(LinkState, state)})`]);
  }
}

/** Shows what the owner of the phone needs; a new QR code takes the place of the one before. */
class Screen {
  readonly #run: Run;
  readonly #isTerminal = process.stderr.isTTY;
  #shown = '';
  #lines = 0;

  constructor(run: Run) {
    this.#run = run;
  }

  show({ offer }: LinkSessionResponse): void {
    if (offer.case === undefined) return;
    const text = offer.case === 'qrCode' ? offer.value.payload : offer.value.code;
    if (text === this.#shown) return;
    this.#shown = text;
    const until = formatTime(offer.value.expireTime);
    if (offer.case === 'qrCode') {
      const hint = `Scan it in WhatsApp under Linked devices, until ${until}; the next one comes by itself.`;
      this.#draw([...drawQr(text, this.#isTerminal), hint]);
    } else {
      const code = visible(`${text.slice(0, 4)}-${text.slice(4)}`);
      this.#draw([`Type ${code} in WhatsApp under Linked devices, Link with phone number instead, until ${until}.`]);
    }
  }

  #draw(lines: string[]): void {
    // Up over the last one, and everything below erased.
    const back = this.#isTerminal && this.#lines > 0 ? `\x1b[${String(this.#lines)}A\x1b[J` : '';
    this.#lines = lines.length;
    this.#run.output.note(back + lines.join('\n'));
  }
}
