/** An uncompressed point of P-256 in base64url, as browsers take it (RFC 8292 section 3.2): 65 bytes that begin with 4. */
export const VAPID_PUBLIC_KEY = /^B[A-Za-z0-9_-]{86}$/;
/** Its scalar: 32 bytes. */
export const VAPID_PRIVATE_KEY = /^[A-Za-z0-9_-]{43}$/;
/** Whom a push service can reach (RFC 8292 section 2.1). */
export const VAPID_SUBJECT = /^(mailto:[^@\s]+@[^@\s]+|https:\/\/[^\s/]+\S*)$/;

/** What it takes to send: the pair that push services know us by, and where we may send. */
export interface PushSettings {
  readonly vapid: {
    readonly publicKey: string;
    readonly privateKey: string;
    /** `mailto:` or `https:`. */
    readonly subject: string;
  };
  readonly hosts: readonly string[];
}
