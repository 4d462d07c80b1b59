import type { Basket } from './map.ts';

/** Hands out baskets so that one household is never at two tills, and its baskets come in their order. */
export interface BasketQueue {
  /** The next basket, or undefined when there is none left. Waits while every one left belongs to a household that pays. */
  readonly take: () => Promise<Basket | undefined>;
  /** Says that the household of a basket has paid. */
  readonly done: (basket: Basket) => void;
}

/** @param baskets in the order in which they are to be paid */
export function createBasketQueue(baskets: readonly Basket[]): BasketQueue {
  const waiting = new Map<string, { basket: Basket; rank: number }[]>();
  baskets.forEach((basket, rank) => {
    const ofHousehold = waiting.get(basket.householdId) ?? [];
    waiting.set(basket.householdId, [...ofHousehold, { basket, rank }]);
  });
  for (const ofHousehold of waiting.values()) ofHousehold.reverse();
  const atTill = new Set<string>();
  let takers: (() => void)[] = [];

  function next(): Basket | undefined {
    let best: string | undefined;
    let bestRank = Infinity;
    for (const [householdId, ofHousehold] of waiting) {
      const rank = ofHousehold.at(-1)?.rank ?? Infinity;
      if (!atTill.has(householdId) && rank < bestRank) [best, bestRank] = [householdId, rank];
    }
    if (best === undefined) return undefined;
    atTill.add(best);
    const ofHousehold = waiting.get(best);
    const taken = ofHousehold?.pop();
    if (ofHousehold?.length === 0) waiting.delete(best);
    return taken?.basket;
  }

  return {
    async take() {
      for (;;) {
        const basket = next();
        if (basket !== undefined || waiting.size === 0) return basket;
        await new Promise<void>((resolve) => {
          takers.push(resolve);
        });
      }
    },
    done(basket) {
      atTill.delete(basket.householdId);
      const woken = takers;
      takers = [];
      for (const wake of woken) wake();
    },
  };
}
