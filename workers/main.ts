import { endWith } from '../api/start-problem.ts';
import { runWorker } from './run.ts';

/** The worker program. Whatever goes wrong ends the process as it is: closing what is still in use would hide why. */
await runWorker(process.env).catch(endWith);
process.exit(0);
