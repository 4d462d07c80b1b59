/**
 * Something a person has to put right: a port in use, a missing tool, a broken folder.
 * Its message is one clear sentence with the way out; programs print it alone, without a stack.
 */
export class SetupProblem extends Error {
  override readonly name = 'SetupProblem';
}

/** Runs a program's main function; a `SetupProblem` ends it with its sentence alone, anything else with a stack. */
export async function runMain(main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    if (error instanceof SetupProblem) console.error(`\n${error.message}`);
    else console.error(error);
    process.exitCode = 1;
  }
}
