import { writeFile } from 'node:fs/promises';
import { SetupProblem } from '../setup-problem.ts';
import type { Trouble } from './http.ts';

const FAULTS_SHOWN = 20;

/** What the tills had to get over. */
export function describeTrouble(it: Trouble): string {
  const parts = [
    [it.inProgress, 'answers IN_PROGRESS, asked for until decided'],
    [it.connectionLost, 'connections lost, sent again'],
    [it.unavailable, 'answers 5xx, sent again'],
    [it.rateLimited, 'answers RATE_LIMITED, waited for'],
  ] as const;
  const happened = parts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
  return `on the way: ${happened.length === 0 ? 'nothing went wrong' : happened.join('; ')}`;
}

/** Says whether all adds up and, if not, what does not; sets the exit code. */
export function conclude(faults: readonly string[]): void {
  if (faults.length === 0) {
    console.log('\nEverything adds up.');
    return;
  }
  const count = faults.length === 1 ? 'One thing does' : `${faults.length} things do`;
  console.error(`\n${count} not add up:`);
  for (const fault of faults.slice(0, FAULTS_SHOWN)) console.error(`  ${fault}`);
  if (faults.length > FAULTS_SHOWN) console.error(`  and ${faults.length - FAULTS_SHOWN} more`);
  process.exitCode = 1;
}

/** @throws SetupProblem if the file cannot be written */
export async function writeResult(file: string, result: unknown): Promise<void> {
  await writeFile(file, `${JSON.stringify(result, null, 2)}\n`).catch((error: unknown) => {
    throw new SetupProblem(
      `The result could not be written to ${file}: ${error instanceof Error ? error.message : String(error)}`,
    );
  });
}
