"""Monthly series: control charts, where a trend ends, how much is recorded yet, and the season.

A series is indexed by calendar month (`Period[M]`), in any order but without holes; a month without data is
NaN. A month that is not yet fully recorded (see `completeness`) is drawn but takes no part: it is neither in
the limits nor ever signalled. A month without data takes no part either. Both end a run, and no moving range
is taken across them.

At a stated change (a rule change, a suspension of referrals) a new phase begins, with limits of its own; no
signal and no comparison reaches across it. What is not stated is never rebased.

Nothing is interpolated, seasonally adjusted or grossed up for late recording.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from perflib.errors import ParameterError

INCOMPLETE = 0.95
"""A month of which less than this share is expected to be recorded yet is drawn hollow and never signalled."""

RULES = {
    "outside": "outside the limits",
    "trend": "{run_length} or more months rising or falling in a row",
    "two_of_three": "two of three months in the outer third before the same limit",
    "one_side": "{run_length} or more months in a row on one side of the centre line",
}
"""The signals, strongest first, in words for `str.format(run_length=...)`."""

_TO_LIMITS = 2.66  # limits in mean moving ranges of two: 3 / 1.128, as tabulated
_RANGE = 1.128  # mean moving range of two, in standard deviations
_SCREEN = 3.267  # upper limit of a moving range of two, in mean moving ranges
_AT_RISK = 10  # records that an estimated delay must rest on

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Bools = NDArray[np.bool_]
Kind = Literal["xmr", "p_prime", "u_prime"]


@dataclass(frozen=True, eq=False)
class ControlChart:
    """A control chart, calculated and not yet drawn.

    Attributes
    ----------
    points : DataFrame
        Index month (`Period[M]`, ascending). Columns `value`; `numerator` and `denominator` if there are
        denominators; `centre`, `lower`, `upper` (NaN where a phase has too few points); `complete` (bool);
        `phase` (1, 2, ...); `signal` (a name in `RULES`, or None); `direction` (`high` or `low`, for a trend
        `rising` or `falling`, or None).
    kind : {"xmr", "p_prime", "u_prime"}
    run_length : int
        Months in a row that make a signal.
    trial : bool
        Whether some phase has fewer complete points than the minimum, so that its limits are trial limits.
    changes : dict of Period[M] to str
        The stated changes that begin a phase in this chart, and their reasons.
    """

    points: pd.DataFrame
    kind: Kind
    run_length: int
    trial: bool
    changes: dict[pd.Period, str]


@dataclass(frozen=True)
class Shift:
    """Where a series stands at its end, when that is no longer where it stood before.

    Attributes
    ----------
    direction : {"fell", "rose"}
    since : Period[M]
        First month at the new level.
    months : int
        Months from `since` to the last complete month, both included.
    before, after : float
        Level of the complete months, at most twelve, before `since`, and of the months from it: their mean, or
        with denominators the pooled numerator over the pooled denominator.
    rule : str
        The strongest signal that shows it, a name in `RULES`.
    """

    direction: Literal["fell", "rose"]
    since: pd.Period
    months: int
    before: float
    after: float
    rule: str


@dataclass(frozen=True, eq=False)
class Seasonal:
    """A series taken apart.

    Attributes
    ----------
    parts : DataFrame
        By month: `value` = `trend` + `seasonal` + `remainder`.
    strength : float
        Of the season, 0 to 1.
    """

    parts: pd.DataFrame
    strength: float


def control_chart(
    values: pd.Series,
    denominators: pd.Series | None = None,
    kind: str = "auto",
    *,
    complete: pd.Series | None = None,
    changes: Mapping[pd.Period, str] | None = None,
    run_length: int = 7,
    screen: bool = False,
    minimum: int = 12,
    floor: float | None = None,
) -> ControlChart:
    """Calculate the limits and the signals of a monthly series.

    `xmr` (individuals and moving range): the centre is the mean, the limits are 2.66 mean moving ranges from it.

    `p_prime` (Laney): the centre is p̄ = Σ counts / Σ denominators, the limits are p̄ ± 3 σ_z √(p̄(1 − p̄)/n),
    cut off at 0 and 1, with σ_z = mean |Δz| / 1.128 and z = (p − p̄) / √(p̄(1 − p̄)/n). As Laney has it, σ_z is
    kept when below 1: months that vary less than chance would have it narrow the limits.

    `u_prime` (Laney): the same for counts that are no part of the denominator, such as job starts, of which a
    person may have two, by people on the programme. The ratio may exceed 1, and the limits are not cut off there.

    A point bears the strongest signal that holds, in this order:

    1. `outside`: beyond a limit.
    2. `trend`: one of `run_length` or more points each above, or each below, the one before.
    3. `two_of_three`: one of the two or three, of three points in a row on one side, that are beyond two thirds
       of the way to that limit (the limit before it is cut off).
    4. `one_side`: one of `run_length` or more points in a row on one side of the centre.

    A point on a line is not beyond it. About one stable series of 24 months in six has a signal.

    Parameters
    ----------
    values : Series
        By month (`Period[M]`), without holes; NaN is no data. With `denominators`, counts.
    denominators : Series, optional
        Same months. The value shown is count / denominator; a denominator of 0 or NaN is no data.
    kind : {"auto", "xmr", "p_prime", "u_prime"}
        `auto` is `p_prime` with denominators and `xmr` without. With denominators, `xmr` charts the ratio, and
        every month weighs the same, however few it rests on.
    complete : Series of bool, optional
        Same months; False is not yet fully recorded. By default all are complete.
    changes : mapping of Period[M] to str, optional
        Stated changes and their reasons; new limits begin in that month. Those that are not after the first
        month and up to the last have no effect and are not kept.
    run_length : int
        6, 7 or 8 are usual; at least 3.
    screen : bool
        Leave out, once, the moving ranges of at least 3.267 times their mean.
    minimum : int
        Complete points that a phase needs for its limits to be more than trial limits.
    floor : float, optional
        What no value can be below, such as 0 for counts: a lower `xmr` limit is cut off there.

    Returns
    -------
    ControlChart

    Raises
    ------
    ParameterError
        Months are missing, repeated or not months; the series have different months; a proportion is not
        within 0 and 1; an argument is not one of those allowed.

    References
    ----------
    D. C. Montgomery, Introduction to Statistical Quality Control, 6.4 (xmr). D. B. Laney, Quality Engineering 14
    (2002), 531-537 (p′, u′). NHS England, Making Data Count (signals). Rates of false alarm: `benchmarks/trends`.

    Examples
    --------
    >>> months = pd.period_range("2020-01", periods=5, freq="M")
    >>> chart = control_chart(pd.Series([5.0, 7.0, 4.0, 6.0, 20.0], months))
    >>> chart.points[["centre", "lower", "upper"]].iloc[0].round(2).tolist()
    [8.4, -5.56, 22.36]
    >>> chart.points["signal"].tolist(), chart.trial
    ([None, None, None, None, None], True)
    """
    kinds: dict[str, Kind] = {"xmr": "xmr", "p_prime": "p_prime", "u_prime": "u_prime"}
    kinds["auto"] = "xmr" if denominators is None else "p_prime"
    if kind not in kinds:
        raise ParameterError(f"kind: {kind!r} is not known; use auto, xmr, p_prime or u_prime.")
    chosen = kinds[kind]
    if chosen != "xmr" and denominators is None:
        raise ParameterError(f"kind: {kind} needs denominators; give them, or use xmr.")
    if run_length < 3:
        raise ParameterError(f"run_length: {run_length} is too short; use 3 or more, usually 7.")

    values = _by_month(values, "values").astype(float)
    months = pd.PeriodIndex(values.index)
    points = pd.DataFrame({"value": values})
    if denominators is not None:
        n = _same_months(denominators, months, "denominators").astype(float)
        _check_counts(values, n, chosen)
        points = pd.DataFrame({"value": values / n.where(n > 0), "numerator": values, "denominator": n})
    points["complete"] = True if complete is None else _same_months(complete, months, "complete")
    if points["complete"].dtype != bool:
        raise ParameterError(f"complete: {points['complete'].dtype} values; use True and False.")
    began = _changes_within(changes or {}, months)
    points["phase"] = 1 + np.searchsorted(pd.PeriodIndex(list(began), dtype="period[M]"), months, side="right")

    phases = [_limits(phase, chosen, screen, floor, run_length) for _, phase in points.groupby("phase")]
    points = points.join(pd.concat(phases))
    order = ["value", "numerator", "denominator", "centre", "lower", "upper"]
    order += ["complete", "phase", "signal", "direction"]
    return ControlChart(
        points=points[[column for column in order if column in points]],
        kind=chosen,
        run_length=run_length,
        trial=bool(_takes_part(points).groupby(points["phase"]).sum().min() < minimum),
        changes=began,
    )


def shift(chart: ControlChart) -> Shift | None:
    """Detect a shift at the end of a series: lower or higher than before, and since when.

    What is looked at is the unbroken run of points on one side of the centre line that ends with the last
    complete month. It shows a shift if a point of it is signalled on that side (or falling, below the centre;
    rising, above it), or if it is `run_length` months long. A signal that is over shows no shift, though the
    chart still has it.

    The run may begin by chance before the shift. `since` is the month, from the run's first to the first with
    the strongest signal, at which one step between two levels fits best (least squares, weighted by the
    denominators) the run and the twelve months before it. The series fell only if it is lower from `since` than
    in the twelve months before, and rose only if higher: low first months of a contract are no fall later.

    It says something of about 2 % of stable series of 24 months, where 15 % have a signal somewhere.

    Parameters
    ----------
    chart : ControlChart

    Returns
    -------
    Shift or None

    Examples
    --------
    >>> months = pd.period_range("2020-01", periods=12, freq="M")
    >>> shift(control_chart(pd.Series([9, 8, 9, 8, 9, 8, 9, 8, 9, 8, 3, 2], months)))
    Shift(direction='fell', since=Period('2020-11', 'M'), months=2, before=8.5, after=2.5, rule='outside')
    """
    used = chart.points.loc[_takes_part(chart.points)]
    if used.empty:
        return None
    points = chart.points.loc[: used.index[-1]]
    points = points.loc[points["phase"] == points["phase"].iloc[-1]]
    used = used.loc[points.index[0] :]
    side = np.sign(_off_centre(points["value"].to_numpy(), points["centre"].to_numpy()))
    side = np.where(_takes_part(points), side, 0)[::-1]
    if side[0] == 0:
        return None
    fell = bool(side[0] < 0)
    length = int(np.logical_and.accumulate(side == side[0]).sum())
    run = used.iloc[-length:]

    signals = run["signal"][run["direction"].isin(["low", "falling"] if fell else ["high", "rising"])]
    found = {*signals, *(["one_side"] if length >= chart.run_length else [])}
    if not found:
        return None
    rule = min(found, key=list(RULES).index)
    first_signalled = int(run.index.isin(signals.index[signals == rule]).argmax())
    since = run.index[0] + _best_step(used.iloc[:-length].tail(12), run, first_signalled)

    before, after = used.loc[: since - 1].tail(12), used.loc[since:]
    if not (_level(after) < _level(before) if fell else _level(after) > _level(before)):
        return None
    return Shift("fell" if fell else "rose", since, len(after), _level(before), _level(after), rule)


def completeness(
    event_dates: pd.Series,
    recorded_dates: pd.Series,
    known_at: date,
    months: pd.PeriodIndex,
    *,
    recent: int | None = 12,
    minimum: int = 30,
) -> pd.Series:
    """Estimate what share of each month's events had been recorded by `known_at`.

    The delay from event to record, in days, is known only of events already recorded, which are the quicker ones.
    So its distribution is estimated backwards, by the product-limit method for right-truncated data:
    F(d) = Π over u > d of 1 − n(u)/R(u), where n(u) events were recorded after u days, and R(u) within u days among
    those that happened at least u days ago. Delays u with R(u) below 10 are not used. A month's completeness is
    the mean over its days of F(`known_at` − day), 0 for days still to come.

    F is relative to the longest delay that can be seen: what is recorded later still than from the earliest
    event used to `known_at` is not allowed for, and older months are called complete. Delays are taken not to
    have changed among the events used, and the events to be even over a month.

    Parameters
    ----------
    event_dates, recorded_dates : Series of datetime64
        When each event happened and was first recorded, in the same order. A pair with NaT, or recorded after
        `known_at`, is left out.
    known_at : date
        Last day of which the records are seen.
    months : PeriodIndex
    recent : int, optional
        Use the events of this many months up to `known_at`, to follow how things are recorded now. All are used
        if it is None, or if the recent ones are fewer than `minimum`.
    minimum : int
        With fewer events than this nothing is said: every month is NaN, which is not `>= INCOMPLETE`.

    Returns
    -------
    Series of float
        0 to 1 by month, for comparison with `INCOMPLETE`.

    Raises
    ------
    ParameterError
        The two series differ in length, or an event was recorded before it happened.

    References
    ----------
    D. Lynden-Bell, MNRAS 155 (1971), 95-118. S. W. Lagakos, L. M. Barraj, V. De Gruttola, Biometrika 75 (1988),
    515-523. With delays in whole periods it is the chain ladder.

    Examples
    --------
    Half is recorded at once and half after 15 days, so half of 16 to 30 June is still to come.

    >>> happened = pd.Series(pd.date_range("2020-01-01", "2020-06-30").repeat(2))
    >>> recorded = happened + pd.to_timedelta(np.arange(len(happened)) % 2 * 15, unit="D")
    >>> months = pd.period_range("2020-05", "2020-06", freq="M")
    >>> completeness(happened, recorded, date(2020, 6, 30), months).round(2).tolist()
    [1.0, 0.75]
    """
    if len(event_dates) != len(recorded_dates):
        raise ParameterError(
            f"recorded_dates: {len(recorded_dates)}, but {len(event_dates)} event_dates; give one for each."
        )
    last_day = pd.Timestamp(known_at).normalize()
    happened = pd.DatetimeIndex(event_dates).normalize()
    recorded = pd.DatetimeIndex(recorded_dates).normalize()
    seen = happened.notna() & (recorded <= last_day)
    delay = np.asarray((recorded - happened)[seen].days, dtype=np.int64)
    longest = np.asarray((last_day - happened)[seen].days, dtype=np.int64)
    if (delay < 0).any():
        raise ParameterError(
            f"recorded_dates: {(delay < 0).sum()} of {len(delay)} are before the event; leave those events out."
        )
    if recent is not None:
        late = longest < (last_day - (last_day - pd.DateOffset(months=recent))).days
        if late.sum() >= minimum:
            delay, longest = delay[late], longest[late]
    if len(delay) < max(minimum, 1):
        return pd.Series(np.nan, months, name="completeness")

    share = _recorded_within(delay, longest, at_risk=_AT_RISK)
    days = pd.date_range(months.min().start_time, months.max().end_time)
    waited = np.asarray((last_day - days).days, dtype=np.int64)
    by_day = np.where(waited < 0, 0.0, share[np.clip(waited, 0, len(share) - 1)])
    return pd.Series(by_day, days).groupby(days.to_period("M")).mean().reindex(months).rename("completeness")


def seasonal(values: pd.Series) -> Seasonal | None:
    """Take a monthly series apart into trend, season and remainder, if it has two full years.

    STL (loess, robust, period 12). The strength of the season is 1 − var(remainder) / var(season + remainder), or
    0 if that is negative. It is no evidence of a season by itself: in simulated series of mere noise it was .26 on
    average with 60 months, .28 with 48, .45 with 36, .73 with 30 and .35 with 24.

    Parameters
    ----------
    values : Series
        By month (`Period[M]`), without holes. Months without data at either end are left out.

    Returns
    -------
    Seasonal or None
        None with fewer than 24 months, or with one among them that has no data.

    Raises
    ------
    ParameterError
        Months are missing, repeated or not months.

    References
    ----------
    R. B. Cleveland and others, Journal of Official Statistics 6 (1990), 3-73. R. J. Hyndman and G. Athanasopoulos,
    Forecasting: Principles and Practice, 3rd edition, 4.3.

    Examples
    --------
    >>> months = pd.period_range("2018-01", periods=36, freq="M")
    >>> result = seasonal(pd.Series([10.0, 20.0, 30.0, 20.0] * 9, months))
    >>> round(result.strength, 2), result.parts.loc["2019-03", ["trend", "seasonal"]].round(1).tolist()
    (1.0, [20.0, 10.0])
    """
    values = _by_month(values, "values").astype(float)
    values = values.loc[values.first_valid_index() : values.last_valid_index()]
    if len(values) < 24 or values.isna().any():
        return None
    from statsmodels.tsa.seasonal import STL

    fit = STL(values.to_numpy(), period=12, robust=True).fit()
    parts = {"value": values.to_numpy(), "trend": fit.trend, "seasonal": fit.seasonal, "remainder": fit.resid}
    varying = float(np.var(fit.seasonal + fit.resid))
    rounding = (1e-10 * float(np.abs(values).max())) ** 2
    strength = 1 - float(np.var(fit.resid)) / varying if varying > rounding else 0.0
    return Seasonal(pd.DataFrame(parts, values.index), max(strength, 0.0))


def _by_month(series: pd.Series, name: str) -> pd.Series:
    """Sort by month; refuse anything but months without holes."""
    index = series.index
    if not isinstance(index, pd.PeriodIndex) or index.freqstr != "M":
        raise ParameterError(f"{name}: indexed by {index.dtype}; use months, period[M].")
    if index.empty:
        raise ParameterError(f"{name}: no months; give at least one, with NaN where there is no data.")
    if index.has_duplicates:
        raise ParameterError(f"{name}: {index[index.duplicated()][0]} is there twice; give each month once.")
    missing = pd.period_range(index.min(), index.max(), freq="M").difference(index)
    if len(missing):
        raise ParameterError(f"{name}: {missing[0]} is missing; give every month, with NaN where there is no data.")
    return series.sort_index()


def _same_months(series: pd.Series, months: pd.PeriodIndex, name: str) -> pd.Series:
    series = _by_month(series, name)
    if not series.index.equals(months):
        raise ParameterError(
            f"{name}: {series.index[0]} to {series.index[-1]}, but values: {months[0]} to {months[-1]}; "
            "give the same months."
        )
    return series


def _check_counts(counts: pd.Series, n: pd.Series, kind: Kind) -> None:
    if (n < 0).any():
        raise ParameterError(f"denominators: {n[n < 0].iloc[0]:g} in {n[n < 0].index[0]}; use 0 or more.")
    if kind != "xmr" and (counts < 0).any():
        negative = counts[counts < 0]
        raise ParameterError(f"values: {negative.iloc[0]:g} in {negative.index[0]}; counts are 0 or more.")
    above = n[(n > 0) & (counts > n)]
    if kind == "p_prime" and len(above):
        raise ParameterError(
            f"values: {counts[above.index[0]]:g} of {above.iloc[0]:g} in {above.index[0]} is no proportion; "
            "count nothing that is not in the denominator, or use kind u_prime."
        )


def _changes_within(changes: Mapping[pd.Period, str], months: pd.PeriodIndex) -> dict[pd.Period, str]:
    """Stated changes that begin a phase within these months, in order."""
    for month in changes:
        if not isinstance(month, pd.Period) or month.freqstr != "M":
            raise ParameterError(f"changes: {month!r} is no month; use a monthly pd.Period.")
    return {month: changes[month] for month in sorted(changes) if months[0] < month <= months[-1]}


def _takes_part(points: pd.DataFrame) -> pd.Series:
    return points["complete"] & points["value"].notna()


def _limits(points: pd.DataFrame, kind: Kind, screen: bool, floor: float | None, run_length: int) -> pd.DataFrame:
    """Limits and signals of one phase."""
    x = points["value"].where(points["complete"]).to_numpy()
    if kind == "xmr":
        centre, half = _xmr(x, screen)
        lowest = -np.inf if floor is None else floor
    else:
        centre, half = _prime(x, points["denominator"].to_numpy(), screen)
        lowest = 0.0
    highest = 1.0 if kind == "p_prime" else np.inf
    rule, way = _signals(_off_centre(x, centre), half, run_length)
    names = np.array([None, *RULES], dtype=object)
    ways = np.array([[None, "high", "low"], [None, "rising", "falling"]], dtype=object)
    return pd.DataFrame(
        {
            "centre": np.broadcast_to(centre, x.shape),
            "lower": np.broadcast_to(np.maximum(centre - half, lowest), x.shape),
            "upper": np.broadcast_to(np.minimum(centre + half, highest), x.shape),
            "signal": pd.Series(names[rule], points.index, dtype=object),
            "direction": pd.Series(ways[(rule == 2).astype(int), way], points.index, dtype=object),
        },
        index=points.index,
    )


def _level(points: pd.DataFrame) -> float:
    if "numerator" in points:
        return float(points["numerator"].sum() / points["denominator"].sum())
    return float(points["value"].mean())


def _best_step(earlier: pd.DataFrame, run: pd.DataFrame, latest: int) -> int:
    """Place in the run, up to the latest allowed, from which two levels fit best."""
    points = pd.concat([earlier, run])
    x = points["value"].to_numpy()
    weights = points["denominator"].to_numpy() if "denominator" in points else np.ones(len(x))

    def misfit(part: slice) -> float:
        return float((weights[part] * (x[part] - np.average(x[part], weights=weights[part])) ** 2).sum())

    steps = range(len(earlier), len(earlier) + latest + 1)
    return min(steps, key=lambda step: misfit(slice(None, step)) + misfit(slice(step, None))) - len(earlier)


# The arithmetic: arrays of (..., months), where a month that takes no part is NaN.


def _xmr(x: Floats, screen: bool = False) -> tuple[Floats, Floats]:
    """Centre, and distance of the limits from it."""
    return _mean(x), _TO_LIMITS * _mean_moving_range(x, screen)


def _prime(x: Floats, n: Floats, screen: bool = False) -> tuple[Floats, Floats]:
    """Centre, and distance of each month's limits from it, for p′ and u′.

    √(p̄(1 − p̄)), or for u′ √p̄, divides z and multiplies the limits, so it is left out of both.
    """
    n = np.where(n > 0, n, np.nan)
    centre = _mean(x, n)
    z = _off_centre(x, centre) * np.sqrt(n)
    return centre, 3 * _mean_moving_range(z, screen) / _RANGE / np.sqrt(n)


def _mean(x: Floats, weights: Floats | float = 1.0) -> Floats:
    weights = np.where(np.isfinite(x), weights, 0.0)
    total = np.sum(weights, axis=-1, keepdims=True)
    mean: Floats = np.sum(np.nan_to_num(x) * weights, axis=-1, keepdims=True) / np.where(total > 0, total, np.nan)
    return mean


def _mean_moving_range(x: Floats, screen: bool) -> Floats:
    ranges = np.abs(np.diff(x, axis=-1))
    mean = _mean(ranges)
    if screen:
        mean = _mean(np.where((ranges > 0) & (ranges >= _SCREEN * mean), np.nan, ranges))
    return mean


def _off_centre(x: Floats, centre: Floats) -> Floats:
    """Distance from the centre line, 0 where it is but rounding."""
    return np.where(np.isclose(x, centre, rtol=1e-9, atol=0), 0.0, x - centre)


def _signals(off: Floats, half: Floats, run_length: int) -> tuple[Integers, Integers]:
    """Strongest rule at each point (place in `RULES` from 1; 0 is none) and its way (1 up, -1 down)."""
    up, down = _rules_upwards(off, half, run_length), _rules_upwards(-off, half, run_length)
    ways = np.where(up, 1, np.where(down, -1, 0))
    ways = np.concatenate([np.zeros_like(ways[:1]), ways])
    rule = (ways != 0).argmax(axis=0)
    return rule, np.take_along_axis(ways, rule[None], axis=0)[0]


def _rules_upwards(off: Floats, half: Floats, run_length: int) -> Bools:
    """Whether each rule holds on the high side, strongest first: (rules, ..., months)."""
    above, outer = off > 0, off > half * 2 / 3
    steps = _runs(np.diff(off, axis=-1, prepend=np.nan) > 0, run_length - 1)
    steps[..., :-1] |= steps[..., 1:]  # the month that the first step is from
    two_of_three = (_windows(outer, 3).sum(axis=-1) >= 2) & np.all(_windows(above, 3), axis=-1)
    return np.stack(
        [
            off > half,
            steps,
            outer & _covered(two_of_three, 3),
            _runs(above, run_length),
        ]
    )


def _runs(flags: Bools, length: int) -> Bools:
    """Whether each place is in a run of at least this length."""
    return _covered(np.asarray(np.all(_windows(flags, length), axis=-1)), length)


def _windows(flags: Bools, length: int) -> Bools:
    """All windows of this length that touch a place, false beyond either end: (..., windows, length)."""
    padded = np.pad(flags, [(0, 0)] * (flags.ndim - 1) + [(length - 1, length - 1)])
    return sliding_window_view(padded, length, axis=-1)


def _covered(windows: Bools, length: int) -> Bools:
    """Whether each place is in a window that holds."""
    return np.asarray(np.any(sliding_window_view(windows, length, axis=-1), axis=-1))


def _recorded_within(delay: Integers, longest: Integers, at_risk: int = 1) -> Floats:
    """Share recorded within 0, 1, ... periods; a delay is seen only if it is not above its `longest`."""
    size = int(longest.max()) + 1
    recorded, waited = np.bincount(delay, minlength=size), np.bincount(longest, minlength=size)
    risk = np.cumsum(recorded) - (np.cumsum(waited) - waited)
    leaves = np.where(risk >= at_risk, recorded / np.maximum(risk, 1), 0.0)
    return np.append(np.cumprod(1 - leaves[:0:-1])[::-1], 1.0)
