import { assertDefined } from '../domain/assert.ts';
import type { Blocks } from './payments.ts';
import type { EventCounts } from './result.ts';
import { compareRounds, p50Of, p50Ratio, rateRatio, verdict, type Block, type Verdict } from './stats.ts';

const p50Difference = (left: Block, right: Block): number => p50Of(left) - p50Of(right);

/** The bounds a payment, also of a stay, has to keep (docs/adr/0002, README). All are ratios of one run, so any machine can check them. */
export function paymentVerdicts(
  measured: readonly { inFlight: number; blocks: Blocks }[],
  events: EventCounts,
): Verdict[] {
  const at = (inFlight: number): Blocks =>
    assertDefined(measured.find((level) => level.inFlight === inFlight)).blocks;
  const single = at(1);
  const crowd = at(30);
  return [
    verdict({
      name: 'payment p50 / floor p50, one at a time',
      value: compareRounds(single.payment, single.floor, p50Ratio),
      bound: 1.5,
      rule: 'at most',
      unit: '',
    }),
    verdict({
      name: 'payment rate / floor rate, 30 in flight',
      value: compareRounds(crowd.payment, crowd.floor, rateRatio),
      bound: 0.75,
      rule: 'at least',
      unit: '',
    }),
    verdict({
      name: 'offline p50 / floor p50, one at a time',
      value: compareRounds(single.offline, single.floor, p50Ratio),
      bound: 1.5,
      rule: 'at most',
      unit: '',
    }),
    verdict({
      name: 'offline rate / floor rate, 30 in flight',
      value: compareRounds(crowd.offline, crowd.floor, rateRatio),
      bound: 0.75,
      rule: 'at least',
      unit: '',
    }),
    verdict({
      name: 'parking settlement p50 / floor p50, one at a time',
      value: compareRounds(single.parking, single.floor, p50Ratio),
      bound: 1.5,
      rule: 'at most',
      unit: '',
    }),
    verdict({
      name: 'four activities p50 / payment p50, one at a time',
      value: compareRounds(single['four activities'], single.payment, p50Ratio),
      bound: 3,
      rule: 'at least',
      unit: '',
    }),
    verdict({
      name: 'HTTP p50 - payment p50, one at a time',
      value: compareRounds(single.HTTP, single.payment, p50Difference),
      bound: 5,
      rule: 'at most',
      unit: 'ms',
    }),
    verdict({
      name: 'history of a declined payment',
      value: events.declined.most,
      bound: 8,
      rule: 'at most',
      unit: 'events',
    }),
    verdict({
      name: 'history of a completed payment without webhook',
      value: Math.max(events.payment.most, events.HTTP.most),
      bound: 14,
      rule: 'at most',
      unit: 'events',
    }),
    verdict({
      name: 'history of an offline payment up to MATCHED',
      value: events.offline.most,
      bound: 14,
      rule: 'at most',
      unit: 'events',
    }),
  ];
}
