"""Units compared at equal maturity and equal case mix: who is different, by how much, and how sure that is.

Conventions
-----------
- Expected is the sum of the participants' own chances (`case_mix`); the ratio is observed over expected, 1 where a unit
  does as all units together do with such participants. `expected_unadjusted` is adjusted for the month of start alone.
- Everything that is compared is on one scale, the ratio: limits are those of the funnel divided by the rate that the
  unit is held to.
- A unit is part of what it is held to, and draws it towards itself: `own` is how much (`CaseMix.own_share`). Limits are
  those of n / (1 - own) participants, so that equal units are beyond them as often as stated, however few there are.
- Two standards of proof stand side by side. `outside` is each unit's own: beyond its 95 or 99.8 % limit. `signal` is
  for all units at once: Benjamini and Hochberg's false discovery rate (`fdr`) over the units compared.
- `outside_spread` says whether it is beyond limits that allow for the ordinary spread between units besides.
- Rates that are shown are of the reference rate: the share that reached it by an equal age in the cohorts observed to
  it (`counts.equal_age`), as it would be with this unit's effect on the odds. Nothing over all starts is a rate.
- Listed apart, and not judged: units with fewer than `smallest` cases, units of which less than `least_expected` could
  be expected yet, units of whose months everybody reached it, units that have next to nobody to be compared with (`own`
  above .95), cases whose unit was not recorded, and specialists.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from statsmodels.stats.multitest import multipletests

from perflib.analysis import cohorts, counts, earlier_day, expected
from perflib.analysis.cohorts import NOT_RECORDED
from perflib.analysis.comparison import funnel
from perflib.analysis.comparison.attribution import (
    SPECIALIST,
    UNIT,
    Attribution,
    by_referral,
    cases,
    roles,
)
from perflib.analysis.comparison.case_mix import COHORT, REACHED, CaseMix, coded, fit
from perflib.analysis.comparison.shrinkage import effects
from perflib.analysis.cuts import By, Where, each, select
from perflib.analysis.forecast.result import seed_of
from perflib.records.display import Explanation, ShowsItself
from perflib.records.snapshot import Snapshot, remembered
from perflib.rules.calendar import quarter, quarter_of

Floats = NDArray[np.float64]

INNER, OUTER = 0.95, 0.998
SMALLEST, LEAST_EXPECTED, FDR = 20, 1.0, 0.05
CHANCE = funnel.Overdispersion(1.0, 0.0, 0)
"""No spread between units besides that of chance."""

MOSTLY_ITSELF, NOTHING = 0.95, 1e-9
TOO_SMALL, TOO_SOON, ALONE, NO_UNIT = "too small", "too soon", "no other unit", "unit not recorded"
ALIKE = "all alike"

COLUMNS = ["n", "observed", "expected", "ratio", "ratio_lower", "ratio_upper"]
COLUMNS += ["expected_unadjusted", "ratio_unadjusted", "own"]
COLUMNS += ["lower_95", "upper_95", "lower_998", "upper_998", "lower_95_spread", "upper_95_spread"]
COLUMNS += ["lower_998_spread", "upper_998_spread", "p_value", "q_value", "outside", "outside_spread", "signal"]
COLUMNS += ["shrunk", "shrunk_lower", "shrunk_upper", "rank", "rank_lower", "rank_upper", "target", "p_below"]
COLUMNS += ["since", "apart"]


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(ShowsItself):
    """Units compared on one measure.

    Attributes
    ----------
    units : DataFrame
        One row a unit, index `unit`, those compared first, best shrunken rate first:

        - `n`, `observed`, `expected`, `ratio` with its exact 95 % interval (`ratio_lower`, `ratio_upper`);
          `expected_unadjusted`, `ratio_unadjusted`: for the month of start alone. `own`: its share of
          what it is held to.
        - `lower_95` ... `upper_998`: funnel limits of the ratio; `..._spread`: those that allow for overdispersion.
        - `p_value` (mid-P), `q_value` (adjusted for the number of units compared).
        - `outside`: 'below 99.8', 'below 95', '', 'above 95', 'above 99.8'; `outside_spread` likewise.
        - `signal`: 'below', 'above' or '': what stays at the false discovery rate.
        - `shrunk`, `shrunk_lower`, `shrunk_upper`: the rate, with a 95 % interval; `rank` (median), `rank_lower`,
          `rank_upper`: 1 is the highest.
        - `target`: the number promised, or `expected` without a promise; `p_below`: the probability that the unit's own
          chance falls short of it.
        - `since`: its first month; `apart`: why it is not judged, '' where it is. What is not judged has NaN and ''.
    case_mix : CaseMix
        The fit, with its calibration and discrimination.
    unadjusted : CaseMix
        That of the month of start alone.
    overdispersion : funnel.Overdispersion
    reference : float
        The rate that `shrunk` is on the scale of; NaN where there is none yet.
    spread : float
        How much units differ: the s.d. of their effects on the logit; `spread_lower`, `spread_upper` its 95 % interval.
    quarters : DataFrame
        One row a unit and quarter of start: `n`, `observed`, `expected`, `ratio`, `lower_95`, `upper_95`.
    """

    units: pd.DataFrame
    case_mix: CaseMix
    unadjusted: CaseMix
    overdispersion: funnel.Overdispersion
    reference: float
    spread: float
    spread_lower: float
    spread_upper: float
    quarters: pd.DataFrame

    explanation = Explanation(
        definition="What each unit reached, against what others would have with the same people.",
        formula="ratio = observed / expected; expected = sum over cases of the chance that the case-mix model gives",
        denominator="Every case of the unit: a start, or a referral for what resolves one. Specialists are apart.",
        source="Spiegelhalter 2005, Statistics in Medicine 24, 1185-1202.",
    )

    @property
    def frame(self) -> pd.DataFrame:
        """One row a unit."""
        return self.units

    @property
    def caption(self) -> str:
        """What it is, in a line."""
        return "Units compared at equal maturity and case mix"

    @property
    def compared(self) -> pd.DataFrame:
        """Select the units that are judged."""
        return self.units[self.units["apart"] == ""]


def compare_cases(
    rows: pd.DataFrame,
    adjust: Sequence[str] = (),
    *,
    smallest: int = SMALLEST,
    least_expected: float = LEAST_EXPECTED,
    fdr: float = FDR,
    reference: float | None = None,
    promised: pd.Series | None = None,
    quarter_of_cohort: pd.Series | None = None,
    seed: int = 0,
) -> Comparison:
    """Compare units on cases of any kind.

    Parameters
    ----------
    rows : DataFrame
        One row a case: `unit`, `cohort` (months, or any label of those that had equal time), `reached` and the
        characteristics.
    adjust : sequence of str
        The characteristics to adjust for.
    smallest : int
        Units with fewer cases are listed apart.
    least_expected : float
        So are units of which less is expected.
    fdr : float
        The false discovery rate of `signal`.
    reference : float, optional
        The rate on whose scale shrunken rates are; by default that of all cases.
    promised : Series, optional
        The number promised of each unit; by default none.
    quarter_of_cohort : Series, optional
        To which quarter each cohort belongs; by default a cohort is a quarter of its own.
    seed : int
        Of the simulation of ranks.

    Returns
    -------
    Comparison

    References
    ----------
    Spiegelhalter 2005, Statistics in Medicine 24, 1185-1202. Benjamini and Hochberg 1995, JRSS B 57, 289-300.

    Examples
    --------
    >>> rows = pd.DataFrame({"unit": ["A"] * 50 + ["B"] * 50, "cohort": "2020-01"})
    >>> rows["reached"] = rows.index < 30
    >>> compare_cases(rows).units[["n", "observed", "expected", "ratio"]].round(3).to_numpy().tolist()
    [[50.0, 30.0, 15.0, 2.0], [50.0, 0.0, 15.0, 0.0]]
    """
    mix, plain = fit(rows, adjust), fit(rows)
    months = _sums(rows, mix, plain)
    frame = months.groupby(level=UNIT, sort=False).sum()
    unit, names = coded(rows[UNIT])
    frame["own"] = pd.Series(mix.own_share(unit, len(names)), index=names)
    frame["since"] = months.reset_index(COHORT).groupby(level=UNIT, sort=False)[COHORT].first()
    frame["apart"] = np.select(
        [
            frame.index == NOT_RECORDED,
            frame["n"] < smallest,
            frame["expected"] < least_expected,
            frame["expected"] - frame["squares"] < NOTHING,
            frame["own"] > MOSTLY_ITSELF,
        ],
        [NO_UNIT, TOO_SMALL, TOO_SOON, ALIKE, ALONE],
        "",
    )
    judged = (frame["apart"] == "").to_numpy()
    n, rate = funnel.matched(frame["expected"], frame["squares"])
    n, rate = np.where(judged, n, np.nan), np.where(judged, rate, np.nan)
    others = 1 - frame["own"].to_numpy()
    spread = funnel.overdispersion(frame["observed"] / others, n / others, rate)
    frame = _ratios(frame, n, rate, spread, fdr)
    whole = float(rows[REACHED].mean()) if len(rows) else np.nan
    scale = whole if reference is None else reference
    frame["target"] = frame["expected"] if promised is None else promised.reindex(frame.index).fillna(frame["expected"])
    frame, between = _shrunken(frame, judged, n, rate, scale, seed)
    frame = frame.assign(order=(frame["apart"] != "").astype(int)).sort_values(
        ["order", "shrunk", "n"], ascending=[True, False, False], kind="stable"
    )
    return Comparison(frame[COLUMNS], mix, plain, spread, scale, *between, _quarters(months, quarter_of_cohort))


def _sums(rows: pd.DataFrame, mix: CaseMix, plain: CaseMix) -> pd.DataFrame:
    """Sum cases and chances by unit and cohort, in their order; only those with a case."""
    (unit, names), (cohort, months) = coded(rows[UNIT]), coded(rows[COHORT])
    group = unit.astype(np.int64) * len(months) + cohort
    chance = mix.chance
    weights = {
        "n": None,
        "observed": rows[REACHED].to_numpy(dtype=float),
        "expected": chance,
        "squares": chance**2,
        "expected_unadjusted": plain.chance,
    }
    size = len(names) * len(months)
    sums = pd.DataFrame({name: np.bincount(group, weight, minlength=size) for name, weight in weights.items()})
    sums.index = pd.MultiIndex.from_product([names, months], names=[UNIT, COHORT])
    return sums[sums["n"] > 0]


def _ratios(frame: pd.DataFrame, n: Floats, rate: Floats, spread: funnel.Overdispersion, fdr: float) -> pd.DataFrame:
    """Add ratios, limits and signals; NaN and '' for those that are not judged."""
    observed = frame["observed"]
    ratio = observed / frame["expected"].where(frame["expected"] > 0)
    unadjusted = observed / frame["expected_unadjusted"].where(frame["expected_unadjusted"] > 0)
    low, high = cohorts.exact_interval(np.minimum(observed, n), n)
    columns = {"ratio_lower": low / rate, "ratio_upper": high / rate}
    others = 1 - frame["own"].to_numpy()
    columns |= _limits(n / others, rate, CHANCE, "") | _limits(n / others, rate, spread, "_spread")
    p_value = funnel.mid_p(observed / others, n / others, rate)
    q_value = np.full(len(frame), np.nan)
    tested = np.isfinite(p_value)
    if tested.any():
        q_value[tested] = multipletests(p_value[tested], method="fdr_bh")[1]
    side = np.where(ratio < 1, "below", "above")
    frame = frame.assign(ratio=ratio, ratio_unadjusted=unadjusted, **columns, p_value=p_value, q_value=q_value)
    frame["outside"] = np.select(
        [p_value < 1 - OUTER, p_value < 1 - INNER],
        [[f"{name} 99.8" for name in side], [f"{name} 95" for name in side]],
        "",
    )
    frame["outside_spread"] = frame["outside"] if spread.variance == 0 else _outside(frame)
    return frame.assign(signal=np.where(q_value <= fdr, side, ""))


def _limits(n: Floats, rate: Floats, spread: funnel.Overdispersion, suffix: str) -> dict[str, Floats]:
    """Return limits of the ratio, by column; those of chance alone where there is no spread."""
    found: dict[str, Floats] = {}
    for level, name in ((INNER, "95"), (OUTER, "998")):
        low, high = spread.limits(n, rate, level)
        found |= {f"lower_{name}{suffix}": low / rate, f"upper_{name}{suffix}": high / rate}
    return found


def _outside(frame: pd.DataFrame) -> Floats:
    """Return which units are beyond the limits that allow for spread."""
    ratio = frame["ratio"]
    conditions = {
        "below 99.8": ratio < frame["lower_998_spread"],
        "above 99.8": ratio > frame["upper_998_spread"],
        "below 95": ratio < frame["lower_95_spread"],
        "above 95": ratio > frame["upper_95_spread"],
    }
    return np.select(list(conditions.values()), list(conditions), "")


def _shrunken(
    frame: pd.DataFrame, judged: NDArray[np.bool_], n: Floats, rate: Floats, scale: float, seed: int
) -> tuple[pd.DataFrame, tuple[float, float, float]]:
    """Add shrunken rates, ranks and the chance of falling short; and return how much units differ."""
    names = ["shrunk", "shrunk_lower", "shrunk_upper", "rank", "rank_lower", "rank_upper", "p_below"]
    values = np.full((len(names), len(frame)), np.nan)
    between = (np.nan, np.nan, np.nan)
    if judged.any():
        mine = frame[judged]
        found = effects(mine["observed"], n[judged], rate[judged], seed=seed)
        shown = found.rate(scale) if 0 < scale < 1 else np.full(found.draws.shape, np.nan)
        ranks = found.ranks()
        short = np.clip(mine["target"].to_numpy() / n[judged], 1e-9, 1 - 1e-9)
        needed = np.log(short / (1 - short)) - np.log(rate[judged] / (1 - rate[judged]))
        values[:, judged] = [
            shown.mean(axis=0),
            *np.quantile(shown, [0.025, 0.975], axis=0),
            *np.quantile(ranks, [0.5, 0.025, 0.975], axis=0, method="nearest"),
            (found.draws < needed).mean(axis=0),
        ]
        between = (found.spread, found.spread_lower, found.spread_upper)
    return frame.assign(**dict(zip(names, values, strict=True))), between


def _quarters(months: pd.DataFrame, quarter_of_cohort: pd.Series | None) -> pd.DataFrame:
    """Compare each unit's cases by the quarter in which they began; limits leave its own share out of account."""
    cohort = months.index.get_level_values(COHORT)
    quarters = pd.Index(cohort if quarter_of_cohort is None else quarter_of_cohort.reindex(cohort), name="quarter")
    sums = months.groupby([months.index.get_level_values(UNIT), quarters], sort=False).sum()
    n, rate = funnel.matched(sums["expected"], sums["squares"])
    low, high = funnel.limits(n, rate, INNER)
    ratio = sums["observed"] / sums["expected"].where(sums["expected"] > 0)
    return sums[["n", "observed", "expected"]].assign(ratio=ratio, lower_95=low / rate, upper_95=high / rate)


@remembered
def compare(
    snapshot: Snapshot,
    unit: str = "subcontractor",
    measure: str = "outcome",
    adjust: tuple[str, ...] | None = None,
    attribution: Attribution = "at_start",
    smallest: int = SMALLEST,
    fdr: float = FDR,
    where: Where = None,
) -> Comparison:
    """Compare the units of a contract on one measure, at equal maturity and case mix.

    Parameters
    ----------
    snapshot : Snapshot
    unit : str
        An attribute that names who delivers.
    measure : str
        An outcome or event of the programme, a standard of the contract, or a KPI that is a share.
    adjust : tuple of str, optional
        Attributes known at the start; by default those that the programme file marks `case_mix`. `()` for none.
    attribution : {'at_start', 'at_event', 'at_period_end'}
        Whose a participant is who moved between units.
    smallest : int
        Units with fewer cases are listed apart.
    fdr : float
        The false discovery rate of `signal`.
    where : mapping, mask or callable, optional
        Only these people, as for `cuts.mask`: units are compared with what is usual among them.

    Returns
    -------
    Comparison
        Specialists are listed apart without any number where the measure is neither a standard nor a KPI. `units` has
        `matters` too: whether the difference is as large as the contract's `least_difference`; without that there is
        no `signal`.

    Raises
    ------
    ParameterError
        An unknown unit, measure, attribute or attribution.

    References
    ----------
    Spiegelhalter 2005, Statistics in Medicine 24, 1185-1202. Benjamini and Hochberg 1995, JRSS B 57, 289-300.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> compare(sample_snapshot(), measure="first_earnings").units[["n", "observed", "ratio"]].round(2).reset_index()
       unit    n  observed  ratio
    0  SC01  107      28.0   1.21
    1  SC02   74      18.0   0.88
    2  SC03   52      10.0   0.81
    """
    snapshot = select(snapshot, where)
    rows = cases(snapshot, unit, measure, adjust, attribution)
    contract = snapshot.contract
    months = pd.Series(pd.PeriodIndex(rows[COHORT].unique(), freq="M").sort_values())
    ends = pd.Series(quarter_of(pd.PeriodIndex(months), contract.quarter_basis, snapshot.first_day), index=months)
    found = compare_cases(
        rows,
        [str(name) for name in rows if name not in (UNIT, COHORT, REACHED)],
        smallest=smallest,
        fdr=fdr,
        reference=_reference(snapshot, measure),
        promised=_promised(snapshot, unit, measure) if attribution == "at_start" else None,
        quarter_of_cohort=ends,
        seed=seed_of(contract.contract, snapshot.month),
    )
    role = roles(snapshot, unit)
    others = role.index[role == SPECIALIST].difference(found.units.index)
    whole = found.units.reindex(found.units.index.append(others).rename(UNIT))
    whole.loc[others, ["outside", "outside_spread", "signal"]] = ""
    whole.loc[others, "apart"] = SPECIALIST
    of = whole["n"].where(whole["n"] > 0)
    matters = contract.least_difference.matters(whole["observed"] / of, whole["expected"] / of, share=True)
    return replace(found, units=whole.assign(matters=matters, signal=whole["signal"].where(matters, "")))


def _reference(snapshot: Snapshot, measure: str) -> float | None:
    """Return the rate at an equal age of everybody, NaN where no cohort is old enough; None for cases of referrals."""
    if by_referral(snapshot, measure):
        return None
    age = counts.equal_age(snapshot, measure)
    if age is None:
        return np.nan
    reached = cohorts.triangle(snapshot, measure).rate_at(age)[["starts", "outcomes"]].sum()
    return float(reached["outcomes"] / reached["starts"]) if reached["starts"] else np.nan


def _promised(snapshot: Snapshot, unit: str, measure: str) -> pd.Series | None:
    """Return what is expected to be recorded so far of each unit's own starts; None without a profile."""
    if by_referral(snapshot, measure) or measure not in {profile.measure for profile in snapshot.contract.profiles}:
        return None
    t = cohorts.recorded_triangle(snapshot, measure, unit)
    happens = cohorts.happenings(t, snapshot.contract).groupby(level=unit).sum(min_count=t.counts.shape[1])
    return pd.Series(expected.of_profile(snapshot, measure).expects(happens), happens.index)


@remembered
def _at(snapshot: Snapshot, day: date) -> Snapshot:
    """Return the snapshot of an earlier day, the same one for every measure."""
    return earlier_day.at(snapshot, day)


def last_quarter_end(snapshot: Snapshot) -> date | None:
    """Last day of the last quarter that ended before the reporting month; None where there is none.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> last_quarter_end(sample_snapshot())
    datetime.date(2019, 12, 31)
    """
    if snapshot.month <= snapshot.first_month:
        return None
    ended = quarter(snapshot.month - 1, snapshot.contract.quarter_basis, snapshot.first_day)
    return None if ended is None else ended.end


@remembered
def units(
    snapshot: Snapshot,
    unit: str = "subcontractor",
    measure: str = "outcome",
    adjust: tuple[str, ...] | None = None,
    attribution: Attribution = "at_start",
    smallest: int = SMALLEST,
    fdr: float = FDR,
    by: By = None,
    where: Where = None,
) -> pd.DataFrame:
    """Compare the units of a contract on one measure, and with where they stood at the end of the last quarter.

    Parameters
    ----------
    snapshot : Snapshot
    unit, measure, adjust, attribution, smallest, fdr
        As for `compare`.
    by : str or sequence of str, optional
        One or several names, as for `cuts.labels`: a comparison within each group.
    where : mapping, mask or callable, optional
        Only these people, as for `cuts.mask`.

    Returns
    -------
    DataFrame
        `Comparison.units`, and `ratio_before` and `signal_before`, at the close of the last quarter that ended before
        the reporting month, as known since, and `change`, `ratio` less `ratio_before`; missing where it was not judged.

    References
    ----------
    Spiegelhalter 2005, Statistics in Medicine 24, 1185-1202. Benjamini and Hochberg 1995, JRSS B 57, 289-300.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> units(sample_snapshot())[["n", "observed", "expected", "ratio"]].round(2).reset_index()
       unit    n  observed  expected  ratio
    0  SC01  107      13.0     11.47   1.13
    1  SC02   74      11.0     11.60   0.95
    2  SC03   52       4.0      4.92   0.81
    """
    if by is not None or where is not None:
        options = {"unit": unit, "measure": measure, "adjust": adjust, "attribution": attribution}
        return each(units, snapshot, by, where, **options, smallest=smallest, fdr=fdr)
    now = compare(snapshot, unit, measure, adjust, attribution, smallest, fdr).units
    day = last_quarter_end(snapshot)
    if day is None:
        return now.assign(ratio_before=np.nan, signal_before="", change=np.nan)
    earlier = _at(snapshot, day)
    before = compare(earlier, unit, measure, adjust, attribution, smallest, fdr).compared.reindex(now.index)
    change = (now["ratio"] - before["ratio"]).where(now["apart"] == "")
    return now.assign(ratio_before=before["ratio"], signal_before=before["signal"].fillna(""), change=change)
