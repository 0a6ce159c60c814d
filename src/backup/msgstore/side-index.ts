import { notSupported } from './schema.js';
import type { SideIndex } from '../task.js';

/**
 * More rows than this in one table without an index are refused: 256 MB of index. A phone that holds ten million messages
 * has a tenth of it.
 */
const MAX_ENTRIES = 16_000_000;

/**
 * Collects which row belongs to which parent, for a table that has no index: WhatsApp's newer backups have none at all,
 * and looking one up without it reads the whole table.
 */
export class SideIndexBuilder {
  private parents = new Float64Array(1024);
  private rowIds = new Float64Array(1024);
  private length = 0;
  private sorted = true;

  constructor(readonly table: string) {}

  /** Adds a row. Rows are added in the order of their ids, and stay in it within one parent. */
  add(parent: number, rowId: number): void {
    if (this.length === this.parents.length) this.grow();
    if (this.length > 0 && parent < (this.parents[this.length - 1] ?? 0)) this.sorted = false;
    this.parents[this.length] = parent;
    this.rowIds[this.length++] = rowId;
  }

  /** Sorts by parent and makes the index; undefined when there is no row. */
  finish(): SideIndex | undefined {
    const { table, length } = this;
    if (length === 0) return undefined;
    const order = this.sorted ? undefined : sortedOrder(this.parents.subarray(0, length));
    return { table, parents: shared(this.parents, length, order), rowIds: shared(this.rowIds, length, order) };
  }

  private grow(): void {
    if (this.length >= MAX_ENTRIES) throw notSupported(`${this.table} has too many rows`);
    this.parents = doubled(this.parents);
    this.rowIds = doubled(this.rowIds);
  }
}

function doubled(array: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(array.length * 2);
  larger.set(array);
  return larger;
}

function shared(values: Float64Array, length: number, order: Uint32Array | undefined): SharedArrayBuffer {
  const buffer = new SharedArrayBuffer(length * Float64Array.BYTES_PER_ELEMENT);
  const target = new Float64Array(buffer);
  if (order === undefined) target.set(values.subarray(0, length));
  else for (let n = 0; n < length; n++) target[n] = values[order[n] ?? 0] ?? 0;
  return buffer;
}

const RADIX = 65_536;

/**
 * Returns the order that sorts whole numbers from 0 to 2^53, equal ones in the order given. A radix sort, because sorting a
 * million indexes with a comparison function takes a second.
 */
function sortedOrder(values: Float64Array): Uint32Array {
  let order = Uint32Array.from(values, (_, index) => index);
  let next = new Uint32Array(values.length);
  let largest = 0;
  for (const value of values) if (value > largest) largest = value;
  for (let divisor = 1; divisor <= largest; divisor *= RADIX) {
    const starts = new Uint32Array(RADIX + 1);
    const digit = (index: number): number => Math.floor((values[index] ?? 0) / divisor) % RADIX;
    for (const index of order) starts[digit(index) + 1]!++;
    for (let n = 0; n < RADIX; n++) starts[n + 1]! += starts[n]!;
    for (const index of order) next[starts[digit(index)]!++] = index;
    [order, next] = [next, order];
  }
  return order;
}

/** Finds the rows of a parent in a side index. */
export class SideIndexReader {
  readonly parents: Float64Array;
  readonly rowIds: Float64Array;

  constructor(index: SideIndex) {
    this.parents = new Float64Array(index.parents);
    this.rowIds = new Float64Array(index.rowIds);
  }

  /** Returns where the first entry with a parent of at least `parent` stands. */
  lowerBound(parent: number): number {
    let low = 0;
    let high = this.parents.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.parents[middle] ?? Infinity) < parent) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Returns the row ids of a parent, ascending. */
  rowsOf(parent: number): Float64Array {
    const start = this.lowerBound(parent);
    let end = start;
    while (this.parents[end] === parent) end++;
    return this.rowIds.subarray(start, end);
  }
}

/** Hashes a text to 32 bits, for indexes by text: FNV-1a over UTF-16 units. Who uses it compares the texts, too. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let n = 0; n < text.length; n++) hash = Math.imul(hash ^ text.charCodeAt(n), 0x01000193);
  return hash >>> 0;
}
