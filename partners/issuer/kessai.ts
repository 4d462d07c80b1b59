/** Kessai's API as this issuer uses it, with its own key. */
export interface Kessai {
  /** Registers or amends up to 1,000 debts; one result each, in order. */
  registerBatch(items: readonly DebtItem[]): Promise<readonly ItemResult[]>;
  /** Tells of a repayment. @returns why it was refused for good, if it was */
  tellRepayment(it: {
    debtId: string;
    repaymentId: string;
    amount: number;
    paidAt: string;
  }): Promise<string | undefined>;
}

export interface DebtItem {
  readonly debtId: string;
  readonly userId: string;
  readonly amount: number;
  readonly currency: string;
  readonly dueOn: string;
  readonly revision: number;
}

export interface ItemResult {
  readonly debtId: string;
  readonly status: 'REGISTERED' | 'AMENDED' | 'UNCHANGED' | 'IGNORED' | 'REFUSED';
  readonly code?: string;
  readonly detail?: string;
}

export interface KessaiOptions {
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 120_000;

/** What asking again does not help with; everything else may be asked again, every call here is idempotent. */
const FINAL_STATUSES: readonly number[] = [400, 404, 409, 422];

export function createKessai({ baseUrl, apiKey, timeoutMs = TIMEOUT_MS }: KessaiOptions): Kessai {
  return {
    async registerBatch(items) {
      const answer = await post('/v1/debts/batch', { items });
      const { results } = (await answer.json()) as { results?: ItemResult[] };
      if (answer.status !== 200 || results?.length !== items.length)
        throw new Error(`the batch was answered ${answer.status}`);
      return results;
    },
    async tellRepayment({ debtId, ...body }) {
      const answer = await post(`/v1/debts/${debtId}/repayments`, body);
      const { code } = (await answer.json()) as { code?: string };
      if (answer.ok) return undefined;
      if (FINAL_STATUSES.includes(answer.status)) return code ?? String(answer.status);
      throw new Error(`a repayment was answered ${answer.status}`);
    },
  };

  function post(path: string, body: object): Promise<Response> {
    return fetch(baseUrl + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(timeoutMs),
    });
  }
}
