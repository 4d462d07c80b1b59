import { parseArgs } from 'node:util';
import { SetupProblem } from '../setup-problem.ts';

export const HELP = `npm run demo [-- OPTIONS]          a day at a store, against the running stack (npm start)
npm run demo -- --baskets FILE     real till baskets from a CSV, as payments with lines

  --payments N    payments of the day (default 400; not with --baskets)
  --tills N       tills at once (default 8)
  --json FILE     also write the result as JSON
  --baskets FILE  replay a CSV of till lines, see below
  --help          this text

Beside the day: phones that pay offline and send their journals, the same code at two tills, a guesser, a payment with a
stolen key and the operator who gives it back, pay-later payments at the reference issuer (one of them unanswered), and
refunds. What the stack has not (an issuer, its fault switch) is skipped, and the report says so.

KESSAI_DEV_JSON names another dev.json than .kessai/dev.json. Ctrl-C lets each till finish, then adds up.
Exit code 0 only if everything adds up.

The CSV has the columns of The Complete Journey (84.51), in any order:
  basket_id,household_id,store_id,timestamp_local,product_id,department,product_category,product_type,
  quantity,sales_value,retail_disc,coupon_disc,coupon_match_disc
How it becomes payments:
  - One household is one payer, one store is one store, one basket is one payment; the baskets of a household are paid
    in the order of their time. The whole file is checked first: if a row is malformed, nothing is paid.
  - Dollars become yen, one cent one yen (1.99 is 199 JPY): accounts are kept in JPY, and nothing is rounded.
  - sales_value is what the retailer receives. Loyalty discounts (retail_disc) and the retailer's match of a coupon
    (coupon_match_disc) are taken off in it already, so they are reported and are no lines of their own. The
    manufacturer's coupon (coupon_disc) is not: the maker pays the retailer for it. So it becomes a negative line, and
    the customer pays sales_value - coupon_disc.
  - Zero lines stay. Fuel is counted in thousandths of a gallon and becomes gallons with a fraction. unitAmount is
    amount / quantity, rounded where it does not divide; the line's amount is exact and it alone is summed up.
  - A basket whose total is zero or negative is no payment; it is reported.
  - A year goes by in a minute, so equal baskets of a household in a store come within the three minutes of
    SIMILAR_PAYMENT: the cashier sends them again with acceptSimilar, under a new id and with a new code.
`;

export interface Options {
  readonly payments: number;
  readonly tills: number;
  readonly jsonFile: string | undefined;
  readonly basketsFile: string | undefined;
  readonly help: boolean;
}

/** @throws SetupProblem with one sentence that says what is wrong with the arguments */
export function readOptions(args: readonly string[]): Options {
  const values = parse(args);
  if (values.baskets !== undefined && values.payments !== undefined) {
    throw new SetupProblem('--payments does not go with --baskets: the file says how many there are.');
  }
  return {
    payments: wholeNumber('--payments', values.payments, 400, 100_000),
    tills: wholeNumber('--tills', values.tills, 8, 100),
    jsonFile: values.json,
    basketsFile: values.baskets,
    help: values.help ?? false,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        payments: { type: 'string' },
        tills: { type: 'string' },
        json: { type: 'string' },
        baskets: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    throw new SetupProblem(`${detail} See npm run demo -- --help.`);
  }
}

function wholeNumber(name: string, text: string | undefined, otherwise: number, max: number): number {
  if (text === undefined) return otherwise;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > max) {
    throw new SetupProblem(`${name} is a whole number from 1 to ${max}, not "${text}".`);
  }
  return value;
}
