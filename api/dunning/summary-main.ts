import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { dunningSummary } from '../../db/dunning-summary.ts';
import { createPool } from '../../db/pool.ts';
import { databaseUrl, Refusal } from '../command.ts';
import { summaryCsv } from './summary-routes.ts';

/** `npm run report:dunning`: recovery figures, as `GET /v1/dunning/summary` answers them. */
const USAGE = `Usage: npm run -s report:dunning -- [--issuer ISSUER_ID] [--from TIME] [--to TIME] [--format csv|json] [--out FILE]
Contacts, opened share, time to repayment by stage and cadence and deferrals by reason, per version of the policy, of campaigns
registered from --from to before --to (RFC 3339). Without --out it goes to standard output. DATABASE_URL says which books; without
it the local stack of npm start.`;

try {
  await run();
} catch (error) {
  const isOurs = error instanceof Refusal;
  console.error(
    isOurs
      ? error.message
      : `The figures could not be made: ${error instanceof Error ? error.message : String(error)}`,
  );
  process.exitCode = isOurs ? 1 : 2;
}

async function run(): Promise<void> {
  const options = readOptions();
  if (options === undefined) {
    console.log(USAGE);
    return;
  }
  const pool = createPool(databaseUrl(), { max: 1, name: 'kessai-report-dunning' });
  try {
    const policies = await dunningSummary(pool, options);
    const text =
      options.format === 'csv' ? summaryCsv(policies) : `${JSON.stringify({ policies }, null, 2)}\n`;
    if (options.out === undefined) process.stdout.write(text);
    else await writeFile(options.out, text);
  } finally {
    await pool.end();
  }
}

function readOptions() {
  const text = { type: 'string' } as const;
  let values;
  try {
    ({ values } = parseArgs({
      options: {
        issuer: text,
        from: text,
        to: text,
        format: text,
        out: text,
        help: { type: 'boolean' },
      },
    }));
  } catch (error) {
    throw new Refusal(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
  }
  if (values.help === true) return undefined;
  const { issuer: issuerId, from, to, format = 'csv', out } = values;
  if (format !== 'csv' && format !== 'json') throw new Refusal(`--format is csv or json, not ${format}.`);
  for (const time of [from, to]) {
    if (time !== undefined && Number.isNaN(Date.parse(time)))
      throw new Refusal(`${time} is not a time such as 2026-11-22T00:00:00Z.`);
  }
  return { issuerId, from, to, format, out };
}
