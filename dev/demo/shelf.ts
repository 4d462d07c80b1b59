import type { PaymentItem } from '../../domain/payment/payment.ts';
import type { Random } from './random.ts';

interface Product {
  readonly name: string;
  readonly category: string;
  readonly unitAmount: number;
}

const SHELF: readonly [Product, ...Product[]] = [
  { name: 'Onigiri, salmon', category: 'FOOD', unitAmount: 160 },
  { name: 'Onigiri, plum', category: 'FOOD', unitAmount: 140 },
  { name: 'Bento, fried chicken', category: 'FOOD', unitAmount: 598 },
  { name: 'Sandwich, egg', category: 'FOOD', unitAmount: 298 },
  { name: 'Green tea 525 ml', category: 'DRINK', unitAmount: 158 },
  { name: 'Coffee, hot', category: 'DRINK', unitAmount: 130 },
  { name: 'Beer 350 ml', category: 'ALCOHOL', unitAmount: 231 },
  { name: 'Ice cream, vanilla', category: 'SWEETS', unitAmount: 216 },
  { name: 'Umbrella', category: 'HOUSEHOLD', unitAmount: 712 },
  { name: 'Batteries AA, 4', category: 'HOUSEHOLD', unitAmount: 548 },
];
const BAG: Product = { name: 'Paper bag', category: 'HOUSEHOLD', unitAmount: 3 };
const GIFT_CARD = { name: 'Gift card', category: 'GIFT_CARD' };

export interface Basket {
  readonly items: readonly PaymentItem[];
  readonly amount: number;
}

/** One to five products; bags are added until the amount is none of those in `taken`, so that it is not similar by chance. */
export function fillBasket(random: Random, taken: ReadonlySet<number>): Basket {
  const products = Array.from({ length: random.int(1, 5) }, () => random.pick(SHELF));
  const quantities = new Map<Product, number>();
  for (const product of products) quantities.set(product, (quantities.get(product) ?? 0) + 1);
  let amount = products.reduce((sum, it) => sum + it.unitAmount, 0);
  for (; taken.has(amount); amount += BAG.unitAmount) quantities.set(BAG, (quantities.get(BAG) ?? 0) + 1);
  const items = [...quantities].map(([product, quantity], index) => ({
    lineNo: index + 1,
    ...product,
    quantity,
    amount: product.unitAmount * quantity,
  }));
  return { items, amount };
}

/** The basket with a gift card that makes it dearer than `limit`. */
export function withGiftCard(basket: Basket, limit: number): Basket {
  const price = Math.ceil((limit + 1) / 1_000) * 1_000;
  const card = {
    ...GIFT_CARD,
    lineNo: basket.items.length + 1,
    quantity: 1,
    unitAmount: price,
    amount: price,
  };
  return { items: [...basket.items, card], amount: basket.amount + price };
}
