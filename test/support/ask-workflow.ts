import type { IssuerCall, IssuerOutcome } from '../../domain/credit/credit.ts';
import { askUntilKnown } from '../../workflows/issuer/ask-until-known.ts';

export interface Asked {
  readonly outcome: IssuerOutcome;
  /** What the caller was told of unknown outcomes. */
  readonly unknown: readonly string[];
}

/** Asks an issuer, and does nothing else. */
export async function ask(call: IssuerCall): Promise<Asked> {
  const unknown: string[] = [];
  const outcome = await askUntilKnown(call, {
    onUnknown: (why) => {
      unknown.push(why);
    },
  });
  return { outcome, unknown };
}
