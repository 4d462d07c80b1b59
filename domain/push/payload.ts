/** What a message says, in full and for a lock screen. */
export interface PushText {
  readonly messageId: string;
  readonly kind: string;
  readonly title: string;
  readonly body: string;
  /** The body without amounts. */
  readonly pushBody: string;
  readonly link: string;
  readonly topic: string;
  readonly createdAt: string;
}

/** 4,096 bytes on the wire (RFC 8030 section 7.2) less what encryption adds (RFC 8291 section 4). */
export const MAX_PAYLOAD_BYTES = 3_993;

/** The body where amounts are not to be shown and nothing else is left to say. */
const NEUTRAL_BODY = {
  ja: 'アプリで内容をご確認ください。',
  en: 'Open the app to see more.',
} as const;

/** A body that says nothing, in the language of a locale such as `ja` or `en-GB`. */
export function neutralBody(locale: string): string {
  return locale.toLowerCase().split(/[-_]/)[0] === 'ja' ? NEUTRAL_BODY.ja : NEUTRAL_BODY.en;
}

/**
 * What the service worker is given, as JSON. `tag` is the notification's: a later message of the same matter takes the place of the one
 * on the screen, and so does the same message that arrives twice. Amounts only if the user allows them on a lock screen.
 *
 * @param isShort the service found it too long: no body
 */
export function pushPayload(text: PushText, it: { showAmounts: boolean; isShort: boolean }): string {
  const { messageId, kind, title, link, topic, createdAt } = text;
  const head = { messageId, kind, title, link, tag: topic, createdAt };
  if (it.isShort) return JSON.stringify(head);
  const body = Array.from(it.showAmounts ? text.body : text.pushBody);
  for (;;) {
    const payload = JSON.stringify({ ...head, body: body.join('') });
    const excess = utf8Bytes(payload) - MAX_PAYLOAD_BYTES;
    if (excess <= 0) return payload;
    if (body.length === 0) return JSON.stringify(head);
    // A character is at most four bytes, escaped six.
    body.length = Math.max(0, body.length - Math.max(1, Math.ceil(excess / 6)));
  }
}

function utf8Bytes(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const point = character.codePointAt(0) ?? 0;
    bytes += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
  }
  return bytes;
}
