import { setCurrentDetails, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import type { StoredSettlement } from '../../activities/parking-settlement.ts';
import type { SettlementView } from '../../domain/parking/settlement.ts';
import { ledgerStep } from '../payment/ledger-step.ts';
import { PAYMENT_STATUS } from '../search-attributes.ts';
import { settlementDetails } from './details.ts';

/** A step of this settlement (`parking_advance`), with what somebody said, if that is why. */
export type Step = DistributiveOmit<
  Parameters<Parameters<Parameters<typeof ledgerStep>[0]>[0]['advanceParking']>[0],
  'ref' | 'askedAt'
>;
type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
export type Answer = NonNullable<Step['answer']>;

/** One settlement as its workflow knows it: Postgres first, then what operators see. */
export interface Book {
  readonly ref: string;
  readonly release: StoredSettlement['release'];
  readonly operatorPhone: string | null;
  readonly view: () => SettlementView;
  /** Takes the settlement a step on in Postgres; one that has been taken changes nothing. */
  step(step: Step): Promise<void>;
  /**
   * Asks Postgres, and takes over what it says of the settlement. One after the other, and so is each step: answers that overtake
   * each other would leave an older state here than the one that was told before.
   */
  ask(question: Parameters<typeof ledgerStep<StoredSettlement>>[0]): Promise<void>;
  /** Keeps and shows what somebody said that is not obeyed. */
  keep(answer: Omit<Answer, 'isObeyed' | 'id'> & { readonly id?: string | undefined }): void;
  /** An id for a word that came without one. */
  nextId(source: string): string;
  /** Markdown: the settlement, and what was said of it. */
  readonly details: () => string;
  show(): void;
  /** A second part of the details: what the pay-later issuer does. */
  readonly showIssuer: (details: string) => void;
  /** Shows through somebody else, who has more to say; undefined: as it is. */
  showThrough(show: (() => void) | undefined): void;
  close(): Promise<void>;
}

const MAX_SHOWN = 10;

export function openBook(settled: StoredSettlement): Book {
  let view = settled.now;
  let issuer = '';
  let words = 0;
  let showMore: (() => void) | undefined;
  const notes: string[] = [];
  let last: Promise<unknown> = Promise.resolve();
  const ref = view.reference;

  const adopt = (stored: StoredSettlement): void => {
    const before = view.state;
    view = stored.now;
    if (view.state !== before) upsertSearchAttributes([{ key: PAYMENT_STATUS, value: view.state }]);
    show();
  };
  const ask: Book['ask'] = (question) => {
    const turn = last.then(async () => {
      adopt(await ledgerStep(question));
    });
    last = turn.catch(() => undefined); // Whoever has asked hears of it.
    return turn;
  };
  const step = (it: Step): Promise<void> =>
    ask((activities, askedAt) => activities.advanceParking({ ...it, ref, askedAt }));
  const details = (): string => settlementDetails(view, settled, notes, issuer);
  function show(): void {
    if (showMore === undefined) setCurrentDetails(details());
    else showMore();
  }
  const nextId = (source: string): string => {
    words += 1;
    return `${source}:${workflowInfo().runId.slice(0, 8)}:${words}`;
  };

  // A decline stays at the events of the answer itself.
  if (view.state !== 'DECLINED') upsertSearchAttributes([{ key: PAYMENT_STATUS, value: view.state }]);
  return {
    ref,
    release: settled.release,
    operatorPhone: settled.operatorPhone,
    view: () => view,
    step,
    ask,
    keep(answer) {
      notes.push(`not obeyed: ${answer.source} ${answer.outcome ?? ''} ${answer.detail ?? ''}`);
      if (notes.length > MAX_SHOWN) notes.shift();
      const id = answer.id ?? nextId(answer.source.toLowerCase());
      void step({ step: 'NOTE', answer: { ...answer, id, isObeyed: false } });
      show();
    },
    nextId,
    details,
    show,
    showIssuer(text) {
      issuer = text;
      show();
    },
    showThrough(it) {
      showMore = it;
    },
    async close() {
      // Words may come while the last ones are kept.
      for (let kept: unknown; kept !== last;) {
        kept = last;
        await kept;
      }
      show();
    },
  };
}
