/**
 * Luhn check digit (ISO/IEC 7812-1 annex B) of a string of decimal digits.
 * From the right, every other digit starting with the last is doubled, digits of the products are summed.
 */
export function luhnCheckDigit(digits: string): string {
  return String((10 - (weightedSum(digits, 1) % 10)) % 10);
}

/** True if the last digit of `digits` is the Luhn check digit of the rest. */
export function hasValidLuhn(digits: string): boolean {
  return digits.length > 1 && /^\d+$/.test(digits) && weightedSum(digits, 0) % 10 === 0;
}

function weightedSum(digits: string, doubledFromRight: 0 | 1): number {
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    const digit = digits.charCodeAt(digits.length - 1 - i) - 48;
    const isDoubled = (i + doubledFromRight) % 2 === 1;
    const product = isDoubled ? digit * 2 : digit;
    sum += product > 9 ? product - 9 : product;
  }
  return sum;
}
