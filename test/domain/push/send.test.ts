import { describe, expect, it } from 'vitest';
import { MAX_PAYLOAD_BYTES, neutralBody, pushPayload, type PushText } from '../../../domain/push/payload.ts';
import { pushReaction, type PushTry } from '../../../domain/push/send.ts';

const HOUR_MS = 3_600_000;

const reaction = (it: Partial<PushTry>) =>
  pushReaction({ triesDone: 1, isShort: false, nowMs: 0, untilMs: 72 * HOUR_MS, random: 0.5, ...it });

describe('what follows from a push service’s answer', () => {
  it.each([
    [200, 'ACCEPTED'],
    [201, 'ACCEPTED'],
    [202, 'ACCEPTED'],
    [404, 'GONE'],
    [410, 'GONE'],
    [413, 'SHORTEN'],
    [429, 'RETRY'],
    [500, 'RETRY'],
    [503, 'RETRY'],
    [undefined, 'RETRY'],
    [301, 'REFUSED'],
    [400, 'REFUSED'],
    [401, 'REFUSED'],
    [403, 'REFUSED'],
  ] as const)('%s: %s', (statusCode, kind) => {
    expect(reaction({ statusCode }).kind).toBe(kind);
  });

  it('413 a second time: REFUSED', () => {
    expect(reaction({ statusCode: 413, isShort: true }).kind).toBe('REFUSED');
  });

  it('pauses double from 10 s to 1 h; Retry-After makes one longer, never shorter', () => {
    const delay = (triesDone: number, retryAfterMs?: number) => {
      const it = reaction({ statusCode: 503, triesDone, retryAfterMs });
      return it.kind === 'RETRY' ? it.delayMs / 1000 : it.kind;
    };
    expect([1, 2, 3, 9, 10, 50].map((it) => delay(it))).toEqual([10, 20, 40, 2_560, 3_600, 3_600]);
    expect(delay(1, 7_200_000)).toBe(7_200);
    expect(delay(3, 1_000)).toBe(40);
  });

  it('a try that would come after the message’s time: EXPIRED', () => {
    expect(reaction({ statusCode: 429, retryAfterMs: 73 * HOUR_MS }).kind).toBe('EXPIRED');
    expect(reaction({ statusCode: 500, nowMs: 72 * HOUR_MS - 5_000 }).kind).toBe('EXPIRED');
  });
});

describe('a payload', () => {
  const text: PushText = {
    messageId: 'msg_1',
    kind: 'DUNNING',
    title: 'お支払い',
    body: '12,300 JPY',
    pushBody: neutralBody('ja'),
    link: '/wallet/repay/d?message=msg_1',
    topic: 'topic',
    createdAt: '2026-11-22T00:00:00.000Z',
  };
  const bytes = (it: string) => Buffer.byteLength(it);

  it('has the amount only where it may', () => {
    expect(pushPayload(text, { showAmounts: false, isShort: false })).not.toContain('12,300');
    expect(pushPayload(text, { showAmounts: true, isShort: false })).toContain('12,300');
  });

  it('that would be too long loses the end of its body, whole characters only', () => {
    for (const character of ['あ', 'a', '😀', '"', '\n']) {
      const long = { ...text, body: character.repeat(5_000) };
      const payload = pushPayload(long, { showAmounts: true, isShort: false });
      expect(bytes(payload)).toBeLessThanOrEqual(MAX_PAYLOAD_BYTES);
      expect(bytes(payload)).toBeGreaterThan(MAX_PAYLOAD_BYTES - 10);
      const { body } = JSON.parse(payload) as { body: string };
      expect(body).not.toMatch(/\p{Cs}/u);
      expect(new Set(body)).toEqual(new Set(character));
    }
  });

  it('that was too long for a service has no body', () => {
    const { body, ...rest } = JSON.parse(pushPayload(text, { showAmounts: true, isShort: true })) as PushText;
    expect(body).toBeUndefined();
    expect(rest).toMatchObject({ messageId: 'msg_1', title: 'お支払い', link: text.link });
  });
});
