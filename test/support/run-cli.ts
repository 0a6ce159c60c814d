import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** The compiled command line. */
export const cliPath = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

/** What a command left behind. */
export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** A command that runs. */
export class CliProcess {
  readonly child: ChildProcess;
  readonly #outcome: Promise<Outcome>;
  readonly #waiters = new Set<() => void>();
  stdout = '';
  stderr = '';

  constructor(
    args: readonly string[],
    options: { address?: string; input?: string | Uint8Array; env?: NodeJS.ProcessEnv } = {},
  ) {
    const env = { ...process.env, ...options.env };
    if (options.address !== undefined) env['SCROLLBACK_ADDRESS'] = options.address;
    this.child = spawn(process.execPath, [cliPath, ...args], { env });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => this.#add('stdout', text));
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => this.#add('stderr', text));
    this.child.stdin?.on('error', () => undefined);
    this.child.stdin?.end(options.input ?? '');
    this.#outcome = once(this.child, 'close').then(([code]: (number | null)[]) => {
      for (const wake of this.#waiters) wake();
      return { code: code ?? null, stdout: this.stdout, stderr: this.stderr };
    });
  }

  /** Resolves when the command has ended. */
  outcome(): Promise<Outcome> {
    return this.#outcome;
  }

  /** Resolves when the condition holds after some output; rejects when the command ends before. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.child.exitCode !== null) throw new Error(`the command ended early: ${this.stderr}`);
      await new Promise<void>((resolve) => this.#waiters.add(resolve));
    }
  }

  #add(stream: 'stdout' | 'stderr', text: string): void {
    this[stream] += text;
    for (const wake of this.#waiters) wake();
    this.#waiters.clear();
  }
}

/** Runs a command to its end. */
export function runCli(
  args: readonly string[],
  options: ConstructorParameters<typeof CliProcess>[1] = {},
): Promise<Outcome> {
  return new CliProcess(args, options).outcome();
}
