/** What kinds of breaks a comparison finds; the issuers' `unknown_outcome` is written where it happens. */
export const COMPARED_CLASSES = ['missing_ours', 'missing_theirs', 'amount_differs', 'late'] as const;
export type ComparedClass = (typeof COMPARED_CLASSES)[number];

export const BREAK_CLASSES = [...COMPARED_CLASSES, 'unknown_outcome'] as const;
export type BreakClass = (typeof BREAK_CLASSES)[number];

/** Days from the day that is compared: what decides about a day is at most two days off. */
export const OFFSETS = [-2, -1, 0, 1, 2] as const;
export type Offset = (typeof OFFSETS)[number];

/** Signed minor units by day; a day without an amount has nothing under that reference. */
export type Amounts = Readonly<Partial<Record<Offset, number>>>;

/** What both sides have under one reference on the day compared and around it. */
export interface Position {
  readonly reference: string;
  readonly ours: Amounts;
  readonly theirs: Amounts;
  /** The amounts are equal but moved between other accounts than they should have. */
  readonly isElsewhere?: boolean;
}

export interface Difference {
  readonly class: ComparedClass;
  readonly reference: string;
  readonly oursAmount?: number;
  readonly theirsAmount?: number;
  /** On which day theirs has it, if not on ours. */
  readonly theirsOffset?: -1 | 1;
  readonly isElsewhere?: boolean;
}

/**
 * Compares what two sides have under one reference. Nothing is said if they agree, and nothing about what theirs has
 * here that belongs to a neighbouring day of ours: that day says it.
 *
 * `late`: theirs has the same amount on the day after, or, failing that, the day before. Another amount there is
 * `amount_differs`: money weighs more than time.
 */
export function compare({ reference, ours, theirs, isElsewhere }: Position): Difference | undefined {
  const oursAmount = ours[0];
  const theirsAmount = theirs[0];
  if (oursAmount !== undefined && theirsAmount !== undefined) {
    if (oursAmount !== theirsAmount) return { class: 'amount_differs', reference, oursAmount, theirsAmount };
    return isElsewhere === true
      ? { class: 'amount_differs', reference, oursAmount, theirsAmount, isElsewhere }
      : undefined;
  }
  if (oursAmount !== undefined) {
    const theirsOffset = bookedOn({ ours, theirs }, 0);
    const elsewhere = theirsOffset === undefined ? undefined : theirs[theirsOffset];
    if (theirsOffset === undefined || elsewhere === undefined)
      return { class: 'missing_theirs', reference, oursAmount };
    const found = elsewhere === oursAmount ? 'late' : 'amount_differs';
    return { class: found, reference, oursAmount, theirsAmount: elsewhere, theirsOffset };
  }
  if (theirsAmount === undefined) return undefined;
  const belongsToNeighbour = bookedOn({ ours, theirs }, -1) === 1 || bookedOn({ ours, theirs }, 1) === -1;
  return belongsToNeighbour ? undefined : { class: 'missing_ours', reference, theirsAmount };
}

/**
 * On which neighbouring day, as an offset from `day`, theirs booked what ours has on `day` and theirs lacks there. A
 * booking that ours has on that day too is not it, and no booking is taken by two days: the earlier day comes first.
 */
function bookedOn(it: { ours: Amounts; theirs: Amounts }, day: -1 | 0 | 1): -1 | 1 | undefined {
  const ours = (offset: number): boolean => it.ours[offset as Offset] !== undefined;
  const theirs = (offset: number): boolean => it.theirs[offset as Offset] !== undefined;
  const isFree = (offset: number): boolean => theirs(offset) && !ours(offset);
  const isUnmatched = (offset: number): boolean => ours(offset) && !theirs(offset);
  if (!isUnmatched(day)) return undefined;
  if (isFree(day + 1)) return 1;
  if (isFree(day - 1) && !isUnmatched(day - 2)) return -1;
  return undefined;
}

export const COUNTERPARTS = ['LEDGER', 'MERCHANT_FILE', 'DEVICE_JOURNAL', 'ISSUER'] as const;
export type Counterpart = (typeof COUNTERPARTS)[number];

const NAME_OF = {
  LEDGER: 'the ledger',
  MERCHANT_FILE: "the merchant's file",
  DEVICE_JOURNAL: "the phone's journal",
  ISSUER: 'the issuer',
} as const satisfies Record<Counterpart, string>;

/** A difference in a sentence, for whoever has to clear it. */
export function describeDifference(it: Difference, counterpart: Counterpart): string {
  const theirs = NAME_OF[counterpart];
  const ours = `our books have ${it.oursAmount ?? 'nothing'}`;
  const day =
    it.theirsOffset === 1 ? ' on the day after' : it.theirsOffset === -1 ? ' on the day before' : '';
  if (it.isElsewhere === true) return `${ours}, ${theirs} has it between other accounts`;
  return `${ours}, ${theirs} has ${it.theirsAmount ?? 'nothing'}${day}`;
}
