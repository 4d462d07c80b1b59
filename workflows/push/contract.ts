export interface PushInput {
  readonly messageId: string;
}

/** One workflow per message of the inbox. */
export function pushWorkflowId(messageId: string): string {
  return `push:${messageId}`;
}
