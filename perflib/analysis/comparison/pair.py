"""Two named units at an equal mix of people: direct standardisation over the strata that both have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from perflib.analysis import regression
from perflib.analysis.cuts import Where
from perflib.errors import ParameterError
from perflib.records.display import Explanation, ShowsItself
from perflib.records.snapshot import Snapshot
from perflib.rules.dated import hint

LEAST_OVERLAP = 0.5
"""Share of each unit's starts that must lie in strata which the other has too."""

LEAST_STARTS = 20
"""Starts of each unit that must lie there."""


@dataclass(frozen=True, repr=False)
class Pair(ShowsItself):
    """Two units' rates over the same mix of people.

    Attributes
    ----------
    units : DataFrame
        Index the two units: `starts`, `outcomes`, `rate` (as they are), `overlap` (share of the starts in strata that
        both have), `standardised` (the rate over the common mix).
    difference, lower, upper : float
        Standardised rate of the first less that of the second, with its interval.
    p : float
        Of no difference.
    strata : DataFrame
        What it rests on, one row a stratum: `weight` (share of both units' starts there), starts and outcomes of each.
    """

    units: pd.DataFrame
    difference: float
    lower: float
    upper: float
    p: float
    strata: pd.DataFrame

    explanation = Explanation(
        definition="The rates that two units would have over the same mix of people.",
        formula="rate = sum over strata of (share of both units there) x (rate of the unit there)",
        denominator="Starts of cohorts old enough, in strata that both units have.",
        source="Fleiss, Levin and Paik 2003, chapter 19.",
    )

    @property
    def frame(self) -> pd.DataFrame:
        """The two units."""
        return self.units

    @property
    def caption(self) -> str:
        """What it is, in a line."""
        return " and ".join(map(str, self.units.index)) + " at an equal mix of people"


def pair(
    snapshot: Snapshot,
    first: str,
    second: str,
    measure: str = "outcome",
    age: int = 12,
    unit: str = "subcontractor",
    adjust: Sequence[str] | None = None,
    where: Where = None,
    level: float = 0.95,
) -> Pair:
    """Compare two named units at an equal mix: direct standardisation over the overlap, or refuse.

    Strata are the combinations of `adjust`. Those that only one of the two has are left out of both; the others weigh
    as many as both units have there. Rates are of cohorts observed at the age.

    Parameters
    ----------
    snapshot : Snapshot
    first, second : str
        Units.
    measure : str
        An outcome or an event of the programme.
    age : int
        Months since the cohort's month.
    unit : str
        An attribute that names who delivers.
    adjust : sequence of str, optional
        Attributes; by default the customer group. A number goes by its bands.
    where : mapping, mask or callable, optional
        Only these people, as for `cuts.mask`.
    level : float
        Of the interval.

    Raises
    ------
    ParameterError
        No such unit or attribute; or less than half of either unit's starts, or fewer than 20, have a counterpart.

    References
    ----------
    Fleiss, Levin and Paik 2003, Statistical Methods for Rates and Proportions, chapter 19.

    Examples
    --------
    >>> from perflib import load_snapshot
    >>> found = pair(load_snapshot("whp-sample", "2020-06"), "SC01", "SC02")
    >>> found.units[["starts", "overlap"]].reset_index()
       unit  starts  overlap
    0  SC01     541      1.0
    1  SC02     367      1.0
    """
    frame = regression.starts(snapshot, measure, age, where, bands=True)
    names = [snapshot.programme.group] if adjust is None else list(adjust)
    for name in (unit, *names):
        if name not in frame:
            raise ParameterError(
                f"{name!r}: is no attribute of {snapshot.programme.name}; {hint(name, map(str, frame))}"
            )
    for name in (first, second):
        if not (frame[unit] == name).any():
            units = sorted(frame[unit].unique())
            raise ParameterError(f"{unit} {name!r}: has no start that is {age} months old; {hint(name, units)}")
    cells = frame[frame[unit].isin([first, second])].groupby([*names, unit])["reached"].agg(["size", "sum"])
    n: Any = cells["size"].unstack(unit, fill_value=0)[[first, second]].astype(float)
    x: Any = cells["sum"].unstack(unit, fill_value=0)[[first, second]].astype(float)
    both = (n > 0).all(axis=1)
    overlap = n[both].sum() / n.sum()
    if (overlap < LEAST_OVERLAP).any() or (n[both].sum() < LEAST_STARTS).any():
        few = overlap.idxmin()
        raise ParameterError(
            f"{first} and {second}: cannot be compared at equal mix: {n.loc[both, few].sum():.0f} of the "
            f"{n[few].sum():.0f} starts of {few} have a counterpart of the same {', '.join(names)}. Adjust for less."
        )
    n, x = n[both], x[both]
    weight = n.sum(axis=1) / n.to_numpy().sum()
    rate = x / n
    standardised = rate.mul(weight, axis=0).sum()
    error = float(np.sqrt((rate * (1 - rate) / n).mul(weight**2, axis=0).to_numpy().sum()))
    difference = float(standardised[first] - standardised[second])
    reach = float(stats.norm.ppf((1 + level) / 2)) * error
    p = float(2 * stats.norm.sf(abs(difference) / error)) if error > 0 else np.nan
    total = cells.groupby(level=unit).sum().rename(columns={"size": "starts", "sum": "outcomes"}).loc[[first, second]]
    total = total.assign(rate=total["outcomes"] / total["starts"], overlap=overlap, standardised=standardised)
    strata = pd.concat({"starts": n.astype(int), "outcomes": x.astype(int)}, axis=1)
    strata.columns = [f"{what}_{whose}" for what, whose in strata.columns]
    strata.insert(0, "weight", weight)
    return Pair(total.rename_axis("unit"), difference, difference - reach, difference + reach, p, strata)
