import { defineSearchAttributeKey } from '@temporalio/common';

/** What operators can search for in Temporal Web UI. No personal data: ids of merchants and partners, states and days only. */
export const PAYMENT_STATUS = defineSearchAttributeKey('PaymentStatus', 'KEYWORD');
export const MERCHANT_ID = defineSearchAttributeKey('MerchantId', 'KEYWORD');
/** True while a workflow waits for a person. */
export const AWAITING_OPERATOR = defineSearchAttributeKey('AwaitingOperator', 'BOOL');
/** Of a dunning campaign: the stage of its last message, the day its debt was due (as midnight UTC), and whose debt it is. */
export const DUNNING_STAGE = defineSearchAttributeKey('DunningStage', 'KEYWORD');
export const DUE_ON = defineSearchAttributeKey('DueOn', 'DATETIME');
export const PARTNER_ID = defineSearchAttributeKey('PartnerId', 'KEYWORD');

/** Name and type of each, as `temporal server start-dev --search-attribute` and the operator service take them. */
export const SEARCH_ATTRIBUTES = [
  ['PaymentStatus', 'Keyword'],
  ['MerchantId', 'Keyword'],
  ['AwaitingOperator', 'Bool'],
  ['DunningStage', 'Keyword'],
  ['DueOn', 'Datetime'],
  ['PartnerId', 'Keyword'],
] as const;
