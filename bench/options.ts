import { parseArgs } from 'node:util';

export interface BenchOptions {
  readonly what: 'payments' | 'ledger';
  readonly isQuick: boolean;
  /** End with code 1 when a bound is broken. */
  readonly isCheck: boolean;
  readonly jsonFile: string;
  /** Rounds at each level; undefined: what the bench thinks right. */
  readonly rounds: number | undefined;
  readonly isInMemory: boolean;
}

export const HELP = `npm run bench -- [options]

Measures a payment, online, offline and of a parking stay, against its floor, the same work as four activities, and the
HTTP edge, in one interleaved run.
Starts its own servers under .kessai/bench and deletes them afterwards; with DATABASE_URL or TEMPORAL_ADDRESS set it
uses those servers and leaves its payers ("bench-...") and workflows on them.

  --ledger      measure the ways to post a payment in Postgres instead (docs/adr/0002)
  --quick       a few calls only, to see that everything works (half a minute; its figures say little)
  --rounds N    rounds at each level
  --in-memory   the Temporal dev server without a file
  --json FILE   where the figures go (default .kessai/bench.json)
  --check       end with code 1 when a bound is broken
  --help        this text
`;

/** @throws a sentence for what it does not understand; answers undefined where help is asked for */
export function readOptions(args: readonly string[]): BenchOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      ledger: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      check: { type: 'boolean', default: false },
      'in-memory': { type: 'boolean', default: false },
      json: { type: 'string', default: '.kessai/bench.json' },
      rounds: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return undefined;
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
  if (rounds !== undefined && !(Number.isInteger(rounds) && rounds >= 1 && rounds <= 100))
    throw new Error(`--rounds ${String(values.rounds)} is not a number from 1 to 100.`);
  return {
    what: values.ledger ? 'ledger' : 'payments',
    isQuick: values.quick,
    isCheck: values.check,
    jsonFile: values.json,
    rounds,
    isInMemory: values['in-memory'],
  };
}
