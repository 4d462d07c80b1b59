import { runMain } from '../setup-problem.ts';
import { replayBaskets } from './baskets/replay.ts';
import { playDay } from './day.ts';
import { HELP, readOptions } from './options.ts';
import { findStack } from './stack.ts';
import { conclude, writeResult } from './verdict.ts';

/** `npm run demo`: see HELP. */
await runMain(async () => {
  const options = readOptions(process.argv.slice(2));
  if (options.help) {
    process.stdout.write(HELP);
    return;
  }
  const stack = await findStack();
  const result =
    options.basketsFile === undefined
      ? await playDay(stack, options)
      : await replayBaskets(stack, options, options.basketsFile);
  if (options.jsonFile !== undefined) await writeResult(options.jsonFile, result);
  conclude(result.faults);
});
