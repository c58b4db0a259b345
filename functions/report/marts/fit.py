"""Diminishing returns of spend: a Poisson regression of sales on the logarithm of cost, E[sales] = exp(a + b ln cost). Pure.

Fitted by iteratively reweighted least squares; the covariance is the inverse of the Fisher information times the overdispersion
(Pearson's χ² by degrees of freedom, at least 1: McCullagh and Nelder, 1989, chapters 2 and 9). b > 1 would promise returns that
grow without end; it is set to 1 and a is fitted to that, as uncertain as the weeks left them before.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

MOST_ROUNDS = 100
CLOSE = 1e-12
MOST_EXPONENT = 500.0  # where a round goes astray it ends as "not converged", not as an overflow


class Fit(NamedTuple):
    """`cov` = ((var a, cov ab), (cov ab, var b))."""

    a: float
    b: float
    cov: tuple[tuple[float, float], tuple[float, float]]
    dispersion: float
    is_capped: bool = False

    def expected(self, cost: float) -> float:
        """Sales to expect of that cost, both a week."""
        return math.exp(self.a + self.b * math.log(cost))

    def next_sale_price(self, cost: float) -> float:
        """What the next sale costs at that spend: one by the slope."""
        return cost / (self.b * self.expected(cost))

    def next_sale_interval(self, cost: float, z: float) -> tuple[float, float]:
        """Ends of that price, by the delta method on its logarithm, ln cost − ln b − (a + b ln cost)."""
        (aa, ab), (_, bb) = self.cov
        slope = 1 / self.b + math.log(cost)
        half = z * math.sqrt(max(aa + 2 * slope * ab + slope**2 * bb, 0.0))
        price = math.log(self.next_sale_price(cost))
        return math.exp(min(price - half, MOST_EXPONENT)), math.exp(min(price + half, MOST_EXPONENT))

    def is_certain(self, z: float) -> bool:
        """Whether sales grow with spend by more than chance: the lower end of b's interval is above 0."""
        return self.b > z * math.sqrt(max(self.cov[1][1], 0.0))


def fit_of(costs: Sequence[float], sales: Sequence[float]) -> Fit | None:
    """The fit of weeks with cost above 0 and at least one sale; None where it does not settle. b may be below 0, never above 1."""
    logs = [math.log(cost) for cost in costs]
    centre = sum(logs) / len(logs)  # far from 0, a and b would hang together and lose digits
    xs = [x - centre for x in logs]
    found = _settled(xs, sales)
    if found is None:
        return None
    level, b = found
    means = [math.exp(level + b * x) for x in xs]
    dispersion = _dispersion(means, sales, 2)
    s0, s1, s2 = (sum(m * x**power for m, x in zip(means, xs, strict=True)) for power in range(3))
    determinant = s0 * s2 - s1 * s1
    if determinant <= 0:
        return None
    var_level, var_b, both = (dispersion * part / determinant for part in (s2, s0, -s1))
    # a = level − b · centre
    covariance = both - centre * var_b
    variance = var_level - 2 * centre * both + centre**2 * var_b
    cov = ((variance, covariance), (covariance, var_b))
    if b > 1:  # with b = 1 the likeliest a is ln(sales ÷ cost)
        return Fit(math.log(sum(sales) / sum(costs)), 1.0, cov, dispersion, is_capped=True)
    return Fit(level - b * centre, b, cov, dispersion)


def _settled(xs: Sequence[float], ys: Sequence[float]) -> tuple[float, float] | None:
    """Level and slope where the score is zero: Newton's steps, which for this link are the reweighted least squares."""
    level, b = math.log(sum(ys) / len(ys)), 0.0
    for _ in range(MOST_ROUNDS):
        exponents = [level + b * x for x in xs]
        if max(map(abs, exponents)) > MOST_EXPONENT:
            return None
        means = [math.exp(e) for e in exponents]
        s0, s1, s2 = (sum(m * x**power for m, x in zip(means, xs, strict=True)) for power in range(3))
        u0 = sum(y - m for y, m in zip(ys, means, strict=True))
        u1 = sum((y - m) * x for y, m, x in zip(ys, means, xs, strict=True))
        determinant = s0 * s2 - s1 * s1
        if determinant <= 0:
            return None
        by_level, by_b = (s2 * u0 - s1 * u1) / determinant, (s0 * u1 - s1 * u0) / determinant
        level, b = level + by_level, b + by_b
        if abs(by_level) <= CLOSE * (1 + abs(level)) and abs(by_b) <= CLOSE * (1 + abs(b)):
            return level, b
    return None


def _dispersion(means: Sequence[float], sales: Sequence[float], parameters: int) -> float:
    free = len(sales) - parameters
    if free <= 0:
        return 1.0
    return max(sum((y - m) ** 2 / m for y, m in zip(sales, means, strict=True)) / free, 1.0)
