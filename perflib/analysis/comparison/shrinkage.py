"""Shrunken rates, ranks and chances: what a unit's own rate probably is, given how much units differ at all.

Model
-----
The logit of each unit's rate is that of the rate it is held to plus an effect of the unit's own, normal over units with
a level μ and a spread σ. Both are integrated over a grid, the spread with a half-normal prior of scale .5, so that the
uncertainty of the spread between units is in every interval. Given them, an effect is normal about its mode (Laplace);
the evidence of a grid point is Laplace's too.

- An interval of a rank is wide because units are close: a bare league table would hide that.
- Rank 1 is the highest rate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

from perflib.errors import ParameterError

Floats = NDArray[np.float64]

SPREADS = np.concatenate([[0.002], np.geomspace(0.02, 2.0, 24)])
"""Grid of σ on the logit; the first stands for none."""

PRIOR_SCALE = 0.5
"""Scale of the half-normal prior of σ: one unit in twenty has more than 2.7 times the odds of the middle one, or less
than a third of them, where σ is .5."""

LEVELS = np.linspace(-3, 3, 13)
"""Grid of μ, in standard errors of the level about its estimate."""

STEPS = 8
"""Newton steps to a mode; it is concave, and begins near."""


@dataclass(frozen=True, eq=False)
class Effects:
    """What is known of the units' effects.

    Attributes
    ----------
    draws : array of shape (draws, units)
        Simulated effects, on the logit, from their joint posterior.
    spread : float
        The posterior mean of σ; `spread_lower` and `spread_upper` its 95 % interval.
    """

    draws: Floats
    spread: float
    spread_lower: float
    spread_upper: float

    def rate(self, reference: float) -> Floats:
        """Rate of each unit in each draw, where the average is `reference`."""
        return special.expit(special.logit(reference) + self.draws)

    def ranks(self) -> NDArray[np.int64]:
        """Rank the units within each draw; 1 is the highest.

        References
        ----------
        Goldstein and Spiegelhalter 1996, JRSS A 159, 385-443.
        """
        return (-self.draws).argsort(axis=1).argsort(axis=1) + 1


def effects(observed: ArrayLike, n: ArrayLike, rate: ArrayLike, *, draws: int = 2000, seed: int = 0) -> Effects:
    """Estimate how much each unit differs from the rate it is held to, shrunk by how much units differ.

    Parameters
    ----------
    observed, n, rate : array of shape (units,)
        Who reached it, of how many (matched, so that it may have a fraction), and the rate they are held to.
    draws : int
        How many simulated effects are returned.
    seed : int
        Of the simulation.

    Returns
    -------
    Effects

    Raises
    ------
    ParameterError
        Arrays of different lengths, or an `n` that is not above 0.

    References
    ----------
    Efron and Morris 1975, JASA 70, 311-319. Goldstein and Spiegelhalter 1996, JRSS A 159, 385-443.

    Examples
    --------
    Three of four units are alike, so that the fourth, at 10 of 100, is drawn towards them, but not all the way.

    >>> found = effects([30, 31, 29, 10], [100] * 4, [0.25] * 4)
    >>> bool(0.10 < found.rate(0.25).mean(axis=0)[3] < 0.25)
    True
    """
    x, size, chance = (np.asarray(values, dtype=float) for values in (observed, n, rate))
    if not x.shape == size.shape == chance.shape or x.ndim != 1:
        raise ParameterError(
            f"observed, n and rate: shapes {x.shape}, {size.shape}, {chance.shape} must be one (units,)."
        )
    if len(x) == 0 or not (size > 0).all():
        raise ParameterError("n: every unit needs more than 0 participants; leave the others out.")
    x, base = np.minimum(x, size), special.logit(chance)
    spread, weight, modes, errors = _grid(x, size, base)
    random = np.random.default_rng(seed)
    place = random.choice(len(weight), draws, p=weight)
    simulated = modes[place] + errors[place] * random.standard_normal((draws, len(x)))
    order = np.argsort(spread, kind="stable")
    cumulative = weight[order].cumsum()
    low, high = (float(spread[order][np.searchsorted(cumulative, share)]) for share in (0.025, 0.975))
    return Effects(simulated, float(weight @ spread), low, high)


def _grid(x: Floats, n: Floats, base: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Return, for each point of the grid: spread, posterior weight, and the units' modes and standard errors."""
    information = n * special.expit(base) * special.expit(-base)
    about = np.log((x + 0.5) / (n - x + 0.5)) - base  # empirical logits: only to find where the level may be
    spreads = np.repeat(SPREADS, len(LEVELS))
    share = 1 / (1 / information + SPREADS[:, None] ** 2)
    centre, error = (share * about).sum(axis=1) / share.sum(axis=1), share.sum(axis=1) ** -0.5
    steps = np.tile(LEVELS, len(SPREADS))
    levels = np.repeat(centre, len(LEVELS)) + steps * np.repeat(error, len(LEVELS))

    precision, mean = spreads[:, None] ** -2, levels[:, None]
    effect = (information * about + precision * mean) / (information + precision)
    for _ in range(STEPS):
        p = special.expit(base + effect)
        gradient = x - n * p - precision * (effect - mean)
        effect = effect + np.clip(gradient / (n * p * (1 - p) + precision), -1, 1)
    p = special.expit(base + effect)
    curvature = n * p * (1 - p) + precision
    fit = x * special.log_expit(base + effect) + (n - x) * special.log_expit(-base - effect)
    prior = -precision / 2 * (effect - mean) ** 2 + np.log(precision) / 2
    evidence = (fit + prior - np.log(curvature) / 2).sum(axis=1)
    width = np.gradient(SPREADS)
    evidence += np.repeat(
        np.log(width) + stats.halfnorm.logpdf(SPREADS, scale=PRIOR_SCALE) + np.log(error), len(LEVELS)
    )
    weight = np.exp(evidence - evidence.max())
    return spreads, weight / weight.sum(), effect, curvature**-0.5
