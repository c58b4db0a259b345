"""GET /v1/reports/{token}?recording={request id}: a call's recording, for those who may listen.

Steps: token → reader → settings → listener → the call's reference → kept already? → address → fetched and kept → answered. Whoever
may not listen gets one and the same page whatever the reason, which is counted; a listener is told why a recording cannot be had.
Nothing that a telephony does is an error of ours: 404 in every case; 503 only while our own stores fail.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from functions.report.mail import recipient_hash
from functions.report.readers import readers_of
from functions.report.recordings.fetch import Line, NotPlayed
from functions.report.recordings.kept import Kept, kept_key
from functions.report.recordings.sound import Sound, sound_of, sound_response
from functions.report.recordings.telephony import address_of
from functions.report.store import Ledger, Page
from shared.errors import NotFound, TryLater
from shared.http import Request, Response, response
from shared.identity import redact
from shared.ids import is_uuid
from shared.log import count, logger
from shared.recordings import Reference, hosts_of, listeners_of, recording_key, reference_of
from shared.secrets import Secrets
from shared.sites import Sites

MOST_BYTES = 50_000_000
MOST_ANSWER = 4_000_000  # Lambda answers at most 6 MB, and bytes travel as base64
ADDRESS_SECONDS = 300
HTML = "text/html; charset=utf-8"
_POLICY = (
    "default-src 'none'; media-src {media}; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {"cache-control": "no-store", "x-robots-tag": "noindex, nofollow", "vary": "accept, accept-language"}
PAGE_HEADERS = {**_HEADERS, "content-security-policy": _POLICY.format(media="'none'")}
SOUND_HEADERS = {**_HEADERS, "content-security-policy": _POLICY.format(media="'self'")}
# Title and text of the pages; every reason to refuse has the same.
WORDS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "ru": {
        "refused": (
            "Записи нет",
            "Такой записи нет, или эта ссылка её не открывает. Записи слушают те получатели отчёта, кому это разрешено "
            "в настройках.",
        ),
        "not_played": (
            "Запись пока недоступна",
            "Телефония не отдала запись этого звонка. Обычно запись появляется через несколько минут после разговора: откройте "
            "ссылку позже. Если не поможет, передайте код причины тому, кто настраивал отчёт: {reason}.",
        ),
    },
    "en": {
        "refused": (
            "There is no recording",
            "There is no such recording, or this link does not open it. Recordings are heard by those readers of the report whom "
            "its settings allow to.",
        ),
        "not_played": (
            "The recording is not there yet",
            "The telephony did not give out the recording of this call. It usually appears some minutes after the call: open the "
            "link again later. If that does not help, tell this reason to whoever set the report up: {reason}.",
        ),
    },
}

Refusal = Literal["token", "no_listener", "unsubscribed", "unknown_site", "no_hosts", "bad_id", "unknown_call"]


class NotForYou(Exception):
    """Whoever asks may not listen, or there is nothing to listen to; `reason` is for the count alone."""

    def __init__(self, reason: Refusal) -> None:
        super().__init__(reason)
        self.reason = reason


class Player(NamedTuple):
    """What playing needs. `dynamodb` and `numbers` are the client and the table that has the references."""

    ledger: Ledger
    sites: Sites
    secrets: Secrets
    dynamodb: Any
    numbers: str
    kept: Kept
    line: Line

    def play(self, request: Request, page: Page | None, request_id: str) -> Response:
        """The recording, its signed address where it is large, or a page that says why not. `page` is what the token opens.
        TryLater while our own stores fail."""
        try:
            return self._played(request, page, request_id)
        except NotForYou as error:
            count({"RecordingRefused": 1}, Reason=error.reason)
            return _said(request, "refused")
        except NotPlayed as error:
            count({"RecordingNotPlayed": 1}, Reason=error.reason)
            host = {"host": redact(error.host)[:100]} if error.host else {}
            logger().warning("recording not played", extra={"request_id": request_id, "reason": error.reason, **host})
            return _said(request, "not_played", error.reason)
        except (ClientError, BotoCoreError) as error:
            logger().exception("a store refused")
            raise TryLater("the recording cannot be looked up now; try again in a minute") from error

    def _played(self, request: Request, page: Page | None, request_id: str) -> Response:
        site = self._site(request, page)
        told = self._told(str(site["site_id"]), request_id)
        key = kept_key(str(site["site_id"]), request_id, told)
        size, sound = self.kept.size(key), None
        if size is None:
            sound = self._fetched(request, site, request_id, told)
            self.kept.put(key, sound)
            size = len(sound.body)
            count({"RecordingPlayed": 1})
        if size <= MOST_ANSWER:  # the parts of one recording come from one place: players refuse another host for a later part
            sound = sound or self.kept.sound(key, request_id)
            return sound_response(sound, request.headers.get("range", ""), SOUND_HEADERS)
        where = {**PAGE_HEADERS, "location": self.kept.address(key, ADDRESS_SECONDS)}
        return response(302, "", "text/plain; charset=utf-8", where)

    def _site(self, request: Request, page: Page | None) -> Mapping[str, Any]:
        """Settings of the token's site, whose reader may listen: he is named in them as a recipient and as a listener, and has not
        unsubscribed. They are read anew each time, so that who is taken off them hears nothing more."""
        if page is None:
            raise NotForYou("token")
        try:
            site = self.sites.get(page.site_id, request.now)
        except NotFound as error:
            raise NotForYou("unknown_site") from error
        if not hosts_of(site):
            raise NotForYou("no_hosts")
        listeners = set(map(recipient_hash, listeners_of(site)))
        if page.recipient_hash not in listeners & {recipient_hash(reader.address) for reader in readers_of(site)}:
            raise NotForYou("no_listener")
        if self.ledger.is_off(page.site_id, page.recipient_hash):
            raise NotForYou("unsubscribed")
        return site

    def _told(self, site_id: str, request_id: str) -> Reference:
        if not is_uuid(request_id):
            raise NotForYou("bad_id")
        item = self.dynamodb.get_item(TableName=self.numbers, Key=recording_key(site_id, request_id)).get("Item")
        if item is None:
            raise NotForYou("unknown_call")
        return reference_of(item)

    def _fetched(self, request: Request, site: Mapping[str, Any], request_id: str, told: Reference) -> Sound:
        hosts = hosts_of(site)

        def secrets(provider: str) -> list[str]:
            return self.secrets.get(f"{site['site_id']}/calls-{provider}", request.now)

        address = address_of(told, self.line, hosts, secrets, request.now)
        return sound_of(self.line.get(address, hosts, MOST_BYTES), request_id)


def _said(request: Request, what: Literal["refused", "not_played"], reason: str = "") -> Response:
    """404: as a page in the browser's language, in the one error shape for everybody else."""
    language = "ru" if request.headers.get("accept-language", "ru").lower().startswith("ru") else "en"
    title, text = (words.format(reason=reason) for words in WORDS[language][what])
    if "text/html" not in request.headers.get("accept", ""):
        raise NotFound(text)
    from functions.report.render import message_page

    return response(404, message_page(title, text, language), HTML, PAGE_HEADERS)
