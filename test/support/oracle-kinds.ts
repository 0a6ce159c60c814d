/** The kinds of messages by WhatsApp's number; the name is that of `MessageKind` without its prefix. */
const kinds: Record<string, string> = {
  '0': 'TEXT',
  '1 42': 'IMAGE',
  '2': 'AUDIO',
  '3 43': 'VIDEO',
  '4 14': 'CONTACT',
  '5': 'LOCATION',
  '16': 'LIVE_LOCATION',
  '7 36 56': 'SYSTEM',
  '8 10 90': 'CALL',
  '9': 'DOCUMENT',
  '11': 'PENDING',
  '13': 'GIF',
  '15 64': 'REVOKED',
  '20': 'STICKER',
  '23': 'PRODUCT',
  '44': 'ORDER',
  '24 94': 'GROUP_INVITE',
  '25 26 27 28 32 45 46 49 55 57': 'INTERACTIVE',
  '66 106': 'POLL',
  '81': 'VIDEO_NOTE',
  '82': 'VOICE',
  '92': 'EVENT',
  '99': 'ALBUM',
};

/** Returns the kind of a message; `origin` 1 tells a voice note from an audio file. */
export function kindOf(waType: number | undefined, origin: unknown): string {
  for (const [types, kind] of Object.entries(kinds)) {
    if (!types.split(' ').includes(String(waType))) continue;
    return kind === 'AUDIO' && Number(origin) === 1 ? 'VOICE' : kind;
  }
  return 'UNKNOWN';
}

/** Tells whether a kind is one that its receiver may open once. */
export function isViewOnce(waType: number | undefined): boolean {
  return waType === 42 || waType === 43 || waType === 82;
}

/** What happened in a system message, by `action_type`; the name is that of `SystemEventKind` without its prefix. */
const events: Record<string, string> = {
  '1': 'SUBJECT_CHANGED',
  '2 11': 'GROUP_CREATED',
  '4 12 20 52 79': 'MEMBER_ADDED',
  '5 13': 'MEMBER_LEFT',
  '7 14': 'MEMBER_REMOVED',
  '6': 'ICON_CHANGED',
  '15': 'MEMBER_PROMOTED',
  '16': 'MEMBER_DEMOTED',
  '27': 'DESCRIPTION_CHANGED',
  '10 28': 'NUMBER_CHANGED',
  '18': 'SECURITY_CODE_CHANGED',
  '19 67': 'ENCRYPTION_NOTICE',
  '56 59 68': 'EPHEMERAL_CHANGED',
  '9': 'BROADCAST_CREATED',
  '21 29 30 31 32 84 85 91 137 138': 'SETTINGS_CHANGED',
  '58': 'BLOCK_CHANGED',
  '118': 'MESSAGE_PINNED',
  '46 47 50 69': 'BUSINESS',
  '75 78 81 82 87 108 144 145 146 147 148 149': 'COMMUNITY',
  '70': 'GROUP_CALL',
};

/** Returns what happened. A row of type 36 or 56 is itself the news that disappearing messages changed. */
export function eventOf(action: number, waType: number): string {
  if (action === 0) return waType === 36 || waType === 56 ? 'EPHEMERAL_CHANGED' : 'OTHER';
  for (const [actions, event] of Object.entries(events)) {
    if (actions.split(' ').includes(String(action))) return event;
  }
  return 'OTHER';
}

/** Returns how far a message got; of an incoming one only whether it was played. */
export function deliveryOf(status: number | undefined, fromMe: boolean): string {
  if (!fromMe) return status === 8 || status === 9 || status === 10 ? 'PLAYED' : 'UNSPECIFIED';
  const states: Record<number, string> = {
    0: 'PENDING',
    1: 'PENDING',
    4: 'SENT',
    5: 'DELIVERED',
    13: 'READ',
    8: 'PLAYED',
  };
  return (status === undefined ? undefined : states[status]) ?? 'UNSPECIFIED';
}
