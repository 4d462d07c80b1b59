import type { DebtView } from '../../domain/dunning/debt.ts';

/** Something that happened, at milliseconds since 1970. */
export interface Happening {
  readonly atMs: number;
  readonly what: string;
}

/** What a debt tells of itself: messages, and to when they were moved and why. */
export function happeningsOf(debt: DebtView): Happening[] {
  const sent = debt.contacts.map((it, i) => ({
    atMs: Date.parse(it.sentAt),
    what: `sent, number ${i + 1} in stage ${it.stage + 1}${it.openedAt === undefined ? '' : ', opened'}`,
  }));
  const deferred = debt.deferrals.map((it) => ({
    atMs: Date.parse(it.until),
    what: `deferred to here: ${it.reason}`,
  }));
  return [...deferred, ...sent];
}

/** One line each, in order, by the day of the demo and the hour in a zone. */
export function describeTimeline(
  happenings: readonly Happening[],
  startMs: number,
  offsetHours: number,
): string {
  const local = (ms: number): Date => new Date(ms + offsetHours * 3_600_000);
  const dayOf = (ms: number): number => Math.floor(local(ms).getTime() / 86_400_000);
  const first = dayOf(startMs);
  return [...happenings]
    .sort((a, b) => a.atMs - b.atMs)
    .map(({ atMs, what }) => {
      const day = String(dayOf(atMs) - first).padStart(2);
      return `  day ${day}  ${local(atMs).toISOString().slice(11, 16)}  ${what}`;
    })
    .join('\n');
}
