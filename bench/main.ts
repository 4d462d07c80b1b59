import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createReport } from '../dev/report.ts';
import { sentence } from '../dev/stack/lifecycle.ts';
import { CASES } from './cases.ts';
import { benchLedger } from './ledger.ts';
import { HELP, readOptions, type BenchOptions } from './options.ts';
import { benchPayments } from './payments.ts';
import { openStage } from './stage.ts';
import { figure, setUpTable, table, verdictTable } from './table.ts';

const report = createReport();

async function run(
  options: BenchOptions,
  lifecycle: Awaited<ReturnType<typeof openStage>>,
): Promise<boolean> {
  const result =
    options.what === 'ledger'
      ? await benchLedger(options, lifecycle, report)
      : await benchPayments(options, lifecycle, report);
  await mkdir(dirname(options.jsonFile), { recursive: true });
  await writeFile(options.jsonFile, `${JSON.stringify(result, null, 2)}\n`);
  report.note(`\n${setUpTable(result.setUp)}`);
  for (const level of result.levels) {
    const rows = Object.entries(level.cases).map(([name, it]) => [
      name,
      figure(it.p50Ms),
      figure(it.p99Ms),
      figure(it.ratePerSecond),
      String(it.calls),
      figure(it.p50Ratio),
      figure(it.rateRatio),
    ]);
    const head = [
      `${level.inFlight} in flight`,
      'p50 ms',
      'p99 ms',
      'per second',
      'calls',
      'p50 x',
      'rate x',
    ];
    report.note(`\n${table([head, ...rows])}`);
  }
  report.note(
    `\nMedians of ${result.rounds} interleaved rounds; p99 over all calls; x: multiples of the first line, round by round.`,
  );
  const { events } = result;
  if (events !== undefined) {
    const counts = CASES.map((name) => {
      const { least, most } = events[name];
      return `${name} ${least === most ? String(most) : `${least}-${most}`}`;
    });
    report.note(`History events: ${counts.join(', ')}.`);
  }
  if (result.offlineToOnline !== undefined)
    report.note(`Offline p50 / payment p50, one at a time: ${figure(result.offlineToOnline)}.`);
  report.note(`\n${verdictTable(result.verdicts)}\n\nFigures as JSON: ${options.jsonFile}`);
  return result.verdicts.every((it) => it.holds);
}

function optionsOrEnd(): BenchOptions {
  try {
    const options = readOptions(process.argv.slice(2));
    if (options !== undefined) return options;
    console.log(HELP);
    process.exit(0);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${HELP}`);
    process.exit(2);
  }
}

const options = optionsOrEnd();
const lifecycle = await openStage(report).catch((error: unknown) => {
  console.error(`\n${sentence(error as Error)}`);
  process.exit(1);
});
try {
  const allHold = await run(options, lifecycle);
  await lifecycle.shutDown(options.isCheck && !allHold ? 1 : 0);
} catch (error) {
  // What was running fails when it is stopped by Ctrl-C: the person asked for that.
  if (!lifecycle.isStopping()) await lifecycle.shutDown(1, sentence(error as Error));
}
