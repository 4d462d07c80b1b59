import { defineSearchAttributeKey } from '@temporalio/common';

/** What operators can search for in Temporal Web UI. No personal data: ids of merchants and states only. */
export const PAYMENT_STATUS = defineSearchAttributeKey('PaymentStatus', 'KEYWORD');
export const MERCHANT_ID = defineSearchAttributeKey('MerchantId', 'KEYWORD');
/** True while a workflow waits for a person. */
export const AWAITING_OPERATOR = defineSearchAttributeKey('AwaitingOperator', 'BOOL');

/** Name and type of each, as `temporal server start-dev --search-attribute` and the operator service take them. */
export const SEARCH_ATTRIBUTES = [
  ['PaymentStatus', 'Keyword'],
  ['MerchantId', 'Keyword'],
  ['AwaitingOperator', 'Bool'],
] as const;
