#!/usr/bin/env python3
"""Test vectors of the offline code (docs/offline-code.md), by an implementation of its own.

Written from RFC 4226, RFC 6238 and ISO/IEC 7812-1 with Python's standard library alone; it shares no line with the program.
    python3 docs/offline-code-vectors.py > docs/offline-code-vectors.json
"""

import hashlib
import hmac
import json

PERIOD_MS = 30_000
DIGITS = 6
PREFIX = "999901"
MODE_OFFLINE = "2"


def hotp(key: bytes, counter: int, digits: int) -> str:
    """RFC 4226 section 5.3, with HMAC-SHA-256 as RFC 6238 section 1.2 allows."""
    mac = hmac.new(key, counter.to_bytes(8, "big"), hashlib.sha256).digest()
    offset = mac[-1] & 0x0F
    number = int.from_bytes(mac[offset : offset + 4], "big") & 0x7FFFFFFF
    return str(number % 10**digits).zfill(digits)


def luhn(payload: str) -> str:
    """Check digit after ISO/IEC 7812-1 annex B: the last digit of the payload is doubled first."""
    doubled = [sum(divmod(2 * int(d), 10)) for d in payload[::-1][0::2]]
    single = [int(d) for d in payload[::-1][1::2]]
    return str(-(sum(doubled) + sum(single)) % 10)


def vector(about: str, key: bytes, handle: str, time_ms: int) -> dict:
    step = time_ms // PERIOD_MS
    password = hotp(key, step, DIGITS)
    payload = PREFIX + MODE_OFFLINE + handle + password
    return {
        "about": about,
        "keyHex": key.hex(),
        "handle": handle,
        "timeMs": time_ms,
        "step": step,
        "password": password,
        "code": payload + luhn(payload),
    }


def derived(name: str) -> tuple:
    """A key and a handle that everybody can make again: SHA-256 of a name."""
    key = hashlib.sha256(f"kessai offline key {name}".encode()).digest()
    number = int.from_bytes(hashlib.sha256(f"kessai handle {name}".encode()).digest(), "big")
    return key, str(number % 10**10).zfill(10)


def first_step(key: bytes, start: int, wanted) -> int:
    step = start
    while not wanted(hotp(key, step, DIGITS)):
        step += 1
    return step


def all_vectors() -> list:
    found = []

    # RFC 6238 Appendix B, SHA256: its seed, its times; the passwords are the last six of its eight digits.
    seed = b"12345678901234567890123456789012"
    appendix = [
        (59, "46119246"),
        (1111111109, "68084774"),
        (1111111111, "67062674"),
        (1234567890, "91819424"),
        (2000000000, "90698825"),
        (20000000000, "77737706"),
    ]
    for seconds, password in appendix:
        assert hotp(seed, seconds // 30, 8) == password
        found.append(vector(f"RFC 6238 Appendix B, {seconds} s", seed, "0000000000", seconds * 1000))

    key, handle = derived("worked example")
    noon = 1_795_316_400_000  # 2026-11-22T03:00:00Z
    found.append(vector("the worked example of docs/offline-code.md", key, handle, noon + 15_000))

    key, handle = derived("step borders")
    for about, time_ms in [
        ("the first millisecond of Unix time", 0),
        ("the last millisecond of step 0", 29_999),
        ("the first millisecond of step 1", 30_000),
        ("the last millisecond before a step", noon - 1),
        ("the first millisecond of a step", noon),
        ("the last millisecond of a step", noon + 29_999),
        ("the first millisecond of the next step", noon + 30_000),
    ]:
        found.append(vector(about, key, handle, time_ms))

    key, handle = derived("leading zeros")
    start = noon // PERIOD_MS
    for zeros in (1, 2, 3, 4):
        step = first_step(key, start, lambda it: it.startswith("0" * zeros) and it[zeros] != "0")
        found.append(vector(f"a password with {zeros} leading zeros", key, handle, step * PERIOD_MS))
    step = first_step(key, start, lambda it: it.endswith("000"))
    found.append(vector("a password that ends with zeros", key, handle, step * PERIOD_MS))

    key, _ = derived("handles")
    for handle in ("0000000000", "0000000001", "9999999999", "0123456789"):
        found.append(vector(f"handle {handle}", key, handle, noon))

    found.append(vector("a key of zero bytes", bytes(32), "1234567890", noon))
    found.append(vector("a key of bytes 255", b"\xff" * 32, "1234567890", noon))
    found.append(vector("a key of bytes 0 to 31", bytes(range(32)), "1234567890", noon))

    key, handle = derived("large steps")
    for about, step in [
        ("the last step of 31 bits", 2**31 - 1),
        ("the first step of 32 bits", 2**31),
        ("the last step of 32 bits", 2**32 - 1),
        ("the first step of 33 bits", 2**32),
    ]:
        found.append(vector(about, key, handle, step * PERIOD_MS))

    for name in ("a", "b", "c", "d"):
        key, handle = derived(name)
        found.append(vector(f"another key and handle, {name}", key, handle, noon + 7 * 86_400_000))
    return found


print(
    json.dumps(
        {
            "about": "Offline codes computed by docs/offline-code-vectors.py; docs/offline-code.md says how they are made.",
            "algorithm": "HMAC-SHA-256",
            "periodMs": PERIOD_MS,
            "digits": DIGITS,
            "prefix": PREFIX,
            "vectors": all_vectors(),
        },
        indent=2,
    )
)
