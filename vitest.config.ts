import { relative } from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Pure rules and small tools: no server, answers in a second. */
const unit = [
  'test/domain/**/*.test.ts',
  'test/unit/**/*.test.ts',
  'test/demo/**/*.test.ts',
  'test/docs/**/*.test.ts',
];

/** Where the slowest files are: they begin first, so that none of them runs alone at the end. */
const slowest = ['test/e2e/', 'test/dev/', 'test/deploy/', 'test/workflows/'];

class SlowestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const path = relative(import.meta.dirname, moduleId);
      const at = slowest.findIndex((folder) => path.startsWith(folder));
      return at === -1 ? slowest.length : at;
    };
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}

export default defineConfig({
  test: {
    pool: 'forks',
    sequence: { sequencer: SlowestFirst },
    // Two more than the cores that we count on: half of the time a file waits for its servers or for time to pass.
    maxWorkers: 4,
    // What a test makes is soon garbage: fewer, larger nurseries cost less.
    execArgv: ['--max-semi-space-size=64'],
    reporters: ['default'],
    projects: [
      { extends: true, test: { name: 'unit', include: unit, isolate: false, testTimeout: 30_000 } },
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
