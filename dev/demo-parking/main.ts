import { parseArgs } from 'node:util';
import { noTrouble, type Caller } from '../demo/http.ts';
import { findStack } from '../demo/stack.ts';
import { openDesk } from '../demo/temporal-client.ts';
import { conclude, describeTrouble } from '../demo/verdict.ts';
import { newRunId } from '../demo/world.ts';
import { runMain, SetupProblem } from '../setup-problem.ts';
import { callAttendant } from './attendant.ts';
import { openLog } from './log.ts';
import { openLot } from './lot.ts';
import { playCars } from './play.ts';
import { reportCars } from './report.ts';
import { STORIES } from './stories.ts';

const HELP = `npm run demo:parking          twenty cars at two operators, against the running stack (npm start)

An operator with a server of its own and one with nothing but a cash machine: answers that are lost, a machine that was faster, a wrong
space, an expired quote, a driver who leaves late, and an outage that lasts more than a minute, in which a person lets a driver out.
Takes a minute and a half, most of it the minute after which a person is asked. The spaces are to be seen at the operator's page
meanwhile (npm start says where). KESSAI_DEV_JSON names another dev.json than .kessai/dev.json.

Exit code 0 only if every car ended as it had to and the ledger is sound.
`;

/** `npm run demo:parking`: see HELP. */
await runMain(async () => {
  const { values } = parseArgs({ options: { help: { type: 'boolean', short: 'h', default: false } } });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const stack = await findStack();
  const desk = await openDesk(stack.temporal);
  if (stack.parking === undefined || desk === undefined)
    throw new SetupProblem(
      'The stack has no parking operators: start it with npm start and try again (after npm run dev:reset if it is an old one).',
    );
  const trouble = noTrouble();
  const admin: Caller = { baseUrl: stack.baseUrl, key: stack.adminKey, trouble };
  const runId = newRunId();
  console.log(`Run ${runId}: twenty cars. The spaces: ${stack.parking.baseUrl}/\n`);
  const log = openLog(console.log);
  try {
    const lot = openLot(stack.parking, admin);
    // Who stops it leaves a server that works.
    process.once('SIGINT', () => void lot.setFaults().finally(() => process.exit(130)));
    const attendant = callAttendant(desk);
    const cars = await playCars({
      town: { runId, admin },
      parking: stack.parking,
      lot,
      attendant,
      log,
      stories: STORIES,
    });
    log.stop();
    const faults = await reportCars(cars, lot, stack.databaseUrl);
    console.log(`  ${describeTrouble(trouble)}`);
    conclude(faults);
  } finally {
    log.stop();
    await desk.close();
  }
});
