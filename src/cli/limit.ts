import { InvalidArgumentError } from 'commander';

/** How many results a command shows unless it is told otherwise. */
export const defaultLimit = 50;

/** The most that one page of the API holds. */
const largestPage = 1000;

/** Parses `--limit`: a whole number, 0 for all. */
export function parseLimit(text: string): number {
  const limit = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(limit)) {
    throw new InvalidArgumentError('It is a whole number, and 0 means all.');
  }
  return limit;
}

/** A page of any List method. */
export interface Page<T> {
  items: T[];
  nextPageToken: string;
}

/** Pages through a list until its end, or until `limit` items came (0 for all). */
export async function* readPages<T>(
  limit: number,
  fetch: (page: { pageSize: number; pageToken: string }) => Promise<Page<T>>,
): AsyncGenerator<T[], void, undefined> {
  let pageToken = '';
  let left = limit === 0 ? Number.POSITIVE_INFINITY : limit;
  do {
    const page = await fetch({ pageSize: Math.min(left, largestPage), pageToken });
    const items = page.items.slice(0, left);
    if (items.length > 0) yield items;
    left -= items.length;
    pageToken = page.nextPageToken;
  } while (pageToken !== '' && left > 0);
}
