"""Who may call amoCRM, and how often: OAuth's pairs (a refresh token is good once), seven calls a second, then 429, then 403."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

DAY = 86_400


class Call(NamedTuple):
    """A call as it came: `at` in the gate's own seconds."""

    at: float
    method: str
    path: str
    status: int


@dataclass
class Keys:
    """Integrations, codes and tokens. `lifetime` of an access token is in seconds of `clock`."""

    clock: Callable[[], datetime]
    client_id: str = "00000000-0000-4000-8000-000000000001"
    client_secret: str = "example client secret"
    redirect_uri: str = "https://shop.example/amocrm"
    lifetime: int = DAY
    access: dict[str, float] = field(default_factory=dict)  # token → its end, unix seconds
    refresh: str = ""  # the one that is good
    codes: set[str] = field(default_factory=set)
    exchanges: int = 0

    def new_code(self) -> str:
        """What the owner of the account copies from the integration's page: good once."""
        code = f"code-{len(self.codes) + self.exchanges + 1}"
        self.codes.add(code)
        return code

    def long_lived(self) -> str:
        """A token without an end."""
        token = f"long-{len(self.access) + 1}"
        self.access[token] = float("inf")
        return token

    def pair(self) -> dict[str, Any]:
        """A new pair; the refresh token before it is void."""
        self.exchanges += 1
        token, self.refresh = f"access-{self.exchanges}", f"refresh-{self.exchanges}"
        self.access[token] = self.clock().timestamp() + self.lifetime
        return {"token_type": "Bearer", "expires_in": self.lifetime, "access_token": token, "refresh_token": self.refresh}

    def secret(self) -> dict[str, Any]:
        """The product's secret with a new pair."""
        pair = self.pair()
        app = {"client_id": self.client_id, "client_secret": self.client_secret, "redirect_uri": self.redirect_uri}
        tokens = {name: pair[name] for name in ("access_token", "refresh_token")}
        return {**app, **tokens, "expires_at": int(self.clock().timestamp()) + self.lifetime}

    def is_good(self, authorization: str) -> bool:
        end = self.access.get(authorization.removeprefix("Bearer "))
        return end is not None and self.clock().timestamp() < end

    def exchange(self, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """POST /oauth2/access_token."""
        own = {"client_id": self.client_id, "client_secret": self.client_secret, "redirect_uri": self.redirect_uri}
        if any(asked.get(name) != value for name, value in own.items()):
            return 401, {"title": "Unauthorized", "status": 401, "hint": "Client authentication failed"}
        if asked.get("grant_type") == "authorization_code" and asked.get("code") in self.codes:
            self.codes.discard(str(asked["code"]))
            return 200, self.pair()
        if asked.get("grant_type") == "refresh_token" and self.refresh and asked.get("refresh_token") == self.refresh:
            return 200, self.pair()
        return 400, {"title": "Bad Request", "status": 400, "hint": "Token has been revoked"}


@dataclass
class Limit:
    """`seconds` is the gate's clock. More than `per_second` calls within a second are answered 429; `patience` such answers
    without a quiet minute between them, and the caller is blocked: 403 to everything."""

    seconds: Callable[[], float]
    per_second: int = 7
    patience: int = 20
    is_blocked: bool = False
    calls: list[Call] = field(default_factory=list)
    _recent: deque[float] = field(default_factory=deque)
    _refused: deque[float] = field(default_factory=deque)

    def verdict(self) -> int:
        """200, 429 or 403 for a call now."""
        now = self.seconds()
        if self.is_blocked:
            return 403
        while self._recent and now - self._recent[0] >= 1:
            self._recent.popleft()
        self._recent.append(now)
        if len(self._recent) <= self.per_second:
            return 200
        while self._refused and now - self._refused[0] > 60:
            self._refused.popleft()
        self._refused.append(now)
        self.is_blocked = len(self._refused) >= self.patience
        return 429

    def note(self, method: str, path: str, status: int) -> None:
        self.calls.append(Call(self.seconds(), method, path, status))

    def times(self, status: int) -> int:
        """How many calls were answered so."""
        return sum(call.status == status for call in self.calls)
