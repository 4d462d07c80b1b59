/** What may be paid offline, by one user on all devices. */
export interface OfflineLimits {
  /** Minor units a payment. */
  readonly maxAmount: number;
  readonly currency: string;
  /** Payments in any 24 hours. */
  readonly maxPer24h: number;
  /** Payments in any 30 days. */
  readonly maxPer30d: number;
}

/** Rules of offline keys and of the payments made with them that are data, not code. */
export interface OfflinePolicy {
  readonly version: string;
  /** A key serves that long after its device last reached the server. */
  readonly freshnessMs: number;
  /** A key is given again for that long; whoever asks later gets a new one. */
  readonly refreshAfterMs: number;
  readonly limits: OfflineLimits;
  /** So many wrong passwords of a handle within the window block it for a while. */
  readonly throttle: {
    readonly maxFailures: number;
    readonly windowMs: number;
    readonly blockMs: number;
  };
  /** How long the device's journal is waited for after a payment. */
  readonly journalDeadlineMs: number;
}

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

export const OFFLINE_POLICY: OfflinePolicy = {
  version: '2026-11',
  freshnessMs: 7 * DAY_MS,
  refreshAfterMs: DAY_MS,
  limits: { maxAmount: 50_000, currency: 'JPY', maxPer24h: 5, maxPer30d: 10 },
  throttle: { maxFailures: 10, windowMs: 10 * MINUTE_MS, blockMs: 5 * MINUTE_MS },
  journalDeadlineMs: 7 * DAY_MS,
};
