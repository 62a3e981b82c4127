"""Expected so far: what a profile leads one to expect to be recorded by a month, and how much is recorded yet.

An outcome that has happened and is not recorded yet is no outcome missed. So whatever a profile expects is moved from
the month in which it happens to the month in which it is first recorded, and set beside what was recorded by then.

Conventions
-----------
- Months are calendar months. Only whole recorded months count: to the report month, or to the month before where that
  had not ended when the snapshot was known (`last_month`).
- D[k] is the share of a measure that is first recorded within k months of the month in which it happened, of the whole
  contract. It is estimated from the records, corrected for right truncation (`Delay`), from `ENOUGH` records on; before
  that it is the programme's `recording_delay`, or else exponential with 95 % within the contract's allowance; all of it
  within that allowance. Delays that no record of this contract shows may be none, as stated, or as slow as the
  allowance: the draws of D say so, and the limits are wide while little is known.
- Delays can change. Where what happened lately is recorded significantly sooner or later than what happened before
  (`change`), each part has a D of its own.
- A profile P by the month of the event becomes R by the month of the record: R[a] = sum over j of
  (P[j] - P[j - 1]) D[a - j]. With `profile_clock: recorded` R = P.
- A period expects the rises of R over its months, and is held against what was first recorded in these months: so
  periods add up, and each record counts once.
- Limits of recorded over expected hold the chance of the count (exact Poisson, or Clopper-Pearson where the count is of
  a number of starts) and, where D is uncertain, the uncertainty of D: `DRAWS` draws of both.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from perflib.analysis import measures
from perflib.records.schemas import KEYS, TABLES
from perflib.records.snapshot import Snapshot, remembered
from perflib.rules.data_source import recorded_as_it_happened

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DRAWS = 2000
ENOUGH = 30
"""Records from which on delays are estimated; what is taken from the programme's file weighs as many."""

AT_RISK = 10
"""Records that the estimate of one month of delay must rest on; with fewer, that of the programme's file is used."""

NEARLY_ALL = 0.95
"""A period is judged once this share of it is expected to be recorded."""

CHANGED = 0.05
"""Chance at which a change of delays would be seen where there is none."""

MONTH_DAYS = 30.4375

BELOW, IN_LINE, ABOVE, TOO_EARLY, NO_PROFILE = "below", "in line", "above", "too early", "no profile"
NONE_IS_IN_LINE = -np.log(0.025)
"""With less expected than this, about 3.7, even a count of nought is in line."""


@dataclass(frozen=True, eq=False)
class Delay:
    """How soon a measure is recorded.

    Attributes
    ----------
    shares : ndarray of shape (k,)
        D: the share first recorded within 0, 1, 2 ... months; the last is 1.
    draws : ndarray of shape (DRAWS, k)
        D as other records of the same process would have shown it (a parametric bootstrap).
    records : int
        Records that the estimate rests on.
    basis : {'records', 'programme', 'allowance', 'as it happened', 'profile clock'}
        Where D is from.
    seed : int
        Of the draws.
    earlier : Delay or None
        Where delays have changed: those of what happened before `since`.
    since, last : int
        Ordinals of the first month with these delays, and of the last month that is compared.
    """

    shares: Floats
    draws: Floats
    records: int
    basis: str
    seed: int
    earlier: Delay | None = None
    since: int = 0
    last: int = 0

    @property
    def certain(self) -> bool:
        """Whether every draw is the same."""
        return bool((self.draws == self.shares).all()) and (self.earlier is None or self.earlier.certain)

    def within(self, months: ArrayLike) -> Floats:
        """Share recorded within so many months; 0 before the month itself.

        >>> NO_DELAY.within([-1, 0, 3]).tolist()
        [0.0, 1.0, 1.0]
        """
        return _within(self.shares, months)

    def expects(
        self, happens: ArrayLike, first: int = 0, last: int | None = None, *, drawn: bool = False, beyond: int = 0
    ) -> Floats:
        """Expected to be recorded in some months, as `so_far`, each month of what happens with the delays of its time.

        The last column of `happens` is `beyond` months after the last month that is compared.
        """
        shares = self.draws if drawn else self.shares
        if self.earlier is None:
            return so_far(happens, shares, first, last)
        rows = np.asarray(happens, dtype=float)
        lately = np.arange(rows.shape[-1]) >= rows.shape[-1] - beyond - (self.last - self.since + 1)
        before = self.earlier.expects(np.where(lately, 0.0, rows), first, last, drawn=drawn)
        return before + so_far(np.where(lately, rows, 0.0), shares, first, last)

    def share_recorded(self, months: pd.PeriodIndex, by: pd.Period) -> float:
        """Expected share recorded by the end of a month of what happened in some months, each weighing the same."""
        if not len(months):
            return np.nan
        waited = _between(months, by)
        before = self if self.earlier is None else self.earlier
        return float(np.where(months.asi8 >= self.since, self.within(waited), before.within(waited)).mean())

    def judged_from(self, months: pd.PeriodIndex) -> pd.Period:
        """First month by whose end `NEARLY_ALL` of what happened in some months is expected to be recorded."""
        waits = range(max(len(self.shares), 0 if self.earlier is None else len(self.earlier.shares)))
        return next(months.max() + k for k in waits if self.share_recorded(months, months.max() + k) >= NEARLY_ALL)


def _within(shares: Floats, months: ArrayLike) -> Floats:
    k = np.asarray(months, dtype=np.int64)
    return np.where(k < 0, 0.0, shares[..., np.clip(k, 0, shares.shape[-1] - 1)])


def _between(earlier: pd.PeriodIndex, later: pd.Period) -> Ints:
    return np.asarray(later.ordinal - earlier.asi8, dtype=np.int64)


def _sure(shares: Sequence[float], basis: str) -> Delay:
    values = np.asarray(shares, dtype=float)
    return Delay(values, np.broadcast_to(values, (DRAWS, len(values))), 0, basis, 0)


NO_DELAY = _sure([1.0], "as it happened")
"""Everything is recorded in the month in which it happens."""

ON_PROFILE_CLOCK = _sure([1.0], "profile clock")
"""The profile is of what is recorded: nothing is to be moved."""


def known_month(snapshot: Snapshot) -> pd.Period:
    """Last month that is known to its end; it may lie after the report month."""
    known = snapshot.known_to if snapshot.ends_early and snapshot.known_to is not None else snapshot.known_at
    return pd.Period(pd.Timestamp(known) + pd.Timedelta(days=1), "M") - 1


def last_month(snapshot: Snapshot) -> pd.Period:
    """Last whole recorded month: the report month, or the one before where that is not known to its end."""
    ended = snapshot.period_end >= snapshot.month.end_time.date()
    return min(snapshot.month if ended else snapshot.month - 1, known_month(snapshot))


@remembered
def delay(snapshot: Snapshot, measure: str) -> Delay:
    """Estimate how soon a measure is recorded, for the whole contract.

    Delays are known only of what has been recorded, which is the quicker part: a record of a month ago cannot show a
    delay of two. So the distribution is estimated backwards, by the product-limit method for right-truncated data:
    D[k] = product over u > k of 1 - n[u] / R[u], where n[u] records came after u months, and R[u] within u months, of
    what happened at least u months ago. Where R[u] is below `AT_RISK`, n[u] / R[u] is that of the programme's file.

    Parameters
    ----------
    snapshot : Snapshot
    measure : str
        An outcome or an event of the programme.

    Returns
    -------
    Delay

    Raises
    ------
    ParameterError
        The programme has no such measure.

    References
    ----------
    D. Lynden-Bell, MNRAS 155 (1971), 95-118. J. F. Lawless, Canadian Journal of Statistics 22 (1994), 15-31.
    """
    if snapshot.whole is not None:
        return delay(snapshot.whole, measure)
    silent = recorded_as_it_happened(snapshot.contract.source)
    if silent and set(_events(snapshot, measure)) <= set(silent):
        return NO_DELAY
    found = measures.occurrences(snapshot, measure)
    return _of_dates(snapshot, found["event"], found["recorded"], measure)


@remembered
def table_delay(snapshot: Snapshot, table: str) -> Delay:
    """Estimate how soon the rows of a table are recorded; a row is of the table's first date that it must have.

    A table of which everything was recorded in one month was loaded at once: that says nothing of delays.
    """
    if snapshot.whole is not None:
        return table_delay(snapshot.whole, table)
    rows = snapshot.tables[table]
    day = next(name for name, column in TABLES[table].items() if column.kind == "date" and column.required)
    if "recorded_date" not in rows or rows["recorded_date"].dt.to_period("M").nunique() < 2:
        return NO_DELAY
    first = rows.dropna(subset=day).groupby([*KEYS[table]], dropna=False)[[day, "recorded_date"]].min()
    return _of_dates(snapshot, first[day], first["recorded_date"], None)


def _events(snapshot: Snapshot, measure: str) -> list[str]:
    outcome = snapshot.programme.outcomes.get(measure)
    return [measure] if outcome is None else [route.event for route in outcome.routes]


def _of_dates(snapshot: Snapshot, happened: pd.Series, recorded: pd.Series, measure: str | None) -> Delay:
    shares, basis = _stated(snapshot, measure)
    slowest = None if shares[0] == 1 else _slowest(snapshot)
    month = known_month(snapshot).ordinal
    known = happened.notna().to_numpy() & recorded.notna().to_numpy()
    event, record = (dates.to_numpy("datetime64[M]").astype(np.int64)[known] for dates in (happened, recorded))
    seen = (record <= month) & (event <= month)
    text = f"{snapshot.contract.contract} {snapshot.month} {measure}"
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    last = last_month(snapshot).ordinal
    return estimate_parts(
        np.maximum(record - event, 0)[seen], (month - event)[seen], shares, basis, seed, slowest, month, last
    )


def estimate_parts(
    delays: Ints,
    longest: Ints,
    stated: ArrayLike,
    basis: str,
    seed: int,
    slowest: Floats | None,
    known: int,
    last: int,
) -> Delay:
    """Estimate D as `estimate` does, and where delays have changed (`change`) that of either part.

    Parameters
    ----------
    delays, longest, stated, basis, seed, slowest
        As for `estimate`.
    known, last : int
        Months that `longest` is counted to, and that is compared last; numbered alike.
    """
    parts = change(delays, longest)
    if parts is None:
        return estimate(delays, longest, stated, basis, seed, slowest)
    lately = longest < parts
    earlier = estimate(delays[~lately], longest[~lately], stated, basis, seed, slowest)
    found = estimate(delays[lately], longest[lately], earlier.shares, basis, seed, slowest)
    return replace(found, earlier=earlier, since=known - parts + 1, last=last)


def _stated(snapshot: Snapshot, measure: str | None) -> tuple[Floats, str]:
    """Shares that hold before there are records enough, and whose they are; all within the months of the allowance."""
    allowance = snapshot.contract.recording_allowance
    latest = int(allowance // MONTH_DAYS)
    for name in dict.fromkeys([measure, None]):
        for item in snapshot.programme.recording_delay:
            if item.measure == name:
                return np.append(item.values[:latest], 1.0), "programme"
    return _slowest(snapshot), "allowance"


def _slowest(snapshot: Snapshot) -> Floats:
    """Slowest delays that the contract's allowance leads one to think of."""
    return of_allowance(snapshot.contract.recording_allowance)


def of_allowance(days: float) -> Floats:
    """D that is exponential with 95 % within so many days, and all of it within their whole months.

    >>> of_allowance(92).round(2).tolist()
    [0.39, 0.77, 0.92, 1.0]
    """
    months = np.arange(int(days // MONTH_DAYS))
    return np.append(1 - np.exp(-3 * (months + 0.5) * MONTH_DAYS / max(days, 1)), 1.0)  # exp(-3) = 5 %


def change(delays: Ints, longest: Ints) -> int | None:
    """Find since when records come sooner or later than before: a log-rank test in reverse time, at every month.

    Parameters
    ----------
    delays, longest : ndarray of int, shape (records,)
        As for `estimate`.

    Returns
    -------
    int or None
        How many of the last months are unlike those before: the split that is clearest, if it is significant
        (`CHANGED`, Bonferroni over the splits tried), with `AT_RISK` records after it and `ENOUGH` before.

    References
    ----------
    S. W. Lagakos, L. M. Barraj, V. De Gruttola, Biometrika 75 (1988), 515-523.

    Examples
    --------
    Of 40 events a month half are recorded at once and half a month later; in the last three months seen all at once.

    >>> delays, longest = np.tile([0, 1], 180), np.repeat(np.arange(1, 10), 40)
    >>> change(delays, longest), change(np.where(longest > 3, delays, 0), longest)
    (None, 4)
    """
    if len(delays) < ENOUGH + AT_RISK:
        return None
    months, size = int(longest.max()) + 1, int(delays.max()) + 1
    cells = np.zeros((months, size))
    np.add.at(cells, (longest, delays), 1)
    seen = np.arange(size) <= np.arange(months)[:, None]
    lately, risk_lately = cells.cumsum(axis=0)[:, 1:], np.where(seen, cells.cumsum(axis=1), 0.0).cumsum(axis=0)[:, 1:]
    count, risk = lately[-1], risk_lately[-1]
    share = risk_lately / np.maximum(risk, 1)
    spread = share * (1 - share) * count * (risk - count) / np.maximum(risk - 1, 1)
    records = cells.sum(axis=1).cumsum()
    tried = (records >= AT_RISK) & (records[-1] - records >= ENOUGH) & (spread.sum(axis=1) > 0)
    if not tried.any():
        return None
    z = np.where(tried, (lately - share * count).sum(axis=1) / np.sqrt(np.maximum(spread.sum(axis=1), 1e-12)), 0.0)
    best = int(np.abs(z).argmax())
    return best + 1 if 2 * stats.norm.sf(abs(z[best])) * tried.sum() < CHANGED else None


def estimate(
    delays: Ints,
    longest: Ints,
    stated: ArrayLike,
    basis: str = "programme",
    seed: int = 0,
    slowest: ArrayLike | None = None,
) -> Delay:
    """Estimate D from the delays of records, each seen only if it is not above its `longest`.

    Parameters
    ----------
    delays, longest : ndarray of int, shape (records,)
        Months from event to record, and from event to the last month that is seen.
    stated : array of float
        D where there are too few records.
    basis : str
        Whose `stated` is.
    seed : int
        Of the draws.
    slowest : array of float, optional
        D at its slowest, where there are too few records: a third of the draws have no delay there, a third `stated`,
        a third this; by default all are about `stated`.

    Returns
    -------
    Delay

    Examples
    --------
    Of 40 events of January 20 are recorded at once and 20 in February; of 20 of February 20 at once, so far.

    >>> delays, longest = np.repeat([0, 1, 0], 20), np.repeat([1, 1, 0], 20)
    >>> estimate(delays, longest, [1.0]).shares.tolist()
    [0.5, 1.0]
    """
    prior = np.asarray(stated, dtype=float)
    enough = len(delays) >= ENOUGH
    size = max(len(prior), int(delays.max(initial=0)) + 1 if enough else 1)
    late = prior if slowest is None else np.asarray(slowest, dtype=float)
    size = max(size, len(late))
    hazard, slow = (_hazards(np.append(shares, np.ones(size - len(shares)))) for shares in (prior, late))
    rests = np.zeros(size, dtype=bool)
    behind = np.full(size, ENOUGH)
    if enough:
        recorded, waited = np.bincount(delays, minlength=size), np.bincount(longest, minlength=size)[:size]
        risk = np.cumsum(recorded) - (np.cumsum(waited) - waited)
        rests = risk >= AT_RISK
        hazard = np.where(rests, recorded / np.maximum(risk, 1), hazard)
        behind = np.where(rests, risk, behind)
    rng = np.random.default_rng(seed)
    likely = np.broadcast_to(hazard, (DRAWS, size))
    if slowest is not None and not rests.all():
        ways = np.stack([np.zeros(size), hazard, np.maximum(hazard, slow)])  # each as likely as the others
        ways[:, 0] = hazard[0]
        likely = np.where(rests, likely, ways[rng.permutation(DRAWS) % 3])
    drawn = rng.binomial(behind, likely, (DRAWS, size)) / behind
    shares, draws = (_from_hazards(rates) for rates in (hazard, drawn))
    kept = max(int(np.argmax(shares >= 1 - 1e-12)), int((draws < 1 - 1e-12).any(axis=0).sum())) + 1
    return Delay(shares[:kept], draws[:, :kept], len(delays), "records" if enough else basis, seed)


def _hazards(shares: Floats) -> Floats:
    """Reverse-time hazards of cumulative shares: what comes in a month, of what has come by its end."""
    return np.asarray(np.diff(shares, prepend=0.0) / np.where(shares > 0, shares, 1.0))


def _from_hazards(rates: Floats) -> Floats:
    """Cumulative shares from reverse-time hazards: the product of 1 - rate over later months."""
    stay = np.cumprod(1 - rates[..., :0:-1], axis=-1)[..., ::-1]
    return np.concatenate([stay, np.ones((*rates.shape[:-1], 1))], axis=-1)


def of_profile(snapshot: Snapshot, measure: str) -> Delay:
    """Delay by which a measure's profile is moved: none where the profile is of what is recorded."""
    return ON_PROFILE_CLOCK if snapshot.contract.profile_clock == "recorded" else delay(snapshot, measure)


def by_recorded_month(profile: ArrayLike, shares: ArrayLike) -> Floats:
    """Move a cumulative profile from the month of the event to the month of the record: R from P and D.

    Parameters
    ----------
    profile : array of shape (..., ages)
        P: cumulative outcomes a start, by the end of month cohort + age.
    shares : array of shape (k,)
        D.

    Returns
    -------
    ndarray of shape (..., ages)

    Examples
    --------
    100 starts of January, P = [0, 0, .10], 70 % recorded in the month, the rest in the next: 7 are expected to be
    recorded by the end of March and 10 by the end of April.

    >>> (100 * by_recorded_month([0, 0, 0.10, 0.10], [0.7, 1.0])).round(6).tolist()
    [0.0, 0.0, 7.0, 10.0]
    """
    curve, months = np.asarray(profile, dtype=float), np.diff(np.asarray(shares, dtype=float), prepend=0.0)
    moved = np.zeros_like(curve)
    for k, share in enumerate(months[: curve.shape[-1]]):
        moved[..., k:] += share * curve[..., : curve.shape[-1] - k]
    return moved


def so_far(happens: ArrayLike, shares: ArrayLike, first: int = 0, last: int | None = None) -> Floats:
    """Expected to be recorded in some months, of what is expected to happen in each month.

    Parameters
    ----------
    happens : array of shape (..., months)
        What is expected to happen in each calendar month.
    shares : array of shape (k,) or (draws, k)
        D.
    first, last : int
        The months counted, by their positions, both included; by default all.

    Returns
    -------
    ndarray of shape (...), or (draws, ...)

    Examples
    --------
    Of 10 outcomes in the third month, 70 % are recorded in it and the rest in the next.

    >>> happens = [0, 0, 10.0, 0]
    >>> [round(float(so_far(happens, [0.7, 1.0], first, last)), 6) for first, last in ((0, 2), (3, 3), (0, 3))]
    [7.0, 3.0, 10.0]
    """
    expects, cumulative = np.asarray(happens, dtype=float), np.asarray(shares, dtype=float)
    months = expects.shape[-1]
    last = months - 1 if last is None else last
    at = np.arange(months)
    weight = _within(cumulative, last - at) - _within(cumulative, first - 1 - at)
    counted = (np.atleast_2d(weight) > 0).any(axis=0)  # a month that cannot matter may be unknown
    known = np.where(counted, expects, 0.0)
    return known @ weight if weight.ndim == 1 else weight @ known.T


def compare(
    recorded: ArrayLike,
    happens: ArrayLike,
    delay: Delay,
    first: int = 0,
    last: int | None = None,
    *,
    starts: ArrayLike | None = None,
    eventually: ArrayLike | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Hold counts of what was recorded in some months against what was expected to be recorded in them.

    Parameters
    ----------
    recorded : array of shape (rows,)
        Counts.
    happens : array of shape (rows, months)
        What the profile expects to happen in each calendar month; NaN where it says nothing.
    delay : Delay
    first, last : int
        The months counted, by their positions; by default all.
    starts : array of shape (rows,), optional
        The number that each count is out of: limits are then of a proportion.
    eventually : array of shape (rows,), optional
        What is expected in the end; a row that is far from it and of which too little is expected yet to be judged is
        `too early`.
    level : float
        Of the limits.

    Returns
    -------
    DataFrame
        `recorded`, `expected` (so far), `difference`, `ratio`, `lower` and `upper` (limits of the ratio; NaN where
        nothing is expected), and `status`: 'in line', 'above', 'below', 'too early' or 'no profile'.

    Examples
    --------
    >>> compare([0, 4], [[0, 0, 10.0], [0, 0, 10.0]], NO_DELAY)["status"].tolist()
    ['below', 'in line']
    """
    count, rows = np.asarray(recorded, dtype=float), np.atleast_2d(np.asarray(happens, dtype=float))
    expects = delay.expects(rows, first, last)
    of = None if starts is None else np.asarray(starts, dtype=float)
    low, high = exact_limits(count, of, level)
    mean = np.where(expects > 0, expects, np.nan)
    lower, upper = low / mean, high / mean
    if not delay.certain:
        drawn = delay.expects(rows, first, last, drawn=True)
        lower, upper = _drawn_limits(count, of, drawn, (lower, upper), level)
    waits = np.inf if eventually is None else np.asarray(eventually, dtype=float)
    early = (expects < NONE_IS_IN_LINE) & (expects < NEARLY_ALL * waits) & (eventually is not None)
    nothing = (expects == 0) & (count == 0)
    status = np.select(
        [np.isnan(expects), (lower > 1) | ((expects == 0) & (count > 0)), early | nothing, upper < 1],
        [NO_PROFILE, ABOVE, TOO_EARLY, BELOW],
        IN_LINE,
    )
    columns = {"recorded": count, "expected": expects, "difference": count - expects, "ratio": count / mean}
    return pd.DataFrame(columns | {"lower": lower, "upper": upper, "status": status.astype(str)})


def exact_limits(count: Floats, of: Floats | None, level: float = 0.95) -> tuple[Floats, Floats]:
    """Exact limits of a count: Garwood's of a Poisson mean, or Clopper-Pearson's of a count out of a number.

    >>> [round(float(limit[0]), 2) for limit in exact_limits(np.array([10.0]), None)]
    [4.8, 18.39]
    """
    tail = (1 - level) / 2
    low, high = (_mean_quantile(count, of, np.array([part]), upper)[:, 0] for part, upper in ((tail, 0), (1 - tail, 1)))
    return low, high


def _mean_quantile(count: Floats, of: Floats | None, parts: Floats, upper: int) -> Floats:
    """Quantiles of the mean behind counts, shape (counts, parts), as exact limits have them: lower 0 or upper 1."""
    x, q = count[:, None], parts[None]
    if of is None:
        return np.asarray(np.where(x + upper > 0, stats.gamma.ppf(q, np.maximum(x + upper, 1e-9)), 0.0))
    n = of[:, None]
    with np.errstate(invalid="ignore"):
        share = stats.beta.ppf(q, np.maximum(x + upper, 1e-9), np.maximum(n - x + 1 - upper, 1e-9))
    share = np.where(x + upper <= 0, 0.0, np.where(n - x + 1 - upper <= 0, 1.0, share))
    return np.asarray(np.where(n > 0, n * share, np.nan))


def _drawn_limits(
    count: Floats, of: Floats | None, expects: Floats, exact: tuple[Floats, Floats], level: float
) -> tuple[Floats, Floats]:
    """Limits of the ratio that hold the uncertainty of D: quantiles of drawn means over drawn expectations.

    The means are drawn one from each of `DRAWS` equal parts of their distribution, so that chance adds nothing: with a
    D that is certain these are the exact limits.
    """
    tail = (1 - level) / 2
    z = stats.norm.ppf((np.arange(DRAWS) + 0.5) / DRAWS)
    grid = np.linspace(z[0], z[-1], 161)
    at = np.minimum(np.searchsorted(grid, z, side="right") - 1, len(grid) - 2)
    share = (z - grid[at]) / (grid[1] - grid[0])
    found = []
    for upper, part, limit in ((0, tail, exact[0]), (1, 1 - tail, exact[1])):
        known = _mean_quantile(count, of, np.asarray(stats.norm.cdf(grid)), upper)
        drawn = known[:, at] * (1 - share) + known[:, at + 1] * share
        with np.errstate(invalid="ignore", divide="ignore"):
            wider = np.quantile(drawn / expects.T, part, axis=1)
        found.append(np.where(np.isfinite(wider) & np.isfinite(limit), wider, limit))
    return found[0], found[1]


def within_recorded(dates: pd.Series, month: pd.Period) -> NDArray[np.bool_]:
    """Mask of dates recorded by the end of a month."""
    return (dates <= month.end_time).to_numpy()


def joined(*delays: Delay) -> Delay:
    """Slowest of several delays, month by month: what rests on all of them is recorded when the last is."""
    size = max(len(item.shares) for item in delays)
    shares = np.min([item.within(np.arange(size)) for item in delays], axis=0)
    draws = np.min([_within(item.draws, np.arange(size)) for item in delays], axis=0)
    return replace(delays[0], shares=shares, draws=draws, earlier=None)
