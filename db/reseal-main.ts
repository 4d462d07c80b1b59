import { createPool } from './pool.ts';
import { resealAll } from './reseal.ts';
import { createSealer, type Sealer } from './sealed.ts';

/**
 * `npm run keys:reseal`: seals with KESSAI_DATA_KEY what a key of KESSAI_DATA_KEYS_OLD still seals (docs/deploy.md). Ends with
 * 1 if something opens with none of them, with 2 if it could not run.
 */
const LISTED = 5;
const { DATABASE_URL, KESSAI_DATA_KEY, KESSAI_DATA_KEYS_OLD = '' } = process.env;

function sealerOfEnvironment(): Sealer {
  if (KESSAI_DATA_KEY === undefined || KESSAI_DATA_KEY === '') fail('KESSAI_DATA_KEY is not set');
  try {
    return createSealer(
      KESSAI_DATA_KEY,
      KESSAI_DATA_KEYS_OLD.split(',').filter((it) => it !== ''),
    );
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error));
  }
}

function fail(why: string): never {
  console.error(`Nothing was resealed: ${why}.`);
  process.exit(2);
}

const sealer = sealerOfEnvironment();
if (DATABASE_URL === undefined || DATABASE_URL === '') fail('DATABASE_URL is not set');
const pool = createPool(DATABASE_URL, { max: 1, name: 'kessai-reseal' });
try {
  const counts = await resealAll(pool, sealer, (table, seen) => {
    if (seen > 0 && seen % 50_000 === 0) console.log(`${table}: ${seen} looked at`);
  });
  for (const { table, seen, resealed, unreadable } of counts) {
    console.log(`${table}: ${seen} looked at, ${resealed} sealed anew`);
    if (unreadable.length > 0) {
      console.error(
        `${table}: ${unreadable.length} open with none of the keys, among them ${unreadable.slice(0, LISTED).join(', ')}`,
      );
      process.exitCode = 1;
    }
  }
} catch (error) {
  console.error(
    `Stopped before the end (${error instanceof Error ? error.message : String(error)}): run it again, what is done stays done.`,
  );
  process.exitCode = 2;
} finally {
  await pool.end();
}
