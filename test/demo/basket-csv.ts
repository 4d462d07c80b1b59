export const HEAD =
  'basket_id,household_id,store_id,timestamp_local,product_id,department,product_category,product_type,quantity,sales_value,retail_disc,coupon_disc,coupon_match_disc';

/** The cells of one row; what a test does not care about has a value of its own. */
export interface Cells {
  basket?: string;
  household?: string;
  store?: string;
  at?: string;
  product?: string;
  department?: string;
  category?: string;
  type?: string;
  quantity?: string;
  sales?: string;
  retail?: string;
  coupon?: string;
  match?: string;
}

/** A file with these rows below its head. */
export function csv(...rows: Cells[]): string {
  return [HEAD, ...rows.map(line)].join('\n');
}

function line(it: Cells): string {
  return [
    it.basket ?? 'b1',
    it.household ?? '7',
    it.store ?? '42',
    it.at ?? '2017-01-02 10:00:00',
    it.product ?? '1001',
    it.department ?? 'GROCERY',
    it.category ?? 'COFFEE',
    it.type ?? 'GROUND COFFEE',
    it.quantity ?? '1',
    it.sales ?? '4.99',
    it.retail ?? '0.00',
    it.coupon ?? '0.00',
    it.match ?? '0.00',
  ].join(',');
}
