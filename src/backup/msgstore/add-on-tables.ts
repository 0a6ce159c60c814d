import { describeTable } from './schema.js';
import { number, shortText } from './tables.js';

/** The tables of what people do to a message. All of it has a row in `message_add_on`, and a second one by its type. */
export const addOnTable = describeTable(
  'message_add_on',
  'rowid',
  {
    parent_message_row_id: number,
    from_me: number,
    sender_jid_row_id: number,
    timestamp: number,
    message_add_on_type: number,
  },
  ['parent_message_row_id', 'message_add_on_type'],
);

/** Values of `message_add_on_type` that are read. */
export const addOnType = { reaction: 56, pollVote: 67, eventResponse: 93 } as const;

export const reactionTable = describeTable('message_add_on_reaction', 'message_add_on_row_id', {
  reaction: shortText,
  sender_timestamp: number,
});

export const pollVoteTable = describeTable('message_add_on_poll_vote', 'message_add_on_row_id', {
  sender_timestamp: number,
});

export const selectedOptionTable = describeTable(
  'message_add_on_poll_vote_selected_option',
  'rowid',
  { message_add_on_row_id: number, message_poll_option_id: number },
  ['message_add_on_row_id', 'message_poll_option_id'],
);

/** Answers to events: 1 is "going" in WhatsApp's own queries, and the others are taken for those of its protocol, too. */
export const eventResponseTable = describeTable('message_add_on_event_response', 'message_add_on_row_id', {
  response: number,
  sender_timestamp: number,
  extra_guest_count: number,
});
