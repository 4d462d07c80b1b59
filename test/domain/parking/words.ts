import type { FeeLine } from '../../../domain/parking/fee.ts';

/** A line as the worked cases have it: `10-05 18:59 to 10-05 19:14 UNITS 1: 330`, in the place's own time. */
export function lineInWords({ kind, fromMs, toMs, units, amount }: FeeLine, zone: string): string {
  return `${localTime(fromMs, zone)} to ${localTime(toMs, zone)} ${kind}${units === 0 ? '' : ` ${units}`}: ${amount}`;
}

function localTime(atMs: number, timeZone: string): string {
  const form = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  const parts = Object.fromEntries(form.formatToParts(atMs).map((it) => [it.type, it.value]));
  return `${parts.month}-${parts.day} ${parts.hour}:${parts.minute}`;
}
