import { expect, it } from 'vitest';
import { nextContact } from '../../../domain/dunning/next-contact.ts';
import { DUNNING_POLICY } from '../../../domain/dunning/policy.ts';
import { daysBetween, stageOf } from '../../../domain/dunning/stage.ts';
import { calendarOf, KOLKATA, NEW_YORK, TOKYO } from './zones.ts';

const DAY_MS = 86_400_000;
const CALENDARS = [TOKYO, NEW_YORK, KOLKATA].map((zone) => calendarOf(zone));
const START_MS = Date.UTC(2026, 5, 1);
const CAMPAIGNS = 100_000;

/** A campaign of 90 days at the most; every third message is opened if `reads`. */
function play(campaign: number): number {
  const calendar = CALENDARS[campaign % CALENDARS.length] ?? calendarOf(TOKYO);
  const reads = campaign % 2 === 0;
  const registeredMs = START_MS + campaign * 1_000;
  const sentMs: number[] = [];
  let lastOpenedMs: number | undefined;
  let stage: number | undefined;
  for (let nowMs = registeredMs; ;) {
    const facts = { registeredMs, dueOn: '2026-05-31', sentMs, lastOpenedMs };
    const next = nextContact(facts, DUNNING_POLICY, calendar, nowMs);
    if (next.kind === 'EXHAUSTED' || next.atMs > registeredMs + 90 * DAY_MS) return sentMs.length;
    nowMs = next.atMs;
    stage = stageOf(DUNNING_POLICY.stages, daysBetween('2026-05-31', calendar.dayAt(nowMs).day), stage);
    sentMs.push(nowMs);
    if (reads && sentMs.length % 3 === 0) lastOpenedMs = nowMs + 1;
  }
}

it(
  '100,000 campaigns over 90 days go through the rules in under ten seconds on one core',
  { timeout: 60_000 },
  () => {
    const before = process.cpuUsage();
    let contacts = 0;
    for (let i = 0; i < CAMPAIGNS; i += 1) contacts += play(i);
    const { user, system } = process.cpuUsage(before);
    const seconds = (user + system) / 1e6;
    process.stdout.write(`${contacts} contacts planned in ${seconds.toFixed(2)} s of CPU\n`);
    expect(contacts).toBeGreaterThan(20 * CAMPAIGNS);
    expect(seconds).toBeLessThan(10);
  },
);
