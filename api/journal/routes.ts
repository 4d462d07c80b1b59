import { createHash } from 'node:crypto';
import { WithStartWorkflowOperation } from '@temporalio/client';
import type { CodeDigester } from '../../db/code-digest.ts';
import { newId } from '../../db/id.ts';
import { assertDefined } from '../../domain/assert.ts';
import { parseCode } from '../../domain/code/format.ts';
import { OFFLINE_PERIOD_MS, splitOfflineBody, timeStep } from '../../domain/code/offline.ts';
import type { JournalEntry } from '../../domain/journal/journal.ts';
import { journalWorkflowId, submitJournal, type JournalInput } from '../../workflows/journal/contract.ts';
import type { ApiDeps } from '../deps.ts';
import { unavailable } from '../http/problem.ts';
import { route, type Route } from '../http/route.ts';
import {
  journalEntry,
  journalExample,
  journalReply,
  journalRequest,
  type JournalRequest,
} from './schemas.ts';

/** A phone that was offline tells which codes it has shown. */
export function journalRoutes(deps: ApiDeps): Route[] {
  return [
    route({
      method: 'post',
      path: '/v1/journals',
      tag: 'Codes',
      summary: "Send the phone's journal of offline codes",
      description:
        'Confirms offline payments. A payment whose whole 30-second step lies within `coversFrom`..`coversTo` and that no journal of this device has is DISPUTED and ' +
        'its offline key revoked, so a journal must have every code that was on the screen in that time. Journals may come late, in any order, overlap and repeat. ' +
        'Send PENDING entries again later. One bad entry is INVALID and blocks no other.',
      roles: ['device'],
      body: journalRequest,
      example: journalExample,
      responses: { 200: { description: 'One result per entry, in the order sent.', schema: journalReply } },
      async handle({ body, principal }) {
        const deviceId = assertDefined(principal.deviceId ?? undefined);
        const results = await submit(deps, {
          ...toInput(deps, body, deviceId),
          deviceId,
          userId: principal.tenantId,
        });
        return { status: 200, body: { results } };
      },
    }),
  ];
}

function toInput(
  deps: ApiDeps,
  body: JournalRequest,
  deviceId: string,
): Omit<JournalInput, 'deviceId' | 'userId'> {
  const text = JSON.stringify([deviceId, body]);
  return {
    journalId: createHash('sha256').update(text).digest('hex').slice(0, 32),
    coversFrom: new Date(body.coversFrom).toISOString(),
    coversTo: new Date(body.coversTo).toISOString(),
    entries: body.entries.map((it) => toEntry(deps, it)),
  };
}

/**
 * Codes go no further than this. A code that can be read is named by the journal, whatever else is wrong with its entry: an
 * honest phone with a bad field must not look like one that never showed the code.
 */
function toEntry({ codePrefix, digestCode }: ApiDeps, raw: unknown): JournalEntry {
  const code = fieldOf(raw, 'code');
  const read = typeof code === 'string' ? parseCode(code, codePrefix) : undefined;
  const isOurs = read?.kind === 'code' && read.mode === 'OFFLINE';
  const named = isOurs
    ? { ...digestsOf(digestCode, code as string), offlineHandle: splitOfflineBody(read.body).handle }
    : { codeDigest: null, offlineHandle: null };
  const parsed = journalEntry.safeParse(raw);
  if (!isOurs || !parsed.success) {
    return {
      entryId: entryIdOf(raw),
      isValid: false,
      ...named,
      displayedAt: null,
      clockOffsetMs: 0,
      usableUntil: null,
    };
  }
  const { entryId, displayedAt, clockOffsetMs } = parsed.data;
  const displayedAtMs = Date.parse(displayedAt);
  // A till may send the code until the step after its own is over.
  const usableUntilMs = (timeStep(displayedAtMs + clockOffsetMs) + 2) * OFFLINE_PERIOD_MS;
  return {
    entryId,
    isValid: true,
    ...named,
    displayedAt: new Date(displayedAtMs).toISOString(),
    clockOffsetMs,
    usableUntil: new Date(usableUntilMs).toISOString(),
  };
}

function digestsOf(digestCode: CodeDigester, code: string) {
  const older = digestCode.older(code);
  return { codeDigest: digestCode(code), ...(older.length === 0 ? {} : { olderCodeDigests: older }) };
}

function fieldOf(raw: unknown, name: string): unknown {
  return typeof raw === 'object' && raw !== null ? (raw as Record<string, unknown>)[name] : undefined;
}

function entryIdOf(raw: unknown): string {
  const id = fieldOf(raw, 'entryId');
  // No half characters or zero bytes: Postgres keeps neither.
  return typeof id === 'string' ? id.slice(0, 64).replace(/[\p{Cc}\p{Cs}]/gu, '?') : '';
}

async function submit(deps: ApiDeps, input: JournalInput) {
  const startWorkflowOperation = new WithStartWorkflowOperation('journal', {
    workflowId: journalWorkflowId(input.deviceId, input.journalId),
    taskQueue: deps.taskQueue,
    args: [input],
    workflowIdConflictPolicy: 'USE_EXISTING',
    // The same journal again is looked at again: what was PENDING may be known by now.
    workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    staticSummary: `journal of ${input.entries.length} entries`,
  });
  try {
    return await deps.temporal.withDeadline(Date.now() + deps.tillDeadlineMs, () =>
      deps.temporal.workflow.executeUpdateWithStart(submitJournal, {
        // One of its own: the answer to an earlier one is kept with the run that gave it, and would be all that is heard.
        updateId: newId('req'),
        startWorkflowOperation,
      }),
    );
  } catch (error) {
    deps.log.warn({ err: error }, 'a journal is not recorded yet');
    throw unavailable('The journal is not recorded yet. Send it again; repeating is safe.');
  }
}
