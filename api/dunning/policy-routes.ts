import { findDunningPolicy, putDunningPolicy } from '../../db/dunning-policy.ts';
import { DUNNING_POLICY, policyFaults } from '../../domain/dunning/policy.ts';
import { policyChangeWorkflowId, type PolicyChangeInput } from '../../workflows/dunning/contract.ts';
import { dunningTaskQueue } from '../../workflows/task-queue.ts';
import type { ApiDeps } from '../deps.ts';
import { requestHash } from '../http/hash.ts';
import { invalidRequest, notFound, unavailable } from '../http/problem.ts';
import { route, type Route } from '../http/route.ts';
import { applyBody, applyReply, fromPolicy, policyBody, policyView, toPolicy } from './policy-schemas.ts';

const DEADLINE_MS = 5_000;

/** How an issuer's users are reminded: its own rules, in versions. */
export function dunningPolicyRoutes(deps: ApiDeps): Route[] {
  return [
    route({
      method: 'put',
      path: '/v1/dunning/policy',
      tag: 'Dunning',
      summary: "Set the issuer's rules of reminding",
      description:
        'What is left out is as by default. Each change is a new version, for debts that are registered from then on; running campaigns keep theirs until it is applied to them. No legal advice: the defaults follow 貸金業法21条1項 and 12 CFR 1006.6 and 1006.14.',
      roles: ['issuer'],
      body: policyBody,
      example: { baseIntervalHours: 48, quietHours: { from: '20:00', to: '09:00' }, holidays: 'JP' },
      responses: {
        200: { description: 'The rules of this version.', schema: policyView, headers: ['Idempotency-Hit'] },
      },
      async handle({ body, principal }) {
        const policy = toPolicy(body);
        const faults = policyFaults({ version: '', ...policy });
        if (faults.length > 0) {
          throw invalidRequest(
            faults.map((detail) => ({ pointer: '', code: 'CUSTOM', detail, in: 'body' as const })),
          );
        }
        const stored = await putDunningPolicy(deps.pool, {
          issuerId: principal.tenantId,
          policy,
          requestHash: requestHash(policy),
          at: new Date(),
        });
        return {
          status: 200,
          body: fromPolicy(stored.policy),
          headers: stored.result === 'SAME' ? { 'idempotency-hit': 'true' } : {},
        };
      },
    }),
    route({
      method: 'get',
      path: '/v1/dunning/policy',
      tag: 'Dunning',
      summary: "The issuer's rules of reminding, the newest version",
      description: 'The default ones where it has set none.',
      roles: ['issuer'],
      responses: { 200: { description: 'The rules.', schema: policyView } },
      async handle({ principal }) {
        const own = await findDunningPolicy(deps.pool, principal.tenantId);
        return { status: 200, body: fromPolicy(own ?? DUNNING_POLICY) };
      },
    }),
    route({
      method: 'post',
      path: '/v1/dunning/policy/apply',
      tag: 'Dunning',
      summary: 'Move running campaigns to a version of the rules',
      description:
        'The newest one if none is named. Each open debt of the issuer is told by a signal and reckons its next contact anew. Repeating is safe.',
      roles: ['issuer'],
      body: applyBody,
      example: { version: 'v2' },
      responses: {
        202: { description: 'They are being told.', schema: applyReply },
        404: { description: 'NOT_FOUND: the issuer has no rules of its own, or no such version.' },
      },
      async handle({ body, principal: { tenantId: issuerId } }) {
        const policy = await findDunningPolicy(deps.pool, issuerId, body.version);
        if (policy === undefined) throw notFound('version of the rules');
        const { version } = policy;
        const workflowId = policyChangeWorkflowId(issuerId);
        await start(deps, workflowId, { issuerId, version, after: '' });
        return { status: 202, body: { version, workflowId } };
      },
    }),
  ];
}

async function start({ temporal, taskQueue, log }: ApiDeps, workflowId: string, input: PolicyChangeInput) {
  try {
    await temporal.withDeadline(Date.now() + DEADLINE_MS, () =>
      temporal.workflow.start('policyChange', {
        workflowId,
        taskQueue: dunningTaskQueue(taskQueue),
        args: [input],
        // Older rules must not come to a campaign after newer ones.
        workflowIdConflictPolicy: 'TERMINATE_EXISTING',
        workflowIdReusePolicy: 'ALLOW_DUPLICATE',
        staticSummary: `rules ${input.version} of ${input.issuerId} to running campaigns`,
      }),
    );
  } catch (error) {
    log.warn({ err: error }, 'a change of rules was not started');
    throw unavailable('Nothing is known to have changed. Send the same request again.');
  }
}
