/** For activities that decide while a caller waits in the same process (docs/adr/0007). */
export interface DecisionDeps {
  /** Hears of each decision as soon as it is committed, and of each try that gave none (undefined). */
  readonly tellDecision?: (
    attempt: { readonly workflowId: string; readonly attemptId: string },
    outcome: object | undefined,
  ) => void;
}
