"""Phones and e-mails of forms, for sites that opted in (`forms.contacts`): hashed into their request, plain for the vault only.

Whatever is not taken (no opt-in, denied consent, no request, unreadable, no key to hash with, too many for the vault) is counted
(`ContactsIgnored`, forms) and gone: it is neither stored nor refused, because a refused hit is kept. The form itself is never lost
for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from shared.errors import TryLater
from shared.log import count
from shared.secrets import Secrets
from shared.texts import clean
from shared.vault import Contact, contacts_of

MOST_VALUES = 5  # of each kind, in one form
MOST_KEPT = 20  # of a batch, by the vault: each is a write of its own before the answer, and anybody may send a batch
MOST_LETTERS = 320  # the longest e-mail
# A form as it was told: its request's record, if it made one, and its `contact` as sent.
Told = tuple[dict[str, Any] | None, object]


def take_contacts(
    forms: Sequence[Told], site: Mapping[str, Any], door: str, is_denied: bool, secrets: Secrets, now: datetime
) -> list[Contact]:
    """Hashes into the requests' records (the first phone and the first e-mail of each); gives those for the vault, each once."""
    if not forms:
        return []
    may = bool(site.get("forms", {}).get("contacts")) and not is_denied
    key = _identity_key(secrets, now) if may else None
    has_vault = site.get("pii") == "vault"
    taken: dict[str, Contact] = {}
    ignored = 0
    for record, sent in forms:
        found = _read(sent, key) if key and record is not None else None
        is_ignored = found is None or None in found
        for contact in filter(None, found or ()):
            if record is not None:
                record.setdefault(f"{contact.kind}_hash", contact.key)
            if has_vault and len(taken) < MOST_KEPT:
                taken.setdefault(contact.key, contact)
            is_ignored |= has_vault and contact.key not in taken
        ignored += is_ignored
    if ignored:
        count({"ContactsIgnored": ignored}, Door=door)
    return list(taken.values())


def _read(sent: object, key: bytes) -> list[Contact | None] | None:
    """One contact for each value, None for a value that is none; None for what has another shape."""
    if not isinstance(sent, dict):
        return None
    phones, emails = (sent.get(name) or [] for name in ("phones", "emails"))
    if not isinstance(phones, list) or not isinstance(emails, list) or max(len(phones), len(emails)) > MOST_VALUES:
        return None
    values = [(text, kind) for kind, texts in (("phone", phones), ("email", emails)) for text in texts]
    return [_contact(text, kind, key) for text, kind in values]


def _contact(sent: object, kind: str, key: bytes) -> Contact | None:
    if not isinstance(sent, str) or len(sent) > MOST_LETTERS:
        return None
    text = clean(sent)
    return next(iter(contacts_of([text], [], key) if kind == "phone" else contacts_of([], [text], key)), None)


def _identity_key(secrets: Secrets, now: datetime) -> bytes | None:
    try:
        return secrets.key("identity", now)
    except (LookupError, TryLater):
        return None
