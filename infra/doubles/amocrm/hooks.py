"""What amoCRM does with its webhooks: mostly it sends them, sometimes twice, late, in another order, or never."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

HEADERS = {"content-type": "application/x-www-form-urlencoded", "user-agent": "amoCRM-Webhooks/3.0"}


class Hook(NamedTuple):
    """One webhook: `what` is `leads.add`, `contacts.update`, …; `entity` the lead's, contact's or customer's id."""

    what: str
    entity: int
    body: str
    is_dropped: bool


@dataclass
class Hooks:
    """`deliver(body, headers)` posts one. `drop(entity, what)` loses it; `repeats(entity, what)` says how often it comes; with
    `shuffle` all are held until `flush`, which sends them in that order of chance. What integrations cause waits for `flush` too
    (or for the next change by hand): they are told of it after their answer."""

    deliver: Callable[[str, dict[str, str]], object] = lambda body, headers: None
    drop: Callable[[int, str], bool] = lambda entity, what: False
    repeats: Callable[[int, str], int] = lambda entity, what: 1
    shuffle: random.Random | None = None
    told: list[Hook] = field(default_factory=list)
    _held: list[str] = field(default_factory=list)

    def tell(self, what: str, entity: int, body: str) -> None:
        """One webhook, as the policy wants it."""
        is_dropped = self.drop(entity, what)
        self.told.append(Hook(what, entity, body, is_dropped))
        if is_dropped:
            return
        self._held += [body] * self.repeats(entity, what)

    def send(self) -> None:
        """Send what is held, unless it is to be shuffled."""
        if self.shuffle is None:
            self.flush()

    def flush(self) -> None:
        """Send what is held."""
        held, self._held = self._held, []
        if self.shuffle is not None:
            self.shuffle.shuffle(held)
        for body in held:
            self.deliver(body, dict(HEADERS))

    @property
    def dropped(self) -> list[Hook]:
        """Those that never went out."""
        return [hook for hook in self.told if hook.is_dropped]
