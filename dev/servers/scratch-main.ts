import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SEARCH_ATTRIBUTES } from '../../workflows/search-attributes.ts';
import { createReport } from '../report.ts';
import { runMain } from '../setup-problem.ts';
import { freePort, portFromEnvironment } from './ports.ts';
import { removeDataDir } from './postgres-account.ts';
import { startPostgres } from './postgres.ts';
import { startTemporal } from './temporal.ts';

/**
 * `npm run dev:servers`: an empty Postgres and an empty Temporal until Ctrl-C, for work by hand.
 * Ports: KESSAI_PG_PORT, KESSAI_TEMPORAL_PORT, KESSAI_UI_PORT, else free ones.
 */
await runMain(async () => {
  const report = createReport();
  const folder = await mkdtemp(join(tmpdir(), 'kessai-scratch-'));
  // When we are root, another user runs Postgres and must reach its data.
  await chmod(folder, 0o711);
  const port = async (variable: string): Promise<number> => portFromEnvironment(variable, await freePort());
  const pgPort = await port('KESSAI_PG_PORT');
  const temporalPort = await port('KESSAI_TEMPORAL_PORT');
  const uiPort = await port('KESSAI_UI_PORT');
  const dataDir = join(folder, 'postgres');
  const stops: (() => Promise<void>)[] = [
    () => removeDataDir(dataDir),
    () => rm(folder, { recursive: true, force: true }),
  ];
  const interrupted = new Promise<void>((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
  try {
    const postgres = await report.step('Postgres', () =>
      startPostgres({ dataDir, port: pgPort, logFile: join(folder, 'postgres.log'), report, fast: true }),
    );
    stops.unshift(() => postgres.stop());
    const temporal = await report.step('Temporal', () =>
      startTemporal({
        port: temporalPort,
        uiPort,
        logFile: join(folder, 'temporal.log'),
        searchAttributes: SEARCH_ATTRIBUTES,
        report,
      }),
    );
    stops.unshift(() => temporal.stop());
    report.note(`\nexport DATABASE_URL=${postgres.url}`);
    report.note(`export TEMPORAL_ADDRESS=${temporal.address}`);
    report.note(
      `# Web UI ${temporal.uiUrl ?? ''}, logs in ${folder}. Ctrl-C stops both and deletes their data.`,
    );
    await interrupted;
  } finally {
    for (const stop of stops) await stop();
  }
});
