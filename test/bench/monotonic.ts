/** Milliseconds of the clock that all processes of a machine share and nobody sets (on Linux CLOCK_MONOTONIC). */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
