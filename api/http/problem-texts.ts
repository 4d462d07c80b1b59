import type { DeclineCode } from '../../domain/payment/payment.ts';
import type { ProblemCode } from './problem.ts';

/** What each problem means for the caller and what to do; a code without a sentence does not compile. */
export const PROBLEM_TEXTS = {
  INVALID_REQUEST:
    'The request is malformed and changed nothing: correct every fault that `errors` lists and send it again.',
  UNAUTHENTICATED: 'The key is missing, unknown or revoked: send a valid one as `Authorization: Bearer KEY`.',
  FORBIDDEN_ROLE: 'The key is valid but has another role than this call needs: use a key of that role.',
  NOT_FOUND:
    'The object or path does not exist or belongs to somebody else: check the id, and that the key is that of its owner.',
  CONFLICT_STATE:
    'The object is in a state that no longer allows this: read it again and decide anew; repeating the call does not help.',
  QUOTE_EXPIRED:
    'The quote is older than it was good for, and nothing was charged: ask for a new one and pay that.',
  PAYLOAD_TOO_LARGE:
    'The body is over 256 KiB, or over what this call allows where it says another limit: send less.',
  UNSUPPORTED_MEDIA_TYPE:
    'The body is of another type: send `application/json` in UTF-8, or the type that this call names.',
  IDEMPOTENCY_MISMATCH:
    'This id was used before with another body, and what it did then stands: repeat the body of then, or choose a new id.',
  ENROLMENT_CODE_INVALID: 'The enrolment code is unknown, used or expired: have a new one made for the user.',
  CURRENCY_FIXED:
    "A merchant's currency is fixed when it is first stored: send that currency, or store a new merchant.",
  REFUND_EXCEEDS_REMAINING:
    'The refund is more than what is left of the payment; refunds under way count. The answer stands for this id: ask under a new id for less.',
  REFUND_WINDOW_CLOSED:
    'The payment is older than refunds are possible: give the money back in another way. The answer stands for this id.',
  REFUND_REFUSED_BY_ISSUER:
    'The pay-later partner does not take the refund, so nothing was given back: ask Kessai or the partner why. The answer stands for this id.',
  REFUND_GIVEN_UP:
    'Nobody could find out what became of the refund at the pay-later partner, and an operator has ended it as failed: nothing was given back. The answer stands for this id.',
  ACCOUNT_SUSPENDED:
    'The user may move no money: they must talk to Kessai first. The answer stands for this id.',
  INSUFFICIENT_FUNDS:
    'The available balance does not cover the amount: top it up, then ask under a new id. The answer stands for this id.',
  CURRENCY_NOT_HELD:
    'The user has no balance in the currency of the debt: pay it in another way. The answer stands for this id.',
  REPAYMENT_EXCEEDS_REMAINING:
    'The repayment is more than what is left of the debt; repayments under way count. The answer stands for this id: ask under a new id for less.',
  REPAYMENT_ID_TAKEN:
    'The issuer has told of a repayment of this debt under the same id: choose a new one, if there is anything left to pay.',
  REPAYMENT_NOT_OFFERED:
    'The issuer of this debt takes no repayments through Kessai: pay it in another way. The answer stands for this id.',
  REPAYMENT_REFUSED_BY_ISSUER:
    'The issuer does not take the repayment, and the money is back in the balance: look at the debt again. The answer stands for this id.',
  REPAYMENT_GIVEN_UP:
    'Nobody could find out what became of the repayment at the issuer, and an operator has ended it as failed: the money is back in the balance. The answer stands for this id.',
  RATE_LIMITED:
    'This key, or this address, asked too often: wait as many seconds as `Retry-After` says, then send the request again.',
  INTERNAL:
    'Something broke on our side and what became of the request is not known: send it again under the same id, and report the `requestId` if it stays.',
  UNAVAILABLE:
    'A part of the system cannot be reached and the outcome is not known: send the same request again under the same id after `Retry-After` seconds.',
} as const satisfies Record<ProblemCode, string>;

/** What each decline means for the till and what to do; a code without a sentence does not compile. */
export const DECLINE_TEXTS = {
  CODE_INVALID:
    'The code is unknown, or its one-time password is wrong: ask for a fresh code and pay under a new id.',
  CODE_EXPIRED: 'The code is older than its validity: ask for a fresh code and pay under a new id.',
  CODE_ALREADY_USED:
    'The code was spent by an earlier payment, also if that was declined: ask for a fresh code and pay under a new id.',
  OFFLINE_KEY_STALE:
    'The phone has not reached the server for too long to pay offline: it must go online once, then show a fresh code.',
  OFFLINE_LIMIT_AMOUNT:
    'The amount is above what may be paid offline at once: ask the customer to go online, or for another means of payment.',
  OFFLINE_LIMIT_COUNT:
    'The phone has paid offline as often as it may for now: ask the customer to go online, or for another means of payment.',
  INSUFFICIENT_FUNDS:
    'The available balance does not cover the amount: ask for a top-up or another means of payment, then pay under a new id.',
  CREDIT_DECLINED:
    'The pay-later partner refuses this purchase: ask the customer to pay from the balance or by other means.',
  DELEGATE_RULE_REFUSED:
    'The account owner does not let the person pay for the lines in `lines`: take them out and pay under a new id with a fresh code.',
  SIMILAR_PAYMENT:
    'The same payer paid the same amount in this store within three minutes: if it is meant, pay under a new id with `acceptSimilar: true` and a fresh code.',
  CANCELED:
    'The payment was canceled before it was decided, so nothing was taken: pay under a new id if it is still wanted.',
  TOO_MANY_ATTEMPTS:
    'Too many codes of this phone were refused in a short time: wait, then ask for a fresh code.',
  ACCOUNT_SUSPENDED:
    'The account may not pay at present: ask for another means of payment; the customer turns to support.',
} as const satisfies Record<DeclineCode, string>;
