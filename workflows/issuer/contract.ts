import { defineSignal } from '@temporalio/workflow';

/** Does not wait for the schedule: asks the issuer now what became of the operation the workflow waits for. */
export const askIssuerNow = defineSignal('askIssuerNow');
