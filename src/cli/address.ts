import { UsageError } from './failure.js';

/** Where a daemon listens unless it is told otherwise. */
export const defaultAddress = '127.0.0.1:50051';

/**
 * Decides which daemon to talk to: the flag, else `SCROLLBACK_ADDRESS`, else the default. Accepts `unix:/path` and a
 * loopback `host:port`. Anything else is refused: keys and messages would cross a network in the clear, for there are
 * no tokens and no TLS yet.
 */
export function resolveAddress(flag: string | undefined, environment: NodeJS.ProcessEnv): string {
  const text = (flag ?? environment['SCROLLBACK_ADDRESS'] ?? '').trim() || defaultAddress;
  if (text.startsWith('unix:')) {
    if (text.length > 'unix:'.length) return text;
  } else {
    const [, host, port] = /^(\[::1\]|localhost|127(?:\.\d{1,3}){3}):(\d{1,5})$/.exec(text) ?? [];
    if (host !== undefined && Number(port) >= 1 && Number(port) <= 65_535) return text;
    if (/^[^:]+:\d+$/.test(text)) {
      throw new UsageError(
        `the address ${text} is not on this machine, and there is no TLS yet: use 127.0.0.1:PORT or unix:/PATH ` +
          '(for a distant daemon, forward its port with ssh -L)',
      );
    }
  }
  throw new UsageError(`the address ${text} is neither HOST:PORT nor unix:/PATH, for example ${defaultAddress}`);
}
