import { runWorker } from '../../workers/run.ts';

/** Just below the time after which Temporal takes a call for lost, so that what hangs at an issuer hangs until the worker is killed. */
const PATIENCE_MS = 14_000;

/** The worker program with more patience with issuers. */
await runWorker(process.env, { issuerTimeoutMs: PATIENCE_MS });
