"""Removal effects of a Markov chain of channels, solved exactly (docs/method.md, models: markov).

The chain stands on the last `order` channels of a path and moves to the next channel, to a sale or to nothing, with the shares
that the month's paths show. Without a channel every move into it leads to nothing: its effect is 1 - P(sale without it) / P(sale).
One inverse gives all of them: with N = (I - Q)^-1 and the states T that a channel may enter, the chain that avoids T has
P(sale) - N[start, T] · N[T, T]^-1 · P(sale | T). Bellman 1957 (absorbing chains); Anderl et al. 2016 (removal effects).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

SEPARATOR = "\x1f"
MOST_STATES = 2_000  # of a chain solved at once: a second, and 100 MB
RARE = "\x1e"  # stands for all channels that are too rare to have a state of their own; no channel is called so


class Transition(NamedTuple):
    """`paths` moves from `from_state` (channels joined by the separator; empty at the start) to what `outcome` says."""

    from_state: str
    outcome: str  # touch, conversion, null
    channel: str  # of a touch
    paths: float  # whole in the marts; ready paths may count by parts


def removal_effects(transitions: Iterable[Transition], order: int = 1) -> dict[str, float]:
    """Channel → removal effect (0…1), sorted by name; empty where no path led to a sale.

    ValueError when a state is left less often than it is entered: such counts come from no paths.
    """
    import numpy as np

    moves = sorted(transitions)
    states = sorted({"", *(m.from_state for m in moves)})
    place = {state: number for number, state in enumerate(states)}
    left = np.zeros(len(states))
    entered = np.zeros((len(states), len(states)))
    sales = np.zeros(len(states))
    newest: dict[str, set[int]] = {}
    for move in moves:
        here = place[move.from_state]
        left[here] += move.paths
        if move.outcome == "conversion":
            sales[here] += move.paths
        elif move.outcome == "touch":
            after = following(move.from_state, move.channel, order)
            if after not in place:
                raise ValueError(f"the state {after!r} is entered and never left")
            entered[here, place[after]] += move.paths
            newest.setdefault(move.channel, set()).add(place[after])
    if not sales.any():
        return {}
    stays = entered / left[:, None]
    known = np.linalg.inv(np.eye(len(states)) - stays)
    chance = known @ (sales / left)
    start = place[""]
    effects = {}
    for channel in sorted(newest):
        into = sorted(newest[channel])
        lost = known[start, into] @ np.linalg.solve(known[np.ix_(into, into)], chance[into])
        effects[channel] = float(min(max(lost / chance[start], 0.0), 1.0))
    return effects


def bounded_effects(
    transitions: Iterable[Transition], order: int = 1, most_states: int = MOST_STATES
) -> tuple[dict[str, float], int]:
    """(removal effects, the order that they were solved with): the same, within a bound.

    A chain with more states is looked at with a shorter memory; where even one channel back is too many (thousands of unnamed
    sources), the rarest stand in the chain as one, and share its effect by their touches.
    """
    moves = list(transitions)
    while order > 1 and len({move.from_state for move in moves}) > most_states:
        order -= 1
        moves = [move._replace(from_state=SEPARATOR.join(move.from_state.split(SEPARATOR)[-order:])) for move in moves]
    touches: dict[str, float] = defaultdict(float)
    for move in moves:
        touches[move.channel] += move.paths if move.outcome == "touch" else 0
    ranked = sorted((channel for channel in touches if channel), key=lambda channel: (-touches[channel], channel))
    if order > 1 or len(ranked) < most_states:
        return removal_effects(_added(moves), order), order
    rare = dict.fromkeys(ranked[most_states - 2 :], RARE)
    folded = [m._replace(from_state=rare.get(m.from_state, m.from_state), channel=rare.get(m.channel, m.channel)) for m in moves]
    effects = removal_effects(_added(folded), order)
    together, all_touches = effects.pop(RARE, 0.0), sum(touches[channel] for channel in rare)
    shared = {channel: together * touches[channel] / all_touches for channel in rare} if effects else {}
    return dict(sorted({**effects, **shared}.items())), order


def _added(moves: Iterable[Transition]) -> list[Transition]:
    """Moves of one kind as one."""
    counted: dict[tuple[str, str, str], float] = defaultdict(float)
    for move in moves:
        counted[move[:3]] += move.paths
    return [Transition(*kind, paths) for kind, paths in counted.items()]


def following(state: str, channel: str, order: int) -> str:
    """The state after one more channel: the last `order` channels."""
    before = state.split(SEPARATOR) if state else []
    return SEPARATOR.join([*before, channel][-order:])
