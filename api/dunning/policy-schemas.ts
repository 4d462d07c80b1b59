import { z } from 'zod';
import { DUNNING_POLICY, HOLIDAY_CALENDARS, type DunningPolicy } from '../../domain/dunning/policy.ts';
import { text } from '../http/schemas.ts';

const HOUR_MS = 3_600_000;
const DEFAULTS = DUNNING_POLICY;

const hours = (max: number) => z.number().positive().max(max);
const timeOfDay = z
  .string()
  .regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'A time of the day such as 21:00')
  .meta({ example: '21:00' });

const stageText = z.strictObject({
  title: text(60).refine((it) => !it.includes('{amount}'), 'A title shows on lock screens: no amount'),
  body: text(500).meta({
    description: '`{amount}` and `{dueOn}` stand for what is left to pay and the day it was due.',
  }),
});

const stage = z.strictObject({
  name: z.string().regex(/^[A-Z][A-Z0-9_]{0,39}$/, 'A name in capital letters, such as SECOND_NOTICE'),
  fromDaysOverdue: z.int().min(0).max(3_650),
  texts: z.strictObject({ ja: stageText, en: stageText }),
});

const fields = z.strictObject({
  baseIntervalHours: hours(2_160)
    .default(DEFAULTS.baseIntervalMs / HOUR_MS)
    .meta({ description: 'Pause after a first message that nobody opened.' }),
  unopenedFactor: z
    .number()
    .positive()
    .max(1)
    .default(DEFAULTS.unopenedFactor)
    .meta({ description: 'Each further unopened message makes the pause so many times as long.' }),
  minIntervalHours: hours(2_160).default(DEFAULTS.minIntervalMs / HOUR_MS),
  openedIntervalHours: hours(2_160)
    .default(DEFAULTS.openedIntervalMs / HOUR_MS)
    .meta({ description: 'Pause after a message that was opened.' }),
  maxMessages: z.int().min(1).max(200).default(DEFAULTS.maxMessages),
  maxPer7Days: z.int().min(1).max(21).default(DEFAULTS.maxPer7Days),
  quietHours: z
    .strictObject({ from: timeOfDay, to: timeOfDay })
    .default({ from: clock(DEFAULTS.quietFromMinute), to: clock(DEFAULTS.quietToMinute) })
    .meta({ description: "In the user's zone, from the evening to the morning." }),
  firstContactAt: timeOfDay.default(clock(DEFAULTS.firstContactMinute)),
  holidays: z.enum(HOLIDAY_CALENDARS).default(DEFAULTS.holidays),
  noSignalFlagAfter: z.int().min(1).max(50).default(DEFAULTS.noSignalFlagAfter),
  promiseMaxDays: z.int().min(1).max(365).default(DEFAULTS.promiseMaxDays),
  promiseBrokenWithinDays: z.int().min(0).max(3_650).default(DEFAULTS.promiseBrokenWithinDays),
  noticeAfterPayment: z
    .boolean()
    .default(DEFAULTS.noticeAfterPayment ?? true)
    .meta({ description: "Whether an open debt is named after each of the user's payments." }),
  stages: z
    .array(stage)
    .min(1)
    .max(10)
    .default(() => structuredClone(DEFAULTS.stages) as z.output<typeof stage>[]),
});
type Fields = z.output<typeof fields>;

/** Rules between fields. They are asked whatever else is wrong, so that every fault is heard of at once. */
const RULES: readonly (readonly [string, (it: Fields) => boolean, string])[] = [
  ['baseIntervalHours', (it) => !(it.baseIntervalHours < it.minIntervalHours), 'At least minIntervalHours'],
  [
    'openedIntervalHours',
    (it) => !(it.openedIntervalHours < it.baseIntervalHours),
    'At least baseIntervalHours',
  ],
  [
    'quietHours',
    ({ quietHours }) => !(quietHours.from <= quietHours.to),
    'Quiet hours begin in the evening and end in the morning',
  ],
  [
    'firstContactAt',
    ({ firstContactAt, quietHours }) =>
      !(firstContactAt < quietHours.to || firstContactAt >= quietHours.from),
    'Outside of the quiet hours',
  ],
  [
    'stages',
    ({ stages }) =>
      stages.every((it, i) => i === 0 || !(it.fromDaysOverdue <= (stages[i - 1]?.fromDaysOverdue ?? -1))),
    'Stages begin on days in rising order',
  ],
  ['stages', ({ stages }) => new Set(stages.map((it) => it.name)).size === stages.length, 'Each name once'],
];

export const policyBody = RULES.reduce<z.ZodType<Fields>>(
  (schema, [field, holds, error]) =>
    schema.refine((it) => holdsWhereItCan(() => holds(it)), { error, path: [field], when: () => true }),
  fields,
).meta({ id: 'DunningPolicyOrder' });

export const policyView = fields
  .extend({ version: z.string().meta({ description: 'As in `policyVersion` of debts.' }) })
  .meta({ id: 'DunningPolicy' });
export const applyBody = z
  .strictObject({
    version: z
      .string()
      .regex(/^v\d{1,9}$/, 'A version such as v2')
      .optional()
      .meta({ example: 'v2' }),
  })
  .default({});
export const applyReply = z
  .object({ version: z.string(), workflowId: z.string() })
  .meta({ id: 'DunningPolicyChange' });

/** What is not there or of another type has a fault of its own. */
function holdsWhereItCan(rule: () => boolean): boolean {
  try {
    return rule();
  } catch {
    return true;
  }
}

/** As the rules take it. */
export function toPolicy(it: Fields): Omit<DunningPolicy, 'version'> {
  return {
    baseIntervalMs: it.baseIntervalHours * HOUR_MS,
    unopenedFactor: it.unopenedFactor,
    minIntervalMs: it.minIntervalHours * HOUR_MS,
    openedIntervalMs: it.openedIntervalHours * HOUR_MS,
    maxMessages: it.maxMessages,
    maxPer7Days: it.maxPer7Days,
    quietFromMinute: minuteOf(it.quietHours.from),
    quietToMinute: minuteOf(it.quietHours.to),
    firstContactMinute: minuteOf(it.firstContactAt),
    holidays: it.holidays,
    noSignalFlagAfter: it.noSignalFlagAfter,
    promiseMaxDays: it.promiseMaxDays,
    promiseBrokenWithinDays: it.promiseBrokenWithinDays,
    noticeAfterPayment: it.noticeAfterPayment,
    stages: it.stages,
  };
}

/** As the API shows it. */
export function fromPolicy(it: DunningPolicy): z.output<typeof policyView> {
  return {
    version: it.version,
    baseIntervalHours: it.baseIntervalMs / HOUR_MS,
    unopenedFactor: it.unopenedFactor,
    minIntervalHours: it.minIntervalMs / HOUR_MS,
    openedIntervalHours: it.openedIntervalMs / HOUR_MS,
    maxMessages: it.maxMessages,
    maxPer7Days: it.maxPer7Days,
    quietHours: { from: clock(it.quietFromMinute), to: clock(it.quietToMinute) },
    firstContactAt: clock(it.firstContactMinute),
    holidays: it.holidays,
    noSignalFlagAfter: it.noSignalFlagAfter,
    promiseMaxDays: it.promiseMaxDays,
    promiseBrokenWithinDays: it.promiseBrokenWithinDays,
    noticeAfterPayment: it.noticeAfterPayment ?? true,
    stages: it.stages.map((stage) => ({ ...stage, texts: { ...stage.texts } })),
  };
}

function clock(minute: number): string {
  const two = (n: number): string => String(n).padStart(2, '0');
  return `${two(Math.floor(minute / 60))}:${two(minute % 60)}`;
}

function minuteOf(time: string): number {
  return Number(time.slice(0, 2)) * 60 + Number(time.slice(3));
}
