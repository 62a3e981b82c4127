"""The bid: what was promised, as a forecast, with the doubt that published bids deserve."""

from __future__ import annotations

import numpy as np

from perflib.analysis.forecast.development import Development
from perflib.analysis.forecast.uncertainty import (
    BID_ERROR,
    Counts,
    bid_rates,
    bid_words,
    counts,
    in_months,
    within_room,
)


def profile(development: Development, draws: int, rng: np.random.Generator) -> tuple[Counts, tuple[str, ...]]:
    """Simulate the coming months as the bid has them.

    Every cohort gets what its profile promises to its starts in the months that are still to come, whatever it has had
    so far. All cohorts share the doubt about the bid's level, log-normal about a mean of 1.

    Parameters
    ----------
    development : Development
    draws : int
        Number of paths.
    rng : Generator
        Source of chance.

    Returns
    -------
    paths : ndarray of int, shape (draws, cohorts, months)
        Newly recorded outcomes.
    basis : tuple of str
        What the forecast rests on.
    """
    means = in_months(development, bid_rates(development) * development.starts.to_numpy()[:, None])
    level = np.exp(BID_ERROR * rng.standard_normal((draws, 1, 1)) - BID_ERROR**2 / 2)
    paths = counts(means * level, 1.0, rng)
    doubt = f"Its level is doubted by as much as published bids have missed, a factor of {np.exp(BID_ERROR):.1f}."
    return within_room(paths, development), (*bid_words(development), doubt)
