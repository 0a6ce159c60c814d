import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';

/** The daemon's settings, from the environment. */
export interface Config {
  /** `host:port` or `unix:/path`. */
  listen: string;
  dataDirectory: string;
  /** Where backups may lie that a client names instead of sending; undefined when switched off. */
  dropDirectory: string | undefined;
  logLevel: string;
  /** Threads that decrypt and read backups. */
  workers: number;
  /** The largest backup that is accepted, in bytes. */
  maxBackupBytes: number;
  /** The largest database that one may inflate to, in bytes. */
  maxInflatedBytes: number;
  /** Writes that would leave less free space than this on the disk are refused, in bytes. */
  minFreeBytes: number;
  /** What bounds the files of messages of a session. */
  media: { quotaBytes: number; retentionMs: number; minFreeBytes: number };
  /** Streams that may be open at once. */
  maxStreams: number;
  /** An upload that brings nothing for so long is ended; what came is kept. */
  uploadStallMs: number;
  /** How long a phone may take to answer, and the pause from one question to the next. */
  phoneTimes: { answerMs: number; pauseMs: number };
  /** Where linked sessions connect to. */
  whatsappUrl: string;
  /** The version of WhatsApp Web that they say they are. */
  whatsappVersion: [number, number, number];
  /** Variables that look like settings and are none: misspelt, or of another version. */
  unknownSettings: string[];
}

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const DAY_MS = 24 * 3600_000;

/**
 * Reads the settings; the only place that looks at the environment. Throws an Error that names the variable and says what a right
 * value looks like.
 */
export function readConfig(environment: NodeJS.ProcessEnv): Config {
  const known = new Set<string>();
  const text = (name: string): string | undefined => {
    known.add(name);
    const value = environment[name]?.trim();
    return value === undefined || value === '' ? undefined : value;
  };
  const whole = (name: string, fallback: number, min: number, max: number): number => {
    const value = text(name);
    if (value === undefined) return fallback;
    const number = /^\d+$/.test(value) ? Number(value) : NaN;
    if (!(number >= min && number <= max)) {
      throw new Error(`${name} is not a whole number from ${min} to ${max}`);
    }
    return number;
  };
  const logLevel = text('SCROLLBACK_LOG_LEVEL') ?? 'info';
  if (!LOG_LEVELS.includes(logLevel)) throw new Error(`SCROLLBACK_LOG_LEVEL is not one of ${LOG_LEVELS.join(', ')}`);
  const minFreeBytes = whole('SCROLLBACK_MIN_FREE_BYTES', GIB, 0, Number.MAX_SAFE_INTEGER);
  const drop = text('SCROLLBACK_DROP_DIR');
  // systemd sets STATE_DIRECTORY; with several StateDirectory= it is a list, of which the first is ours.
  const state = text('STATE_DIRECTORY')?.split(':')[0];
  const config = {
    listen: text('SCROLLBACK_LISTEN') ?? '127.0.0.1:50051',
    dataDirectory: resolve(text('SCROLLBACK_DATA_DIR') ?? state ?? 'data'),
    dropDirectory: drop === undefined ? undefined : resolve(drop),
    logLevel,
    workers: whole('SCROLLBACK_WORKERS', Math.min(16, Math.max(2, availableParallelism() - 1)), 1, 64),
    maxBackupBytes: whole('SCROLLBACK_MAX_BACKUP_BYTES', 16 * GIB, 1024, Number.MAX_SAFE_INTEGER),
    maxInflatedBytes: whole('SCROLLBACK_MAX_INFLATED_BYTES', 64 * GIB, 1024, Number.MAX_SAFE_INTEGER),
    minFreeBytes,
    media: {
      quotaBytes: MIB * whole('SCROLLBACK_MEDIA_QUOTA_MB', 4096, 1, 2 ** 32),
      retentionMs: DAY_MS * whole('SCROLLBACK_MEDIA_RETENTION_DAYS', 7, 0, 36_500),
      minFreeBytes,
    },
    maxStreams: whole('SCROLLBACK_MAX_STREAMS', 2000, 1, 1_000_000),
    whatsappUrl: readUrl('SCROLLBACK_WHATSAPP_URL', text('SCROLLBACK_WHATSAPP_URL') ?? DEFAULT_URL),
    whatsappVersion: readVersion(text('SCROLLBACK_WHATSAPP_VERSION') ?? DEFAULT_VERSION),
    phoneTimes: {
      answerMs: 1000 * whole('SCROLLBACK_PHONE_ANSWER_SECONDS', 60, 1, 3600),
      pauseMs: 1000 * whole('SCROLLBACK_PHONE_PAUSE_SECONDS', 2, 0, 3600),
    },
    uploadStallMs: 1000 * whole('SCROLLBACK_UPLOAD_STALL_SECONDS', 60, 1, 24 * 3600),
  };
  const isUnknown = (name: string): boolean => /^SCROLLBACK_(?!ADDRESS$)/.test(name) && !known.has(name);
  return { ...config, unknownSettings: Object.keys(environment).filter(isUnknown).sort() };
}

/** Checks the address of a WebSocket. In the clear only this machine may be talked to: the handshake has keys, but no name. */
function readUrl(name: string, text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isLoopback = /^(127(\.\d+){3}|localhost|\[::1\])$/.test(url?.hostname ?? '');
  if (url?.protocol === 'wss:' || (url?.protocol === 'ws:' && isLoopback)) return text;
  throw new Error(`${name} is not a WebSocket address such as ${DEFAULT_URL}`);
}

function readVersion(text: string): [number, number, number] {
  const [, first, second, third] = /^(\d{1,9})\.(\d{1,9})\.(\d{1,10})$/.exec(text) ?? [];
  if (third === undefined) throw new Error(`SCROLLBACK_WHATSAPP_VERSION is not a version such as ${DEFAULT_VERSION}`);
  return [Number(first), Number(second), Number(third)];
}

const DEFAULT_URL = 'wss://web.whatsapp.com/ws/chat';

/** The one that the library of this release was made for. */
const DEFAULT_VERSION = '2.3000.1043857760';

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'];
