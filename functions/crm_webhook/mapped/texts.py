"""Free texts of one body without phones and e-mails, each made once: a text of the body's root stands in each of its deals.
Pure."""

from __future__ import annotations

from collections.abc import Callable

from functions.crm_webhook.mapped.tree import Work
from functions.crm_webhook.reading import Private

_CHEAP = 20  # characters whose redaction costs about as much as a value that is looked at


class Texts:
    """`work` is the body's."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._private = Private((), b"")  # hashes nothing: ids are each deal's own
        self._made: dict[tuple[str, str], str | None] = {}

    def words(self, field: str, text: str | None) -> str | None:
        """As Private.words."""
        return self._once(field, text, self._private.words)

    def mark(self, field: str, text: str | None) -> str | None:
        """As Private.mark."""
        return self._once(field, text, self._private.mark)

    def _once(self, field: str, text: str | None, make: Callable[[str, str | None], str | None]) -> str | None:
        if not text:
            return None
        if (field, text) not in self._made:
            self._work.spend(len(text) // _CHEAP)
            self._made[field, text] = make(field, text)
        return self._made[field, text]
