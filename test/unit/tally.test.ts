import { expect, test } from 'vitest';
import { readVitestReport } from '../support/tally.ts';

function report(...testResults: object[]): string {
  return JSON.stringify({ testResults });
}

test('passed, failed and skipped tests are counted, and a failure names its file and title', () => {
  const text = report({
    name: '/clone/test/a.test.ts',
    status: 'failed',
    assertionResults: [
      { fullName: 'adds', status: 'passed' },
      { fullName: 'subtracts', status: 'failed', failureMessages: ['expected 1 to be 2\n at a.ts'] },
      { fullName: 'divides', status: 'skipped' },
    ],
  });
  expect(readVitestReport(text, 1, '/clone')).toEqual({
    passed: 1,
    failed: 1,
    skipped: 1,
    failures: ['test/a.test.ts > subtracts\n  expected 1 to be 2'],
  });
});

test('a file that cannot be loaded is a failure', () => {
  const text = report({
    name: '/clone/test/a.test.ts',
    status: 'failed',
    message: 'no such module',
    assertionResults: [],
  });
  expect(readVitestReport(text, 1, '/clone')).toMatchObject({
    passed: 0,
    failed: 1,
    failures: ['test/a.test.ts\n  no such module'],
  });
});

test('a run that fails without a failed test is a failure', () => {
  expect(readVitestReport(undefined, 1, '/clone').failed).toBe(1);
  expect(readVitestReport(report(), 1, '/clone').failed).toBe(1);
  expect(readVitestReport(report(), 0, '/clone').failed).toBe(0);
});
