import { existsSync, readFileSync } from 'node:fs';
import { createPool } from './pool.ts';
import { LEDGER_CHECKS, verifyLedger } from './ledger-verify.ts';

/** DATABASE_URL, else the database of the local stack (`npm start`). */
function databaseUrl(): string {
  const fromEnvironment = process.env.DATABASE_URL;
  if (fromEnvironment !== undefined && fromEnvironment !== '') return fromEnvironment;
  const file = '.kessai/dev.json';
  if (existsSync(file))
    return (JSON.parse(readFileSync(file, 'utf8')) as { databaseUrl: string }).databaseUrl;
  console.error('Which ledger? Set DATABASE_URL, or start the local stack with npm start.');
  process.exit(2);
}

const pool = createPool(databaseUrl(), { max: 1, name: 'kessai-ledger-verify' });
try {
  const proof = await verifyLedger(pool);
  for (const check of LEDGER_CHECKS) {
    const broken = proof.breaks.filter((it) => it.check === check);
    console.log(`${broken.length === 0 ? 'ok    ' : 'BROKEN'}  ${check}`);
    for (const it of broken) console.log(`          ${it.subject}: ${it.detail}`);
  }
  const moved = Object.entries(proof.movedByCurrency).map(([currency, amount]) => `${amount} ${currency}`);
  console.log(
    `${proof.accounts} accounts, ${proof.transfers} transfers, ${proof.entries} entries, ` +
      `${proof.holdsOpen} open holds; moved ${moved.join(', ') || 'nothing'}.`,
  );
  if (proof.breaks.length > 0) {
    console.error(`The ledger is broken in ${proof.breaks.length} places.`);
    process.exitCode = 1;
  } else {
    console.log('The ledger is sound.');
  }
} catch (error) {
  console.error(`The ledger could not be read: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 2;
} finally {
  await pool.end();
}
