import {
  allHandlersFinished,
  condition,
  continueAsNew,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { CampaignStep } from '../../activities/dunning.ts';
import type { DebtState } from '../../domain/dunning/debt.ts';
import { ledgerStep } from '../payment/ledger-step.ts';
import { DUE_ON, DUNNING_STAGE } from '../search-attributes.ts';
import { mainTaskQueue } from '../task-queue.ts';
import { startWebhookDelivery } from '../webhook-delivery/start.ts';
import {
  debtChanged,
  NOT_CONTACTED,
  paymentCompleted,
  type DunningInput,
  type PolicyWord,
} from './contract.ts';
import { dunningDetails } from './details.ts';
import { takeWords, type CampaignWords } from './operator.ts';

/** Longest wait of one timer: a deadline further off is looked at again then. */
const MAX_WAIT_MS = 30 * 86_400_000;

/**
 * Reminds of one debt until it is settled, withdrawn or exhausted. Postgres holds what is known of the debt; each step looks, does
 * what is due and says what comes next. Signals only wake, so one that comes late, twice or out of order does no harm, and the
 * timer is set anew after each.
 */
export async function dunning(input: DunningInput): Promise<DebtState | 'UNKNOWN'> {
  const { issuerId, debtId } = input;
  const words: CampaignWords = { pending: [], refused: [] };
  let changes = 0;
  const change = (): void => {
    changes += 1;
  };
  setHandler(debtChanged, change, { description: "Kessai's own: something about the debt has changed." });
  setHandler(paymentCompleted, change, {
    description: "Kessai's own: the user was told of the debt with a payment.",
  });
  takeWords(words, change);
  let shown = shownAtStart();

  for (;;) {
    const seen = changes;
    await obey(input, words);
    const step = await ledgerStep((activities, askedAt) =>
      activities.stepCampaign({ issuerId, debtId, askedAt }),
    );
    if (step === undefined) return 'UNKNOWN';
    setCurrentDetails(dunningDetails(input, step, words));
    shown = show(step, shown);
    if (step.next === undefined) {
      if (step.webhookEventId !== undefined)
        await startWebhookDelivery(step.webhookEventId, mainTaskQueue(workflowInfo().taskQueue));
      if (!allHandlersFinished()) await condition(allHandlersFinished);
      return step.state;
    }
    if (seen !== changes) continue;
    if (isLong(input)) {
      if (!allHandlersFinished()) await condition(allHandlersFinished);
      if (seen === changes) await continueAsNew<typeof dunning>(input);
      continue;
    }
    const waitMs = Math.min(MAX_WAIT_MS, Math.max(1, Date.parse(step.next.at) - Date.now()));
    await condition(() => seen !== changes, waitMs, { summary: `${step.next.kind}: ${step.next.reason}` });
  }
}

async function obey({ issuerId, debtId }: DunningInput, words: CampaignWords): Promise<void> {
  for (let word = words.pending[0]; word !== undefined; word = words.pending[0]) {
    if (word.action === 'POLICY') {
      await adopt(issuerId, debtId, word, words);
      words.pending.shift();
      continue;
    }
    const { operator: actor, action, reason, until } = word;
    const kind = action === 'STOP' ? ('WITHDRAW' as const) : action;
    const result = await ledgerStep((activities, askedAt) =>
      activities.obeyOperator({ issuerId, debtId, actor, reason, askedAt, ...wordOf(kind, until) }),
    );
    words.pending.shift();
    if (result === 'CLOSED') words.refused.push('the debt has ended');
  }
}

async function adopt(
  issuerId: string,
  debtId: string,
  word: PolicyWord,
  words: CampaignWords,
): Promise<void> {
  const { version, operator: actor } = word;
  const result = await ledgerStep((activities, askedAt) =>
    activities.adoptPolicy({ issuerId, debtId, version, actor, askedAt }),
  );
  if (result === 'UNKNOWN') words.refused.push(`the issuer has no rules ${version}`);
}

function wordOf(kind: 'WITHDRAW' | 'HOLD' | 'RELEASE', until: string | undefined) {
  return kind === 'HOLD' ? { kind, until: until ?? '' } : { kind };
}

/** What this run began with. */
function shownAtStart(): { stage: string; dueOn: string } {
  const { typedSearchAttributes: found } = workflowInfo();
  const dueOn = found.get(DUE_ON)?.toISOString().slice(0, 10) ?? '';
  return { stage: found.get(DUNNING_STAGE) ?? '', dueOn };
}

/** What operators search by; each change is an event, so only changes are written. */
function show(step: CampaignStep, before: { stage: string; dueOn: string }): typeof before {
  const now = { stage: step.stage ?? NOT_CONTACTED, dueOn: step.dueOn };
  if (now.stage === before.stage && now.dueOn === before.dueOn) return before;
  upsertSearchAttributes([
    { key: DUNNING_STAGE, value: now.stage },
    { key: DUE_ON, value: new Date(`${now.dueOn}T00:00:00Z`) },
  ]);
  return now;
}

function isLong({ maxEvents = Infinity }: DunningInput): boolean {
  const { continueAsNewSuggested, historyLength } = workflowInfo();
  return continueAsNewSuggested || historyLength > maxEvents;
}
