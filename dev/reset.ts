import { rm } from 'node:fs/promises';
import { createReport } from './report.ts';
import { lockHolder } from './servers/lock-file.ts';
import { removeDataDir } from './servers/postgres-account.ts';
import { endLeftBehind } from './servers/registry.ts';
import { runMain, SetupProblem } from './setup-problem.ts';
import { paths } from './stack/folders.ts';

/** `npm run dev:reset`: deletes what the local stack keeps. Servers of your own (DATABASE_URL) are not touched. */
await runMain(async () => {
  const report = createReport();
  const holder = await lockHolder(paths.lock);
  if (holder !== undefined) {
    throw new SetupProblem(
      `Kessai runs from this folder (process ${holder}): stop it with Ctrl-C first, then reset.`,
    );
  }
  await endLeftBehind(paths.servers);
  await removeDataDir(paths.postgres);
  await rm(paths.state, { recursive: true, force: true });
  report.note(`Deleted ${paths.state}: the next "npm start" begins anew.`);
});
