import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  condition,
  log,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { createIssuerActivities } from '../../activities/issuer.ts';
import {
  askAgainAtMs,
  ISSUER_RETRY,
  nextIssuerStep,
  voidOf,
  type IssuerAnswer,
  type IssuerCall,
  type IssuerOutcome,
  type IssuerWay,
} from '../../domain/credit/credit.ts';
import { issuerTaskQueue } from '../task-queue.ts';
import { askIssuerNow } from './contract.ts';

export interface AskOptions {
  /** Told once, when the first call has left the outcome unknown. */
  readonly onUnknown?: (why: string) => void | Promise<void>;
  /** Shows what is waited for, as markdown; default is the current details alone. */
  readonly show?: ((details: string) => void) | undefined;
}

/**
 * Takes one operation at an issuer to an end that is known: the call once, and while its outcome is unknown, look-ups by the same
 * key on the schedule of domain/credit. NOT_FOUND is answered for AUTHORISE alone, once a void holds it off for good; all else is
 * sent again until it is done or refused. GAVE_UP after five days: the caller records a break. Cancelling the workflow does not stop
 * it half-way. While it waits it shows so in the current details; the caller puts its own back.
 */
export function askUntilKnown(call: IssuerCall, options: AskOptions = {}): Promise<IssuerOutcome> {
  return CancellationScope.nonCancellable(() => askOn(call, options));
}

async function askOn(call: IssuerCall, options: AskOptions): Promise<IssuerOutcome> {
  let way: IssuerWay = 'CALL';
  for (let inVain = 0; ;) {
    const answer: Asked = await ask(way, call);
    const step = answer.kind === 'NOT_ASKED' ? 'ASK_LATER' : nextIssuerStep(call.operation, way, answer.kind);
    switch (step) {
      case 'END':
        return answer as IssuerOutcome;
      case 'VOID_THEN_END':
        return notFoundOnce(await askOn(voidOf(call), { show: options.show }));
      case 'SEND_AGAIN':
        way = 'CALL';
        break;
      case 'ASK_LATER': {
        inVain += 1;
        // What never left is sent; what may have arrived is looked up.
        if (answer.kind !== 'NOT_ASKED') way = 'LOOK_UP';
        const why = 'why' in answer ? answer.why : answer.kind;
        if (inVain === 1) await options.onUnknown?.(why);
        if (!(await waitForNextTry(call, inVain, why, options.show ?? setCurrentDetails)))
          return { kind: 'GAVE_UP' };
      }
    }
  }
}

/** The issuer does not know an authorisation, and what came of its void. */
function notFoundOnce(voided: IssuerOutcome): IssuerOutcome {
  if (voided.kind !== 'DONE') return { kind: 'GAVE_UP' };
  const { released } = voided;
  return released === undefined ? { kind: 'NOT_FOUND' } : { kind: 'NOT_FOUND', released };
}

/** Asking at an operator's wish, after the schedule is over. */
export interface AskingWhenTold {
  /** How the operation ended, once an answer has told. */
  readonly outcome: () => IssuerOutcome | undefined;
  /** Whether an answer is being waited for just now. */
  readonly isAsking: () => boolean;
}

/** After GAVE_UP: looks the operation up after every signal `askIssuerNow`, one look at a time, until its outcome is known. */
export function askWhenTold(call: IssuerCall): AskingWhenTold {
  let outcome: IssuerOutcome | undefined;
  let isAsking = false;
  let isWanted = false;
  const look = async (): Promise<void> => {
    const answer = await ask('LOOK_UP', call);
    if (answer.kind === 'NOT_ASKED') return;
    const step = nextIssuerStep(call.operation, 'LOOK_UP', answer.kind);
    if (step === 'END') outcome ??= answer as IssuerOutcome;
    if (step !== 'VOID_THEN_END') return;
    const voided = await ask('CALL', voidOf(call));
    if (voided.kind === 'DONE') outcome ??= notFoundOnce(voided);
  };
  setHandler(
    askIssuerNow,
    async () => {
      // Who asks while an answer is on its way may know that the next one will be better.
      isWanted = true;
      if (isAsking) return;
      isAsking = true;
      try {
        while (isWanted && outcome === undefined) {
          isWanted = false;
          await look();
        }
      } finally {
        isAsking = false;
      }
    },
    { description: 'Ask the issuer once more what became of it. No input.' },
  );
  return { outcome: () => outcome, isAsking: () => isAsking };
}

/**
 * Those of this workflow (each has its own copy of the module) that wait for their next try: a payment's capture and its dispute's
 * may at once, and the signal has one handler.
 */
const waiting = new Set<() => void>();

/** Also where no worker takes it. */
const LAST_LOOK_MS = 30_000;

/** One look-up that is not waited for long: what it told, or undefined if it told nothing. */
export async function lookUpOnce(
  call: IssuerCall,
): Promise<Exclude<IssuerOutcome, { kind: 'GAVE_UP' }> | undefined> {
  const answer = await ask('LOOK_UP', call, LAST_LOOK_MS);
  return answer.kind === 'NOT_ASKED' || answer.kind === 'UNKNOWN' ? undefined : answer;
}

/** @returns false when no further try comes */
async function waitForNextTry(
  call: IssuerCall,
  inVain: number,
  why: string,
  show: (details: string) => void,
): Promise<boolean> {
  const atMs = askAgainAtMs(ISSUER_RETRY, { asked: inVain, answeredAtMs: Date.now() });
  if (atMs === undefined) {
    log.warn('the issuer gave no answer in all tries', { key: call.key, operation: call.operation });
    return false;
  }
  let isAskedNow = false;
  const askNow = (): void => {
    isAskedNow = true;
  };
  waiting.add(askNow);
  setHandler(
    askIssuerNow,
    () => {
      for (const it of waiting) it();
    },
    { description: 'Do not wait for the schedule: ask the issuer now. No input.' },
  );
  show(
    `**Waiting for issuer** \`${call.issuerId}\`: what became of ${call.operation} \`${call.key}\` is unknown (${why}).\n\n` +
      `Asked ${inVain} of ${ISSUER_RETRY.length + 1} times, again at ${new Date(atMs).toISOString()} or on signal \`askIssuerNow\`. ` +
      `Every try: \`GET /v1/issuers/${call.issuerId}/attempts?key=${call.key}\`.`,
  );
  await condition(() => isAskedNow, Math.max(1, atMs - Date.now()), {
    summary: `${call.operation} unknown, ask again`,
  });
  waiting.delete(askNow);
  return true;
}

type Asked = IssuerAnswer | { readonly kind: 'NOT_ASKED'; readonly why: string };

/** One activity, tried once: of a second try nobody would know whether it was the first. */
async function ask(way: IssuerWay, call: IssuerCall, withinMs?: number): Promise<Asked> {
  const activities = proxyActivities<ReturnType<typeof createIssuerActivities>>({
    taskQueue: issuerTaskQueue(workflowInfo().taskQueue),
    startToCloseTimeout: '15s',
    ...(withinMs === undefined ? {} : { scheduleToCloseTimeout: withinMs }),
    retry: { maximumAttempts: 1 },
    summary: way === 'CALL' ? call.operation : `look up ${call.operation}`,
  });
  try {
    return way === 'CALL'
      ? await activities.askIssuer(call)
      : await activities.lookUpIssuer({ issuerId: call.issuerId, key: call.key });
  } catch (error) {
    if (!(error instanceof ActivityFailure)) throw error;
    const { cause } = error;
    if (cause instanceof ApplicationFailure && cause.type === 'IssuerNotAsked') {
      return { kind: 'NOT_ASKED', why: cause.message };
    }
    // The worker died or hung while it asked.
    return { kind: 'UNKNOWN', why: 'the worker that asked did not report' };
  }
}
