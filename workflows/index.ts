export { dunning } from './dunning/workflow.ts';
export { journal } from './journal/workflow.ts';
export { payment } from './payment/workflow.ts';
export { paymentCancel } from './payment-cancel/workflow.ts';
export { repayment } from './repayment/workflow.ts';
export { refund } from './refund/workflow.ts';
export { webhookDelivery } from './webhook-delivery/workflow.ts';
export { reconciliation } from './reconciliation/workflow.ts';
