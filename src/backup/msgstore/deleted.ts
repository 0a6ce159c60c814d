import type { Keyset } from './keyset.js';
import { notSupported, type Row } from './schema.js';
import { deletedChatJobTable } from './tables.js';
import { textOf, wholeOf } from './value.js';

/** What one row of `deleted_chat_job` hides. */
interface DeletionRule {
  throughId: number;
  starredThroughId: number;
  /** Types of messages, as texts in quotation marks: `["1","3"]`. */
  categories: string;
  categoriesThroughId: number;
  categoriesStarredThroughId: number;
  /** Ids of single rows, as texts in quotation marks like the categories (no file with any has been seen by us). */
  singleIds: string;
}

/** A row for each chat that the user ever emptied; chosen with room to spare. */
const MAX_RULES = 200_000;

const at = deletedChatJobTable.at;

/**
 * Knows which messages the user deleted although the file still has them: the phone removes the rows of a deleted chat
 * later, in a job. The rules are those of WhatsApp's own view `available_message_view`.
 */
export class Deletions {
  private readonly byChat = new Map<number, DeletionRule[]>();

  static read(keyset: Keyset): Deletions {
    const deletions = new Deletions();
    let count = 0;
    keyset.each(deletedChatJobTable, (_, row) => {
      if (++count > MAX_RULES) throw notSupported('deleted_chat_job has too many rows');
      const chatRowId = wholeOf(row[at.chat_row_id]);
      const rules = deletions.byChat.get(chatRowId);
      if (rules === undefined) deletions.byChat.set(chatRowId, [ruleOf(row)]);
      else rules.push(ruleOf(row));
    });
    return deletions;
  }

  /** Rows of `chat` that have rules. */
  chatRowIds(): Iterable<number> {
    return this.byChat.keys();
  }

  /** Tells whether a message is hidden. `order` is its `sort_id`, or its `_id` where that is 0 or missing. */
  hides(chatRowId: number, id: number, order: number, starred: boolean, type: number | string): boolean {
    const rules = this.byChat.get(chatRowId);
    if (rules === undefined) return false;
    return rules.some((rule) => {
      if (order <= (starred ? rule.starredThroughId : rule.throughId)) return true;
      const through = starred ? rule.categoriesStarredThroughId : rule.categoriesThroughId;
      if (order <= through && rule.categories.includes(`"${type}"`)) return true;
      return rule.singleIds !== '' && rule.singleIds.includes(`"${id}"`);
    });
  }
}

function ruleOf(row: Row): DeletionRule {
  return {
    throughId: boundOf(row[at.deleted_message_row_id]),
    starredThroughId: boundOf(row[at.deleted_starred_message_row_id]),
    categories: textOf(row[at.deleted_message_categories]),
    categoriesThroughId: boundOf(row[at.deleted_categories_message_row_id]),
    categoriesStarredThroughId: boundOf(row[at.deleted_categories_starred_message_row_id]),
    singleIds: textOf(row[at.singular_message_delete_rows_id]),
  };
}

/** A missing bound counts as 1, which hides the sentinel alone: `IFNULL(…, 1)` in WhatsApp's view. */
function boundOf(value: Row[number] | undefined): number {
  return value === null || value === undefined ? 1 : wholeOf(value);
}
