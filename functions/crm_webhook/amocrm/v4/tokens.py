"""amoCRM's keys. An access token lasts about a day; its refresh token is good once, so one process at a time renews it, and the
new pair is in Secrets Manager before it is used.

Secret `skvoz/{stage}/{site}/crm-amocrm`: JSON {client_id, client_secret, redirect_uri, access_token, refresh_token, expires_at (in
unix seconds)}; without refresh_token a long-lived token. Lock: functions/crm_webhook/api/pace.py, `alone`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

import orjson

from functions.crm_webhook.api.crm import Tools
from functions.crm_webhook.api.http import CrmBusy, Http
from functions.crm_webhook.api.line import CrmClosed
from shared.log import count, logger

PROVIDER = "amocrm"
EARLY = 60  # seconds before its end a token is renewed: a call takes up to 20, and clocks differ
LOCK_SECONDS = 90  # longer than reading, asking and storing take
_WHAT = "amocrm-key"
_WAITS = 20  # seconds that a loser waits for the winner's pair
_STORE_TRIES = 3
CONNECT = "connect it with: skvoz crm connect amocrm (docs/crm.md)"

Pair = dict[str, Any]
_TOKEN = re.compile(r"[!-~]+")


def secret_name(stage: str, site_id: str) -> str:
    """Where the site's keys lie in Secrets Manager."""
    return f"skvoz/{stage}/{site_id}/crm-{PROVIDER}"


def granted(http: Http, address: str, app: Mapping[str, Any], grant: Mapping[str, str], now: datetime) -> Pair:
    """A new pair for a code or a refresh token (`grant`), with the application's own fields beside it.

    CrmClosed where amoCRM refuses it (used, too old, of another integration); CrmBusy where it does not answer.
    """
    kept = {name: str(app[name]) for name in ("client_id", "client_secret", "redirect_uri")}
    body = orjson.dumps({**kept, **grant})
    answer = http.ask("POST", f"{address}/oauth2/access_token", {"content-type": "application/json"}, body)
    if answer.status == 429 or answer.status >= 500:
        raise CrmBusy(f"amoCRM answered {answer.status} when asked for a key", 30)
    told = answer.json() if answer.status < 300 else None
    if not isinstance(told, dict) or not told.get("access_token") or not told.get("refresh_token"):
        raise CrmClosed(f"amoCRM gives no key for this {grant['grant_type']} (status {answer.status}); {CONNECT}")
    lasts = told.get("expires_in")
    seconds = lasts if type(lasts) is int and lasts > 0 else 86_400
    pair = {"access_token": told["access_token"], "refresh_token": told["refresh_token"]}
    if not all(map(is_token, pair.values())):
        raise CrmClosed(f"amoCRM's key is none that can be sent; {CONNECT}")
    return {**kept, **pair, "expires_at": int(now.timestamp()) + seconds}


def is_token(told: object) -> bool:
    """Nothing else can stand in a header; a library that refuses it quotes it, and keys must not be in logs."""
    return isinstance(told, str) and _TOKEN.fullmatch(told) is not None


@cache
def tokens_of(tools: Tools, site_id: str, address: str) -> Tokens:
    """The site's keys, kept in the process."""
    return Tokens(tools, site_id, address)


class Tokens:
    """Keys of one site; `address` is amoCRM's, from the settings."""

    def __init__(self, tools: Tools, site_id: str, address: str) -> None:
        self._tools, self._site_id, self._address = tools, site_id, address
        self._kept: Pair | None = None
        self._unsaved: Pair | None = None
        self._replaced = ""  # the access token that `_unsaved` takes the place of

    def headers(self, is_renewed: bool) -> dict[str, str]:
        """Those that let us in. `is_renewed`: amoCRM refused the last ones. CrmClosed, CrmBusy."""
        if self._unsaved is not None:
            self._save_late(self._unsaved)
        elif is_renewed or self._kept is None or not self._is_good(self._kept):
            refused = self._kept["access_token"] if self._kept is not None and is_renewed else ""
            told = self._read()
            is_stale = told["access_token"] == refused or not self._is_good(told)
            # A long-lived token cannot be renewed: amoCRM says whether it is still good.
            self._kept = self._renewed(told) if is_stale and told.get("refresh_token") else told
        if self._kept is None:
            raise CrmClosed(f"there is no key of amoCRM; {CONNECT}")
        return {"authorization": f"Bearer {self._kept['access_token']}"}

    def _is_good(self, pair: Pair) -> bool:
        return float(pair.get("expires_at") or 0) - EARLY > self._tools.clock().timestamp() or not pair.get("refresh_token")

    def _renewed(self, old: Pair) -> Pair:
        """A newer pair than `old`: another's, or ours."""
        pace = self._tools.pace
        for _ in range(_WAITS):
            hold = pace.alone(self._site_id, _WHAT, LOCK_SECONDS)
            if hold is not None:
                try:
                    told = self._read()
                    return told if told["access_token"] != old["access_token"] else self._exchanged(told)
                finally:
                    # With a pair that could not be stored, others would spend the old refresh token a second time.
                    if self._unsaved is None:
                        pace.release(self._site_id, _WHAT, hold)
            pace.rest(1.0)
            told = self._read()
            if told["access_token"] != old["access_token"]:
                return told
        raise CrmBusy("amoCRM's key is being renewed by somebody else; tried again later", 5)

    def _exchanged(self, old: Pair) -> Pair:
        self._put(old)  # the refresh token is good once: it is not spent where the store refuses
        self._tools.pace.take(self._site_id, PROVIDER, 7)
        grant = {"grant_type": "refresh_token", "refresh_token": str(old["refresh_token"])}
        new = granted(self._tools.http, self._address, old, grant, self._tools.clock())
        count({"CrmTokenRenewed": 1}, Provider=PROVIDER)
        self._replaced = str(old["access_token"])
        self._save(new)
        return new

    def _save_late(self, pair: Pair) -> None:
        """Where somebody connected amoCRM again meanwhile (or the store took the pair without saying so), what is stored counts."""
        told = self._read()
        if told["access_token"] == self._replaced:
            self._save(pair)
        else:
            self._kept, self._unsaved = told, None

    def _save(self, pair: Pair) -> None:
        """Store the pair, then use it. Where that fails it is kept in this process, which tries again before its next call."""
        self._unsaved = pair
        for attempt in range(_STORE_TRIES):
            try:
                self._put(pair)
            except CrmBusy:
                self._tools.pace.rest(attempt + 1.0)
            else:
                self._kept, self._unsaved = pair, None
                return
        count({"CrmTokenNotStored": 1}, Provider=PROVIDER)
        told = "amoCRM's new key could not be stored; this process keeps it and tries again before its next call"
        logger().error(told, extra={"site_id": self._site_id})
        raise CrmBusy("amoCRM's new key could not be stored in Secrets Manager; nothing is called with it before", 30)

    def _put(self, pair: Pair) -> None:
        text = orjson.dumps(pair)
        # The same content makes one version, however often it is tried: Secrets Manager takes about a hundred a day.
        token = hashlib.sha256(text).hexdigest()
        try:
            self._tools.secrets_manager().put_secret_value(
                SecretId=self._name, SecretString=text.decode(), ClientRequestToken=token
            )
        except Exception as error:
            raise CrmBusy(f"Secrets Manager does not take amoCRM's key ({type(error).__name__})", 30) from error

    def _read(self) -> Pair:
        manager = self._tools.secrets_manager()
        try:
            text = manager.get_secret_value(SecretId=self._name)["SecretString"]
        except manager.exceptions.ResourceNotFoundException as error:
            raise CrmClosed(f"amoCRM is not connected (no secret {self._name}); {CONNECT}") from error
        except Exception as error:
            raise CrmBusy(f"Secrets Manager does not give amoCRM's key ({type(error).__name__})", 10) from error
        try:
            told = orjson.loads(text)
            if not isinstance(told, dict) or not is_token(told.get("access_token")):
                raise ValueError("no access_token")
        except ValueError as error:
            raise CrmClosed(f"the secret {self._name} is not what it must be; {CONNECT}") from error
        return told

    @property
    def _name(self) -> str:
        return secret_name(self._tools.stage, self._site_id)
