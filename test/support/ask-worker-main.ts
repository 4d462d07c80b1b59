import { NativeConnection } from '@temporalio/worker';
import { createCodeDigester } from '../../db/code-digest.ts';
import { createPool } from '../../db/pool.ts';
import { createSealer } from '../../db/sealed.ts';
import { DEFAULT_CODE_PREFIX } from '../../domain/code/format.ts';
import { createWorkers } from '../../workers/worker.ts';

/** Our workers with the workflows of ask-workflow.ts, in a process that can be killed. */
const env = process.env as Record<
  'DATABASE_URL' | 'KESSAI_DATA_KEY' | 'TEMPORAL_ADDRESS' | 'KESSAI_TASK_QUEUE' | 'BUNDLE_PATH',
  string
>;
const workers = await createWorkers({
  connection: await NativeConnection.connect({ address: env.TEMPORAL_ADDRESS }),
  namespace: 'default',
  taskQueue: env.KESSAI_TASK_QUEUE,
  workflowBundle: { codePath: env.BUNDLE_PATH },
  deps: {
    pool: createPool(env.DATABASE_URL),
    sealer: createSealer(env.KESSAI_DATA_KEY),
    digestCode: createCodeDigester(env.KESSAI_DATA_KEY),
    codePrefix: DEFAULT_CODE_PREFIX,
  },
});
await workers.run();
