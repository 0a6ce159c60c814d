import { once } from 'node:events';
import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import { createRegistry, toJsonString } from '@bufbuild/protobuf';
import type { Timestamp } from '@bufbuild/protobuf/wkt';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { file_google_rpc_error_details } from '../gen/google/rpc/error_details_pb.js';
import { columnsOf, padEnd, visibleJson } from './terminal-text.js';

/** Makes the details of `Backfill.error` printable: they are `Any`. */
const registry = createRegistry(file_google_rpc_error_details);

/** Where a command prints: results on the standard output, everything else on the standard error. */
export class Output {
  /** True when resources are wanted as JSON. */
  readonly json: boolean;

  constructor(json: boolean) {
    this.json = json;
  }

  /** Prints lines. Resolves when the reader of the output has room again, so that a stream is not piled up here. */
  async lines(lines: readonly string[]): Promise<void> {
    if (lines.length === 0) return;
    if (!process.stdout.write(lines.join('\n') + '\n')) await once(process.stdout, 'drain');
  }

  /** Prints the proto3 JSON of each message on a line of its own. */
  async resources<D extends DescMessage>(schema: D, messages: readonly MessageShape<D>[]): Promise<void> {
    await this.lines(messages.map((message) => visibleJson(toJsonString(schema, message, { registry }))));
  }

  /** Tells the person at the terminal something that is not a result. */
  note(line: string): void {
    process.stderr.write(line + '\n');
  }
}

/** A column of a table. */
export interface Column {
  title: string;
  align?: 'right';
}

/**
 * Lays out rows with aligned columns, batch by batch: the first batch, with the titles, sets the widths and later ones
 * can only widen them, so that a long list needs no memory. Cells must be safe texts.
 */
export class Table {
  readonly #columns: readonly Column[];
  #widths: number[] | undefined;

  constructor(columns: readonly Column[]) {
    this.#columns = columns;
  }

  /** Returns the lines of a batch; those of the first start with the titles. */
  layOut(rows: readonly (readonly string[])[]): string[] {
    const titles = this.#columns.map(({ title }) => title);
    const all = this.#widths === undefined && rows.length > 0 ? [titles, ...rows] : rows;
    const widths = (this.#widths ??= titles.map(() => 0));
    for (const row of all) row.forEach((cell, at) => (widths[at] = Math.max(widths[at] ?? 0, columnsOf(cell))));
    return all.map((row) =>
      row
        .map((cell, at) => this.#pad(cell, at, widths[at] ?? 0))
        .join('  ')
        .trimEnd(),
    );
  }

  #pad(cell: string, at: number, width: number): string {
    const padded = padEnd(cell, width);
    return this.#columns[at]?.align === 'right' ? ' '.repeat(padded.length - cell.length) + cell : padded;
  }
}

/** Formats a time as `2026-02-16T18:32:39Z`, always UTC, always as long; `-` when absent. */
export function formatTime(time: Timestamp | undefined): string {
  const date = new Date(time === undefined ? Number.NaN : timestampMs(time));
  return Number.isNaN(date.getTime()) ? '-' : date.toISOString().replace(/\.\d+Z$/, 'Z');
}

/** Formats an enum value as its word: `BACKFILL_STATE_AWAITING_KEY` becomes `awaiting-key`. */
export function formatEnum(names: Readonly<Record<number, string>>, value: number): string {
  return names[value]?.toLowerCase().replaceAll('_', '-') ?? String(value);
}
