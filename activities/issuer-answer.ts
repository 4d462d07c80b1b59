import {
  isRejection,
  REQUEST_REJECTED,
  type IssuerAnswer,
  type IssuerOperation,
} from '../domain/credit/credit.ts';
import { parseObject } from '../domain/json.ts';

const CODE = /^[A-Z0-9_]{1,64}$/;
const REFERENCE = /^[\x21-\x7e]{1,100}$/;

/** What was asked for, as far as the answer has to fit it. */
export interface Question {
  readonly key: string;
  /** Undefined for a look-up. */
  readonly operation: IssuerOperation | undefined;
}

/**
 * Reads an issuer's answer. Only one that keeps the contract (docs/partner-issuer.md) says that something was done or refused;
 * everything else leaves it unknown.
 */
export function readIssuerAnswer(question: Question, status: number, body: string): IssuerAnswer {
  if (status === 200) {
    return readOperation(question, body) ?? { kind: 'UNKNOWN', why: 'the answer breaks the contract' };
  }
  if (question.operation === undefined) {
    return status === 404 ? { kind: 'NOT_FOUND' } : { kind: 'UNKNOWN', why: `answered ${status}` };
  }
  return isRejection(question.operation, status)
    ? { kind: 'REFUSED', code: REQUEST_REJECTED }
    : { kind: 'UNKNOWN', why: `answered ${status}` };
}

function readOperation(question: Question, body: string): IssuerAnswer | undefined {
  const said = parseObject(body);
  if (said?.key !== question.key) return undefined;
  if (question.operation !== undefined && said.operation !== question.operation) return undefined;
  if (said.status === 'DONE') {
    const { reference, released } = said;
    return {
      kind: 'DONE',
      ...(typeof reference === 'string' && REFERENCE.test(reference) ? { reference } : {}),
      ...(Number.isSafeInteger(released) && Number(released) >= 0 ? { released: Number(released) } : {}),
    };
  }
  if (said.status === 'REFUSED' && typeof said.code === 'string' && CODE.test(said.code)) {
    return { kind: 'REFUSED', code: said.code };
  }
  return undefined;
}
