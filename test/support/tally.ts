import { relative } from 'node:path';

/** How many passed, failed and were left out, and a text for each failure. */
export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly failures: readonly string[];
}

/** The part of Vitest's JSON report that we read (the format is Jest's). */
interface VitestReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message?: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages?: readonly string[];
    }[];
  }[];
}

function firstLine(text: string | undefined): string {
  return text?.trim().split('\n')[0] ?? '';
}

/**
 * Counts tests from Vitest's report. A file that could not be loaded is one failure, and so is an exit code that
 * says "failed" when no test did (an unhandled error, a set-up that broke, no test found).
 */
export function readVitestReport(text: string | undefined, exitCode: number, root: string): Tally {
  let passed = 0;
  let skipped = 0;
  const failures: string[] = [];
  const report = text === undefined ? { testResults: [] } : (JSON.parse(text) as VitestReport);
  for (const file of report.testResults) {
    const name = relative(root, file.name);
    const failed = file.assertionResults.filter((test) => test.status === 'failed');
    passed += file.assertionResults.filter((test) => test.status === 'passed').length;
    skipped += file.assertionResults.length - failed.length;
    for (const test of failed)
      failures.push(`${name} > ${test.fullName}\n  ${firstLine(test.failureMessages?.[0])}`);
    if (file.status === 'failed' && failed.length === 0)
      failures.push(`${name}\n  ${firstLine(file.message)}`);
  }
  skipped -= passed;
  if (exitCode !== 0 && failures.length === 0)
    failures.push(`Vitest ended with code ${exitCode}: see above.`);
  return { passed, failed: failures.length, skipped, failures };
}
