/** What Kessai asks a parking operator's server for. */
export type OperatorOperation = 'FEE' | 'COMPLETION' | 'CANCELLATION';

/** A call to a parking operator's server. */
export interface OperatorCall<Answer> {
  readonly operatorId: string;
  /** Its id, also when it is sent again (`webhook-id`); attempts are listed by it. */
  readonly key: string;
  readonly operation: OperatorOperation;
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly timeoutMs: number;
  /** What an answer of status 200 says; undefined if it breaks the contract. */
  readonly read: (body: Readonly<Record<string, unknown>>) => Answer | undefined;
}

/** Silence is never an answer: what was asked for may have been done. */
export type OperatorReply<Answer> =
  | { readonly kind: 'ANSWERED'; readonly answer: Answer }
  | { readonly kind: 'NOT_FOUND'; readonly why: string }
  | { readonly kind: 'SILENT'; readonly why: string };

/** Signs, sends and records a call. Never rejects for what the server does. */
export type OperatorCaller = <Answer>(call: OperatorCall<Answer>) => Promise<OperatorReply<Answer>>;
