/** What a figure is held against. */
export interface Bound {
  text: string;
  met: boolean;
}

/** One measured line. */
export interface Figure {
  what: string;
  figure: string;
  /** What it has to be. */
  must?: Bound;
  /** What it should be. */
  aim?: Bound;
}

/** A lower bound; `show` writes the bound as a figure is written. */
export function atLeast(value: number, bound: number, show: (value: number) => string): Bound {
  return { text: `≥ ${show(bound)}`, met: value >= bound };
}

/** An upper bound. */
export function atMost(value: number, bound: number, show: (value: number) => string): Bound {
  return { text: `≤ ${show(bound)}`, met: value <= bound };
}

/** Several bounds as one, met when all of them are, each with the name of what it bounds. */
export function allOf(bounds: Readonly<Record<string, Bound>>): Bound {
  const named = Object.entries(bounds);
  return {
    text: named.map(([name, { text }]) => `${name} ${text}`).join(', '),
    met: named.every(([, { met }]) => met),
  };
}

/** Messages a second. */
export function showRate(perSecond: number): string {
  return perSecond < 10_000 ? `${perSecond.toFixed(0)} /s` : `${(perSecond / 1000).toFixed(0)} k/s`;
}

/** Bytes, in MB of a million. */
export function showMegabytes(bytes: number): string {
  return Number.isNaN(bytes) ? 'unknown' : `${(bytes / 1e6).toFixed(0)} MB`;
}

export function showMs(ms: number): string {
  return `${ms < 10 && !Number.isInteger(ms) ? ms.toFixed(2) : ms.toFixed(0)} ms`;
}

export function showSeconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}

export function showRatio(ratio: number): string {
  return `${ratio.toFixed(2)} ×`;
}

/** The value below which a share of the values lie; NaN of none. Sorts a copy. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

/** A figure as it is printed when it is measured. */
export function lineOf({ what, figure, must, aim }: Figure): string {
  const bounds = [must && `must ${must.text}`, aim && `aim ${aim.text}`].filter((text) => text !== undefined);
  const verdict = bounds.length === 0 ? '' : `  [${bounds.join('; ')}: ${verdictOf({ must, aim })}]`;
  return `  ${what}: ${figure}${verdict}`;
}

/** All figures as a Markdown table. */
export function tableOf(figures: readonly Figure[]): string {
  const rows = figures.map(({ what, figure, must, aim }) => [
    what,
    figure,
    must?.text ?? '',
    aim?.text ?? '',
    verdictOf({ must, aim }),
  ]);
  const lines = [['what', 'figure', 'must', 'aim', 'met?'], ['---', '---', '---', '---', '---'], ...rows];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function verdictOf({ must, aim }: { must?: Bound | undefined; aim?: Bound | undefined }): string {
  if (must === undefined && aim === undefined) return '';
  if (must?.met === false) return 'no';
  if (aim?.met === false) return must === undefined ? 'no' : 'must yes, aim no';
  return 'yes';
}
