"""People's keys: phones and e-mails become keyed hashes before anything is stored (docs/method.md, privacy).

Same person, same hash: E.164 for phones, trimmed lower case for e-mails, then HMAC-SHA256 with the installation's key.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable

_NOT_DIGITS = re.compile(r"[^0-9]")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}")
# The @ plain, percent-encoded (%40), or encoded again and again (%2540). Each run of letters is read once, so that a long one
# costs its length and no more.
_EMAIL_IN_TEXT = re.compile(r"(?<![\w.+-])[\w.+-]++(?:@|%(?:25){0,3}40)[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}", re.IGNORECASE)
# User and password in an address: what stands between its // and @, plain or percent-encoded (again and again).
_CREDENTIALS_IN_TEXT = re.compile(
    r"(?P<plain>//)[^\s/?#\"'<>]+(?:@|%40)"
    r"|(?P<packed>%(?P<deep>(?:25){0,3})2F%(?P=deep)2F)(?:(?!%(?P=deep)(?:2F|3F|23))[^\s/?#&])+(?:@|%(?P=deep)40)",
    re.IGNORECASE,
)
# International form, the Russian forms 8/7 + ten digits, or a mobile's ten digits (9…) alone, with the separators people use.
# A longer run of digits or hex (ad ids, click ids, UUIDs) is no phone, so that it survives.
_NEXT = r"(?:[\s().\u2010-\u2015-]|%20|%28|%29){0,2}\d"
_PHONE_IN_TEXT = re.compile(
    rf"(?<![\w%])(?<!\d[.-])(?:(?:\+|%2B)\d(?:{_NEXT}){{9,14}}|[78](?:{_NEXT}){{10}}|(?:\(|%28)?9\d\d(?:{_NEXT}){{7}})(?!\w)",
    re.IGNORECASE,
)


def normal_phone(text: str, country_code: str = "7", trunk_prefix: str = "8") -> str | None:
    """Phone as people and PBXs write it → E.164 (`+79000000017`), or None when it cannot be one.

    Knows `+7…`, `8…` (trunk), `007…`, `7…`, ten national digits, and a plus decoded to a space (payload facts, 0.2).
    """
    plus = text.strip().startswith("+")
    digits = _NOT_DIGITS.sub("", text)
    if not plus and digits.startswith("00"):
        digits, plus = digits[2:], True
    if not plus:
        if len(digits) == 10:
            digits = country_code + digits
        elif len(digits) == 11 and digits.startswith(trunk_prefix):
            digits = country_code + digits[1:]
    return f"+{digits}" if 8 <= len(digits) <= 15 else None


def normal_email(text: str) -> str | None:
    """Trimmed and lower-cased, or None when it is not an address."""
    email = text.strip().lower()
    return email if _EMAIL.fullmatch(email) else None


def keyed_hash(kind: str, normal: str, key: bytes) -> str:
    """First 32 hex digits of HMAC-SHA256(key, kind:normal)."""
    return hmac.new(key, f"{kind}:{normal}".encode(), hashlib.sha256).hexdigest()[:32]


def phone_hash(text: str | None, key: bytes) -> str | None:
    """Keyed hash of a phone in any spelling; None where there is none to hash."""
    normal = normal_phone(text) if text else None
    return keyed_hash("phone", normal, key) if normal else None


def email_hash(text: str | None, key: bytes) -> str | None:
    """Keyed hash of an e-mail; None where there is none to hash."""
    normal = normal_email(text) if text else None
    return keyed_hash("email", normal, key) if normal else None


def numbers_of(phones: Iterable[str]) -> frozenset[str]:
    """The last ten digits of each phone: the national number, however its country is written. For `private_id`."""
    return frozenset(normal[1:][-10:] for phone in phones if (normal := normal_phone(phone)))


def private_id(text: str, numbers: frozenset[str], key: bytes, *, is_open: bool = False) -> str:
    """An id as it is; one that holds a phone or an e-mail becomes its keyed hash, the same in every door: it still names one thing.

    Digits alone may be somebody's own count, so they stay, unless a phone of the people concerned (`numbers_of`) is in them, or the
    field is open to anything (`is_open`) and they look like a phone.
    """
    digits = _NOT_DIGITS.sub("", text)
    is_contact = (is_open or digits != text) and redact(text) != text
    is_known = any(digits[at : at + size] in numbers for size in (8, 9, 10) for at in range(len(digits) - size + 1))
    return keyed_hash("id", text, key) if is_contact or is_known else text


def may_hold_at(text: str) -> bool:
    """Whether an @ may be in a text, plain or percent-encoded: where there is none, no e-mail is and no password."""
    return "@" in text or ("%" in text and "40" in text)


def without_credentials(text: str) -> str:
    """Text whose addresses tell no user and no password."""
    return _CREDENTIALS_IN_TEXT.sub(lambda found: found["plain"] or found["packed"], text) if may_hold_at(text) else text


def redact_emails(text: str) -> str:
    """Text with e-mails replaced by `[email]` and without the credentials of addresses; digits stay: for ad marks, whose ids may
    look like phones."""
    return _EMAIL_IN_TEXT.sub("[email]", without_credentials(text)) if may_hold_at(text) else text


def redact(text: str) -> str:
    """Text with e-mails and phones replaced by `[email]` and `[phone]`: what may enter lake, rejects and logs."""
    return _PHONE_IN_TEXT.sub("[phone]", redact_emails(text))
