import { DAY_TYPES, type Band, type Cap } from './rate-table.ts';

/** What the lines of a fee say, in words that a driver can hold against the sign at the place. */
export function whyUnits(band: Band, units: number): string {
  return `${units} x ${band.unitMinutes} min at ${band.unitAmount} (${hoursOf(band)})`;
}

export function whyBandMaximum(band: Band): string {
  return `at most ${band.maxAmount ?? 0} in ${hoursOf(band)}`;
}

export function whyFree(minutes: number): string {
  return `first ${minutes} min free`;
}

export function whyCap(cap: Cap): string {
  if (cap.kind === 'CALENDAR_DAY') return `at most ${cap.amount} a calendar day`;
  return cap.repeats
    ? `at most ${cap.amount} for each ${cap.hours} h after entry`
    : `at most ${cap.amount} for the first ${cap.hours} h after entry`;
}

export function whyTax(percent: number): string {
  return `${percent}% tax on top`;
}

function hoursOf({ days, from, to }: Band): string {
  return `${daysInWords(days)} ${from}-${to}`;
}

/** `MON-FRI`, `SAT, HOLIDAY`, `daily`. */
function daysInWords(days: Band['days']): string {
  const has = DAY_TYPES.map((it) => days.includes(it));
  if (has.every(Boolean)) return 'daily';
  const words: string[] = [];
  for (let i = 0; i < DAY_TYPES.length; i += 1) {
    if (has[i] !== true) continue;
    let last = i;
    while (last < 6 && i < 7 && has[last + 1] === true) last += 1;
    const between = last - i > 1 ? '-' : ', ';
    words.push(last === i ? (DAY_TYPES[i] ?? '') : `${DAY_TYPES[i]}${between}${DAY_TYPES[last]}`);
    i = last;
  }
  return words.join(', ');
}
