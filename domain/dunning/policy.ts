import { STAGES, type DunningStage } from './stage.ts';

const HOUR_MS = 3_600_000;
const MINUTES_OF_HOUR = 60;

/** Countries whose public holidays are kept free of contacts; `none` keeps no day free. */
export const HOLIDAY_CALENDARS = [
  'none',
  'JP',
  'US',
  'GB',
  'DE',
  'FR',
  'IN',
  'AU',
  'SG',
  'KR',
  'TW',
] as const;
export type HolidayCalendar = (typeof HOLIDAY_CALENDARS)[number];

/** How an issuer's users are reminded. Data: a campaign keeps the policy it began with, by `version`. */
export interface DunningPolicy {
  readonly version: string;
  /** Pause after a first message that nobody opened. */
  readonly baseIntervalMs: number;
  /** Each further unopened message in a row makes the pause so many times as long; above 0, at most 1. */
  readonly unopenedFactor: number;
  /** The pause gets no shorter than this. */
  readonly minIntervalMs: number;
  /** Pause after a message that was opened; at least `baseIntervalMs`. */
  readonly openedIntervalMs: number;
  /** After so many messages, and the pause behind the last, the campaign is exhausted. */
  readonly maxMessages: number;
  /** Any two messages so many apart are at least seven days apart (12 CFR 1006.14(b)(2): more are presumed too many). */
  readonly maxPer7Days: number;
  /** No contact in the user's night, from the evening's minute to the morning's (貸金業法21条1項, 12 CFR 1006.6(b)(1)). */
  readonly quietFromMinute: number;
  readonly quietToMinute: number;
  /** The first contact comes at this local minute of the day after the debt was due. */
  readonly firstContactMinute: number;
  readonly holidays: HolidayCalendar;
  /** So many messages in a row of which the phone has given no sign raise a flag for the issuer. */
  readonly noSignalFlagAfter: number;
  /** A promise protects up to so many days ahead of the day it was given. */
  readonly promiseMaxDays: number;
  /** A promise protects nobody who broke one within so many days before. */
  readonly promiseBrokenWithinDays: number;
  /** Whether an open debt is named after each of the user's payments; yes where it does not say. */
  readonly noticeAfterPayment?: boolean;
  readonly stages: readonly DunningStage[];
}

/** Used where an issuer has none of its own. Defaults after the law of Japan and the US; not legal advice. */
export const DUNNING_POLICY: DunningPolicy = {
  version: '2026-11',
  baseIntervalMs: 72 * HOUR_MS,
  unopenedFactor: 0.5,
  minIntervalMs: 12 * HOUR_MS,
  openedIntervalMs: 120 * HOUR_MS,
  maxMessages: 24,
  maxPer7Days: 7,
  quietFromMinute: 21 * MINUTES_OF_HOUR,
  quietToMinute: 8 * MINUTES_OF_HOUR,
  firstContactMinute: 9 * MINUTES_OF_HOUR,
  holidays: 'none',
  noSignalFlagAfter: 3,
  promiseMaxDays: 31,
  promiseBrokenWithinDays: 60,
  noticeAfterPayment: true,
  stages: STAGES,
};

const MINUTES_OF_DAY = 24 * MINUTES_OF_HOUR;

/** What is wrong with a policy, in words; nothing if it can be kept. */
export function policyFaults(policy: DunningPolicy): string[] {
  const rules: [boolean, string][] = [
    [policy.minIntervalMs > 0, 'minIntervalMs is above 0'],
    [policy.baseIntervalMs >= policy.minIntervalMs, 'baseIntervalMs is at least minIntervalMs'],
    [policy.openedIntervalMs >= policy.baseIntervalMs, 'openedIntervalMs is at least baseIntervalMs'],
    [policy.unopenedFactor > 0 && policy.unopenedFactor <= 1, 'unopenedFactor is above 0 and at most 1'],
    [isCount(policy.maxMessages), 'maxMessages is a whole number from 1'],
    [isCount(policy.maxPer7Days), 'maxPer7Days is a whole number from 1'],
    [
      isMinute(policy.quietToMinute) &&
        isMinute(policy.quietFromMinute) &&
        policy.quietToMinute < policy.quietFromMinute,
      'quiet hours end in the morning and begin in the evening of a day',
    ],
    [isMinute(policy.firstContactMinute), 'firstContactMinute is a minute of a day'],
    [isCount(policy.noSignalFlagAfter), 'noSignalFlagAfter is a whole number from 1'],
    [
      policy.stages.length > 0 &&
        policy.stages.every((it, i) => i === 0 || it.fromDaysOverdue > daysOf(policy.stages[i - 1])),
      'stages begin on days in rising order',
    ],
  ];
  return rules.filter(([holds]) => !holds).map(([, rule]) => rule);
}

function isCount(value: number): boolean {
  return Number.isInteger(value) && value >= 1;
}

function isMinute(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < MINUTES_OF_DAY;
}

function daysOf(stage: DunningStage | undefined): number {
  return stage?.fromDaysOverdue ?? -Infinity;
}
