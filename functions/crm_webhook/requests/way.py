"""The client's way to his request, in words for whoever reads the deal, and what the settings put into its fields. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from functions.crm_webhook.requests.plain import shown
from functions.crm_webhook.requests.request import NewRequest
from shared.new_requests import PATH
from shared.times import parse_instant

MOST_LETTERS = 2000  # of the note
MOST_VALUE = 500  # of a field
_SOURCE = ("utm_source", "utm_medium", "utm_campaign")
_WORDS: Mapping[str, Mapping[str, str]] = {
    "ru": {
        "title": "Путь клиента", "path": "Все касания до заявки",
        "first_source": "Первый источник", "last_source": "Последний источник",
        "landing": "Страница входа", "page_url": "Страница заявки", "form_name": "Форма", "number": "Позвонил на номер",
        "at": "Время заявки", "request_id": "Заявка", "visitor_id": "Посетитель", "again": "Другой контакт той же заявки",
        "call": "Звонок", "form": "Заявка с сайта", "email": "Письмо", "chat": "Чат", "messenger": "Сообщение в мессенджере",
    },
    "en": {
        "title": "The client's way", "path": "All touches before the request",
        "first_source": "First source", "last_source": "Last source",
        "landing": "Landing page", "page_url": "Page of the request", "form_name": "Form", "number": "Called the number",
        "at": "Time of the request", "request_id": "Request", "visitor_id": "Visitor",
        "again": "Another contact of the same request",
        "call": "Call", "form": "Form", "email": "E-mail", "chat": "Chat", "messenger": "Message",
    },
}  # fmt: skip


def values_of(request: NewRequest, site: Mapping[str, Any]) -> dict[str, str]:
    """What is known of the request, by the names that the settings may put into fields (`crm.new_requests.fields`)."""
    values = {name: text[:MOST_VALUE] for name, text in request.told.items()}
    if "last_source" not in values and (source := " / ".join(values[name] for name in _SOURCE if name in values)):
        values["last_source"] = source[:MOST_VALUE]
    return {**values, PATH: way_text(request, values, site)}


def way_text(request: NewRequest, values: Mapping[str, str], site: Mapping[str, Any]) -> str:
    """The note: its last line names the request, by which a note that is there already is known again."""
    words, zone = words_of(site), ZoneInfo(str(site.get("time_zone", "UTC")))
    first_at = f" ({_moment(parse_instant(values['first_at']), zone)})" if "first_at" in values else ""
    lines = [words["title"]]
    for name in ("first_source", "last_source", "landing", "page_url", "form_name", "number"):
        if name in values:
            lines.append(f"{words[name]}: {values[name]}{first_at if name == 'first_source' else ''}")
    lines.append(f"{words['at']}: {_moment(request.at, zone)} ({zone.key})")
    tail = [f"{words['visitor_id']}: {values['visitor_id']}"] if "visitor_id" in values else []
    tail.append(f"{words['request_id']}: {shown(request.request_id)}")
    end = "\n".join(tail)
    return "\n".join(lines)[: MOST_LETTERS - len(end) - 1] + "\n" + end


def path_text(lines: Sequence[str], request_id: str, site: Mapping[str, Any]) -> str:
    """The note of a deal's whole path (shared/deal_notes.py): its first and last line are the same for the same request."""
    words = words_of(site)
    return "\n".join([words["path"], *map(shown, lines), f"{words['request_id']}: {shown(request_id)}"])


def is_same_note(there: str, text: str) -> bool:
    """Whether a note that a deal has is this one: its first and its last line are."""
    told, wanted = there.strip().splitlines(), text.strip().splitlines()
    return bool(told) and (told[0].strip(), told[-1].strip()) == (wanted[0].strip(), wanted[-1].strip())


def contact_text(request: NewRequest, site: Mapping[str, Any]) -> str:
    """The note of a request that came again with other contacts: mostly a phone that was mistyped the first time."""
    words = words_of(site)
    ways = ", ".join(filter(None, (request.phone, request.email)))
    return f"{words['again']}: {ways}\n{words['request_id']}: {shown(request.request_id)}"


def title_of(request: NewRequest, site: Mapping[str, Any]) -> str:
    """Name of the lead or deal."""
    words = words_of(site)
    name = f"{words.get(request.channel, words['request_id'])}: {site.get('name', request.site_id)}"
    return f"{name}, {request.told['form_name']}"[:200] if request.told.get("form_name") else name[:200]


def words_of(site: Mapping[str, Any]) -> Mapping[str, str]:
    """Words in the language of the site's reports."""
    return _WORDS[str((site.get("report") or {}).get("language", "ru"))]


def _moment(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).strftime("%d.%m.%Y %H:%M")


def id_of_name(told: object, names: Mapping[str, str]) -> str:
    """An id of the CRM as the settings tell it, or by the name that they give it (`managers`, `stages`, …); "" for none."""
    if not told:
        return ""
    text = str(told)
    return text if text in names else next((number for number, name in names.items() if name.casefold() == text.casefold()), text)
