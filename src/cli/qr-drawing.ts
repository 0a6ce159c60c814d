import { encodeQR } from 'qr';

/**
 * Draws a QR code, two rows of squares in a line of half blocks. With colours it is black on white whatever the colours of the
 * terminal are; without, blocks are the light squares, as they appear on a dark terminal.
 */
export function drawQr(text: string, colours: boolean): string[] {
  // What WhatsApp has in a code is long: with more correction it would not fit on many screens.
  const rows = encodeQR(text, 'raw', { ecc: 'low', border: QUIET_SQUARES });
  const lines: string[] = [];
  for (let at = 0; at < rows.length; at += 2) {
    const upper = rows[at] ?? [];
    const lower = rows[at + 1] ?? upper.map(() => false);
    const line = upper.map((dark, column) => BLOCKS[dark ? 1 : 0][lower[column] === true ? 1 : 0]).join('');
    lines.push(colours ? `${WHITE_ON_BLACK}${line}${RESET}` : line);
  }
  return lines;
}

/** By upper and lower square, light or dark: a block is light. */
const BLOCKS = [
  ['█', '▀'],
  ['▄', ' '],
] as const;

/** Bright white and true black of 256 colours: the 16 basic ones are whatever the terminal's theme says. */
const WHITE_ON_BLACK = '\x1b[38;5;231;48;5;16m';
const RESET = '\x1b[0m';

/** The standard asks for four squares; phones are content with two, and the code fits into 80 columns. */
const QUIET_SQUARES = 2;
