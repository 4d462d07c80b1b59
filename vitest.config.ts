import { defineConfig } from 'vitest/config';

/** Pure rules and small tools: no server, answers in a second. */
const unit = [
  'test/domain/**/*.test.ts',
  'test/unit/**/*.test.ts',
  'test/demo/**/*.test.ts',
  'test/docs/**/*.test.ts',
];

export default defineConfig({
  test: {
    pool: 'forks',
    // Temporal, Postgres and the workers of the tests share the machine with the test processes.
    maxWorkers: 2,
    reporters: ['default'],
    projects: [
      { extends: true, test: { name: 'unit', include: unit, testTimeout: 30_000 } },
      {
        extends: true,
        test: {
          name: 'stack',
          include: ['test/**/*.test.ts'],
          exclude: unit,
          globalSetup: ['test/global-setup.ts'],
          // Files keep apart by databases and task queues, not by modules: the SDKs are loaded once a process, not once a file.
          isolate: false,
          // Far above what a test takes: a busy machine is slow, not wrong.
          testTimeout: 60_000,
          hookTimeout: 150_000,
        },
      },
    ],
  },
});
