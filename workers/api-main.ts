import { runApi } from './api.ts';
import { endWith } from '../api/start-problem.ts';

/** The API program. */
await runApi(process.env).catch(endWith);
