import { runApi } from '../../workers/api.ts';

/** The API program, which ends by `kill -9` as soon as a payment has been committed: before its till or Temporal hears of it. */
await runApi(process.env, {
  tellDecision: () => {
    process.kill(process.pid, 'SIGKILL');
  },
});
