import type { Random } from './random.ts';

/** What customers do at a till. Each kind is one visit of one payer and makes so many payments. */
export const VISITS = {
  plain: { payments: 1, percent: 63 },
  insufficientThenLess: { payments: 2, percent: 3 },
  similarThenAccepted: { payments: 3, percent: 3 },
  usedCodeAgain: { payments: 2, percent: 3 },
  sentTwiceAtOnce: { payments: 1, percent: 4 },
  sentWithOtherBody: { payments: 1, percent: 2 },
  cancelAfter: { payments: 1, percent: 4 },
  cancelBefore: { payments: 1, percent: 2 },
  unknownCode: { payments: 1, percent: 2 },
  misreadCode: { payments: 1, percent: 2 },
} as const satisfies Record<string, { payments: number; percent: number }>;
export type VisitKind = keyof typeof VISITS;

/**
 * The visits of a day, in a random order, that together make exactly so many payments. Everything that can happen happens
 * at least once where the number allows it; what is left is plain payments.
 */
export function planDay(payments: number, random: Random): VisitKind[] {
  const visits: VisitKind[] = [];
  let left = payments;
  for (const [kind, { payments: each, percent }] of Object.entries(VISITS)) {
    if (kind === 'plain') continue;
    const wanted = Math.max(1, Math.round((payments * percent) / 100));
    const possible = Math.min(wanted, Math.floor(left / each));
    for (let i = 0; i < possible; i += 1) visits.push(kind as VisitKind);
    left -= possible * each;
  }
  for (; left > 0; left -= 1) visits.push('plain');
  return random.shuffle(visits);
}
