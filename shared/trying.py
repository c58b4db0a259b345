"""Doors and their stores: whatever a store answers, the sender only has to repeat."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from shared.errors import SkvozError, TryLater
from shared.log import count, logger

T = TypeVar("T")


def or_try_later(act: Callable[[], T], what: str, metric: Mapping[str, int] | None = None) -> T:
    """What `act` gives. TryLater ("`what` could not be stored; send it again") for any error that is not one of ours: logged with
    its trace, and counted as `metric` where one is given."""
    try:
        return act()
    except SkvozError:
        raise
    except Exception as error:
        logger().exception("a store refused")
        if metric:
            count(metric)
        raise TryLater(f"{what} could not be stored; send it again") from error
