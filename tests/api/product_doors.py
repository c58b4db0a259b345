"""The product's doors on a local stack, as their senders use them: signed imports, CRM events, cost files; then the figures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from itertools import count
from pathlib import Path
from typing import Any

from functions.report.figures import Figures, build
from functions.report.marts.questions import Period, ask
from infra.local.clock import SimulatedClock
from infra.local.stack import LocalStack
from shared.engines import engine
from shared.security import sign_webhook, token_sha256
from shared.settings import SiteSettings, parse_settings, published
from shared.times import from_lake_text
from shared.warehouse import Row

TOKEN, SECRET = "path-token-of-these-tests", "whsec_gur9KClSBqm3AbzbYDo8lDxrS3NoIeMy"


class Doors:
    """One site on a running stack. Every call checks that it was taken whole."""

    def __init__(self, stack: LocalStack, settings: Mapping[str, Any]) -> None:
        self.stack = stack
        self.site: SiteSettings = parse_settings({**settings, "crm": {"token_sha256": [token_sha256(TOKEN)]}})
        self.site_id = self.site.site_id
        self._numbers = count(1)
        stack.publish(self.site)
        for name in ("import", "crm-generic"):
            stack.put_secret(f"{self.site_id}/{name}", SECRET)

    def at(self, now: datetime) -> None:
        """Set the stack's clock."""
        assert isinstance(self.stack.clock, SimulatedClock)
        self.stack.clock.set(now)

    def import_(self, lines: Sequence[Mapping[str, Any]]) -> None:
        body = b"\n".join(json.dumps(line, ensure_ascii=False).encode() for line in lines)
        headers = {"content-type": "application/octet-stream", **self._signed(body)}
        answer = self.stack.call("POST", f"/v1/import?site={self.site_id}", headers, body)
        told = json.loads(answer.body)
        assert (answer.status, told.get("rejected"), told.get("accepted")) == (202, [], len(lines)), told

    def crm(self, kind: str, at: datetime, **data: Any) -> None:
        body = json.dumps({"type": kind, "timestamp": at.isoformat(), "data": data}, ensure_ascii=False).encode()
        headers = {"content-type": "application/json", **self._signed(body)}
        answer = self.stack.call("POST", f"/v1/crm/generic/{self.site_id}/{TOKEN}", headers, body)
        assert answer.status == 202, answer.body
        self.stack.pump()

    def costs(self, name: str, rows: Sequence[Sequence[object]]) -> None:
        """A file in the inbox; the first row names the columns."""
        text = "".join(",".join(map(str, row)) + "\n" for row in rows)
        self.stack.put_file(f"costs/inbox/{self.site_id}/{name}", text.encode())
        self.stack.pump()
        assert self.stack.objects("FilesBucket", "costs/rejected/") == {}

    def refresh(self) -> None:
        assert self.stack.refresh()["status"] == "complete"
        assert self.stack.objects("LakeBucket", "rejected/") == {}

    def rows(self, sql: str) -> Sequence[Row]:
        """Ask the marts; `sql` is written by the tests."""
        return engine().rows(sql)

    def figures(self, first: date, last: date) -> Figures:
        """Figures of the report of those days."""
        site, period = published(self.site), Period(first, last)
        data_to = from_lake_text(self.stack.last_refresh(self.site_id)["data_to"])
        return build(site, period, *ask(engine(), site, period), data_to)

    def _signed(self, body: bytes) -> dict[str, str]:
        return sign_webhook(body, f"msg_{next(self._numbers):05d}", SECRET, self.stack.clock.now())


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
