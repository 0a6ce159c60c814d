/**
 * What must not reach a terminal raw: control characters (a message could move the cursor, rename the window or forge
 * lines), the bidirectional controls (it could reorder what stands beside it), line separators, invisible characters
 * without a use in names and texts, and lone surrogates. The zero-width joiner stays: emoji are made with it.
 */
const unsafe = /[\p{Cc}\p{Cs}\p{Bidi_Control}\u2028\u2029\u200b\u2060\ufeff\ufff9-\ufffb]/gu;

const shortEscapes: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Makes a foreign text safe to print within one line: `\n`, `\u{1b}`. Not reversible; `--json` is. */
export function visible(text: string): string {
  return text.replace(unsafe, (character) => {
    return shortEscapes[character] ?? `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
  });
}

/**
 * Makes JSON safe to print: JSON itself escapes only the controls below U+0020, while U+009B alone starts a control
 * sequence on some terminals. The value stays the same.
 */
export function visibleJson(json: string): string {
  return json.replace(unsafe, (character) => {
    return `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`;
  });
}

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** The scripts and symbols that a terminal draws two columns wide, roughly (Unicode TR11). */
const wide =
  /^(?:\p{Emoji_Presentation}|.\ufe0f|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{20000}-\u{3fffd}])/u;

/** Returns how many columns a safe text takes on a terminal. */
export function columnsOf(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let columns = 0;
  for (const { segment } of graphemes.segment(text)) columns += wide.test(segment) ? 2 : 1;
  return columns;
}

/** Pads a safe text with spaces to a number of columns; longer ones are left whole. */
export function padEnd(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - columnsOf(text)));
}
