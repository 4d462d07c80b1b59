import { DEFAULT_CODE_PREFIX } from '../../domain/code/format.ts';
import { offlineCode, OFFLINE_PERIOD_MS, timeStep } from '../../domain/code/offline.ts';
import { apiClient, type Answer, type ApiCall } from './client.ts';
import { expectStatus, type GivenPayer, type Target } from './givens.ts';
import { until } from './until.ts';

/** A phone with an offline key, whose clock the test turns. */
export interface OfflinePhone {
  readonly deviceId: string;
  readonly handle: string;
  readonly call: ApiCall;
  /** The code that the phone shows in a step. */
  code(step: number): Promise<string>;
  /** Sends a journal of these steps' codes, covering from the first step's beginning to `toStep`'s end. */
  journal(it: { steps: readonly number[]; fromStep: number; toStep: number }): Promise<Answer<JournalAnswer>>;
}

export interface JournalAnswer {
  results: { entryId: string; outcome: string; payment?: { paymentId: string; reconciliation?: string } }[];
}

/** The step that is now. */
export const stepNow = (): number => timeStep(Date.now());

/** The step before this one, which a journal can cover already, with seconds left in which its code is still good. */
export async function lastStep(): Promise<number> {
  await until('a step with time left', () => Date.now() % OFFLINE_PERIOD_MS < OFFLINE_PERIOD_MS - 5_000);
  return stepNow() - 1;
}

export const startOf = (step: number): string => new Date(step * OFFLINE_PERIOD_MS).toISOString();

/** An offline key for a payer's phone. */
export async function givenOfflinePhone(phone: { deviceId: string; call: ApiCall }): Promise<OfflinePhone> {
  const issued = await phone.call<{ handle: string; key: string }>('POST', '/v1/offline-keys');
  expectStatus(issued, 200);
  const { handle } = issued.body;
  const key = Buffer.from(issued.body.key, 'base64url');
  const code = (step: number): Promise<string> =>
    offlineCode({ prefix: DEFAULT_CODE_PREFIX, handle, key, step });
  return {
    deviceId: phone.deviceId,
    handle,
    call: phone.call,
    code,
    async journal({ steps, fromStep, toStep }) {
      const entries = await Promise.all(
        steps.map(async (step) => ({
          entryId: `shown-${step}`,
          code: await code(step),
          displayedAt: startOf(step),
          clockOffsetMs: 0,
        })),
      );
      return phone.call('POST', '/v1/journals', {
        entries,
        coversFrom: startOf(fromStep),
        coversTo: startOf(toStep + 1),
      });
    },
  };
}

/** One more phone of a payer, with a key of its own. */
export async function givenAnotherPhone(stack: Target, payer: GivenPayer): Promise<OfflinePhone> {
  const admin = apiClient(stack.baseUrl, stack.adminKey);
  const enrolment = await admin<{ enrolmentCode: string }>('POST', `/v1/users/${payer.userId}/enrolments`);
  expectStatus(enrolment, 201);
  const device = await apiClient(stack.baseUrl)<{ deviceId: string; deviceToken: string }>(
    'POST',
    '/v1/devices',
    { enrolmentCode: enrolment.body.enrolmentCode, deviceName: 'another phone' },
  );
  expectStatus(device, 201);
  const { deviceId, deviceToken } = device.body;
  return givenOfflinePhone({ deviceId, call: apiClient(stack.baseUrl, deviceToken) });
}

/** Does something within one step, again if a step's border went by meanwhile. */
export async function withinOneStep<T>(act: (step: number) => Promise<T>): Promise<T> {
  for (;;) {
    const step = stepNow();
    const result = await act(step);
    if (stepNow() === step) return result;
  }
}
