"""Monthly start cohorts: triangles of outcomes by age, their maturity, and what the contract promised.

Conventions
-----------
- A cohort is the calendar month of the current start date; a start is a referral, so one person with two started
  referrals is two starts.
- Age is in calendar months from the cohort's month, which is 0. *Start 31 January, outcome 1 February: age 1.*
- A cell counts who had reached the measure by the end of that month; what was reached, or recorded, before the cohort's
  month counts from age 0.
- A cell is observed when cohort + age <= the reporting month; otherwise it is NaN, never zero.
- Two clocks: by the month in which an event happened or in which it was first recorded; the cohort is always by start.
- A profile is the starts of each group x that group's outcomes a start at that age, summed. What is compared with it is
  what was recorded, and it is moved to the month of the record (`expected`): what has happened and is not recorded yet
  is not missed.
- A rate at an age is of cohorts observed at that age, above and below the line. Nothing is interpolated or grossed up,
  and outcomes over all starts is not offered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import overload

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from perflib.analysis import expected as so_far
from perflib.analysis import measures
from perflib.analysis.cuts import NOT_RECORDED as NOT_RECORDED
from perflib.analysis.cuts import By, Where, each
from perflib.analysis.cuts import labels as labels
from perflib.analysis.cuts import mask as chosen
from perflib.analysis.cuts import names as _names
from perflib.analysis.measures import Clock
from perflib.errors import ParameterError
from perflib.records.display import Explanation, ShowsItself
from perflib.records.snapshot import Snapshot, remembered
from perflib.rules.contract import Contract

Floats = NDArray[np.float64]
TARGET_COLUMNS = ["target", "name", "area", "indicator", "starts", "observed", "expected", "expected_tender"]
TARGET_COLUMNS += ["mix_effect", "within_groups", "ratio", "lower", "upper", "level"]
TARGET_COLUMNS += ["final_starts", "final_observed", "final_rate", "status"]
MONTHS_TO_END = 120
"""An age by which every profile has reached its last value."""


@dataclass(frozen=True, repr=False)
class Triangle(ShowsItself):
    """Outcomes of start cohorts by age.

    Attributes
    ----------
    starts : Series of int
        Starts; index `cohort` (Period[M]), or (`by`, `cohort`).
    counts : DataFrame of float
        Cumulative participants who reached the measure; index as `starts`, columns age in months from 0; NaN where not
        observed.
    mix : DataFrame of int
        Starts by (customer group, devolution area); index as `starts`.
    measure, clock, by : str
        What was counted, by which clock, cut by which attribute.
    month : Period[M]
        The reporting month.
    """

    starts: pd.Series
    counts: pd.DataFrame
    mix: pd.DataFrame
    measure: str
    clock: Clock
    by: str | None
    month: pd.Period

    explanation = Explanation(
        definition="Starts of each month, and how many of them had reached the measure by the end of each later month.",
        formula="count[c, a] = starts of month c that reached it by the end of month c + a",
        denominator="Everybody who started in the month. A rate at an age is of cohorts that have been "
        "observed at that age, no others.",
        source="WHP provider guidance, chapter 16, paragraph 15.",
    )

    @property
    def frame(self) -> pd.DataFrame:
        """Starts, then the cumulative counts by age."""
        return pd.concat([self.starts.rename("starts"), self.counts], axis=1)

    @property
    def caption(self) -> str:
        """What it is, in a line."""
        return f"{self.measure} by start cohort and age in months, to {self.month} ({self.clock} clock)"

    @property
    def cohorts(self) -> pd.PeriodIndex:
        """The start month of each row."""
        return pd.PeriodIndex(self.starts.index.get_level_values("cohort"), freq="M")

    @property
    def observed_age(self) -> pd.Series:
        """The greatest observed age of each row, in months."""
        return pd.Series(_months_between(self.cohorts, self.month), index=self.starts.index)

    @property
    def latest(self) -> pd.Series:
        """The count of each row at its greatest observed age."""
        ages = self.observed_age.to_numpy()
        return pd.Series(self.counts.to_numpy()[np.arange(len(ages)), ages], index=self.starts.index)

    def rate_at(self, age: int) -> pd.DataFrame:
        """Starts, outcomes and rate of the cohorts observed at an age; empty where none is."""
        observed = self.counts[age].notna() if age in self.counts else pd.Series(False, index=self.starts.index)
        frame = pd.DataFrame({"starts": self.starts[observed], "outcomes": self.counts.loc[observed].get(age)})
        return frame.assign(rate=frame["outcomes"] / frame["starts"].where(frame["starts"] > 0))


def _months_between(earlier: pd.PeriodIndex, later: pd.Period | pd.PeriodIndex) -> NDArray[np.int64]:
    number = later.year * 12 + later.month
    return np.asarray(number - (earlier.year * 12 + earlier.month), dtype=np.int64)


def _month_numbers(days: pd.Series) -> NDArray[np.int64]:
    """Return the months of dates, as the ordinals of periods are: since January 1970."""
    return days.to_numpy().astype("datetime64[M]").astype(np.int64)


def started(snapshot: Snapshot) -> NDArray[np.bool_]:
    """Mask the journeys that belong to a cohort: started by the end of the reporting month.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> int(started(sample_snapshot()).sum())
    233
    """
    return snapshot.journeys["start"].notna().to_numpy()


def cohort_months(snapshot: Snapshot) -> pd.PeriodIndex:
    """List every month that has a cohort: from the contract's first, or the first start, to the reporting month.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> cohort_months(sample_snapshot())[[0, -1]].astype(str).tolist()
    ['2018-01', '2020-03']
    """
    journeys = (snapshot.whole or snapshot).journeys
    first = min([snapshot.first_month, *journeys["start"].dropna().nsmallest(1).dt.to_period("M")])
    return pd.period_range(first, snapshot.month, freq="M", name="cohort")


def triangle(
    snapshot: Snapshot, measure: str = "outcome", by: By = None, where: Where = None, clock: Clock = "event"
) -> Triangle:
    """Count starts and cumulative outcomes by start cohort and age.

    Each journey counts once, when it first reached the measure. A month that the report has not reached is missing,
    never zero; nothing is scaled up for late records.

    Parameters
    ----------
    snapshot : Snapshot
    measure : str
        An outcome or an event of the programme.
    by : str or sequence of str, optional
        Attributes (group, area, unit ...) as at the start; every value, or combination that occurs, gets all cohorts.
    where : mapping or mask, optional
        Only these participants, as for `chosen`.
    clock : {'event', 'recorded'}
        Whether an age is that of the month in which it happened, or was first recorded.

    Returns
    -------
    Triangle

    Raises
    ------
    ParameterError
        The programme has no such measure or attribute.

    References
    ----------
    WHP provider guidance, chapter 16, paragraph 15; SES provider guidance, chapter 7, paragraphs 7.20 to 7.22.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> found = triangle(sample_snapshot(), measure="first_earnings")
    >>> found.counts.loc["2019-04":"2019-06", [0, 6, 9, 12]].reset_index()
    age   cohort    0    6    9  12
    0    2019-04  0.0  2.0  3.0 NaN
    1    2019-05  0.0  0.0  2.0 NaN
    2    2019-06  0.0  3.0  3.0 NaN
    """
    if clock not in ("event", "recorded"):
        raise ParameterError(f"clock={clock!r}: give 'event' or 'recorded'.")
    if where is not None:
        keep = started(snapshot) & chosen(snapshot, where)
        return _triangle(snapshot, measure, _names(by), clock, keep, snapshot.month)
    return _everybody(snapshot, measure, _names(by), clock)


@remembered
def _everybody(snapshot: Snapshot, measure: str, by: tuple[str, ...], clock: Clock) -> Triangle:
    return _triangle(snapshot, measure, by, clock, started(snapshot), snapshot.month)


def _triangle(
    snapshot: Snapshot, measure: str, by: tuple[str, ...], clock: Clock, keep: NDArray[np.bool_], month: pd.Period
) -> Triangle:
    """Return the triangle to a month of those of the started journeys that `keep` names."""
    reached = measures.first(snapshot, measure)[clock][keep]
    start = _month_numbers(snapshot.journeys["start"][keep])
    cohorts = cohort_months(snapshot)
    cohorts = cohorts[cohorts <= month]
    first = cohorts[0].ordinal if len(cohorts) else month.ordinal
    row = start - first
    index: pd.Index = cohorts
    if by:
        values = pd.MultiIndex.from_arrays([labels(snapshot, name)[keep] for name in by], names=by)
        codes, names = pd.factorize(values, sort=True)
        row = codes * len(cohorts) + row
        index = pd.MultiIndex.from_arrays(
            [
                *(names.get_level_values(level).repeat(len(cohorts)) for level in range(len(by))),
                np.tile(cohorts, len(names)),
            ],
            names=[*by, "cohort"],
        )

    age, ages = _month_numbers(reached) - start, len(cohorts)
    inside = reached.notna().to_numpy() & (age < ages)
    place = row[inside] * ages + age[inside].clip(min=0)
    cells = np.bincount(place, minlength=len(index) * ages).reshape(len(index), ages)
    of_rows = pd.PeriodIndex(index.get_level_values("cohort"), freq="M")
    observed = np.arange(ages) <= _months_between(of_rows, month)[:, None]
    counts = pd.DataFrame(np.where(observed, cells.cumsum(axis=1), np.nan), index=index, columns=range(ages))
    return Triangle(
        starts=pd.Series(np.bincount(row, minlength=len(index)), index=index, name="starts"),
        counts=counts.rename_axis(columns="age"),
        mix=_mix(snapshot, keep, row, index),
        measure=measure,
        clock=clock,
        by=", ".join(by) or None,
        month=month,
    )


def _mix(snapshot: Snapshot, keep: NDArray[np.bool_], row: NDArray[np.int64], index: pd.Index) -> pd.DataFrame:
    """Count the starts of each row by customer group and area."""
    group, area = snapshot.programme.group, snapshot.programme.area
    place, names = pd.factorize(labels(snapshot, group)[keep], sort=True)
    where, areas = pd.factorize(labels(snapshot, area)[keep], sort=True) if area else (0, [NOT_RECORDED])
    shape = (len(index), len(names) * len(areas))
    cells = np.bincount((row * len(names) + place) * len(areas) + where, minlength=shape[0] * shape[1]).reshape(shape)
    columns = pd.MultiIndex.from_product([names, areas], names=["group", "area"])
    occurs = np.flatnonzero(cells.any(axis=0))
    return pd.DataFrame(cells[:, occurs], index=index, columns=columns[occurs])


def expected(t: Triangle, contract: Contract) -> pd.DataFrame:
    """Expected outcomes of each cell: starts x the profile of each group (and area), summed.

    Returns
    -------
    DataFrame shaped as `t.counts`
        NaN where not observed, or where nothing was promised to some of the starts.

    References
    ----------
    WHP provider guidance, chapter 16, paragraph 27.
    """
    promised = _promised(t, contract, t.counts.shape[1])
    return pd.DataFrame(promised, index=t.counts.index, columns=t.counts.columns).where(t.counts.notna())


def _promised(t: Triangle, contract: Contract, ages: int) -> Floats:
    """Return the outcomes of each row by each age: starts x the profile of each group (and area), summed."""
    promised = np.zeros((len(t.starts), ages))
    for group, area in zip(*(t.mix.columns.get_level_values(level) for level in (0, 1)), strict=True):
        curve = contract.profile(t.cohorts, ages, group=_named(group), area=_named(area), measure=t.measure)
        starts = t.mix[(group, area)].to_numpy()[:, None]
        promised += np.where(starts > 0, starts * curve, 0)
    return promised


def _named(label: str) -> str | None:
    return None if label == NOT_RECORDED else label


def happenings(t: Triangle, contract: Contract) -> pd.DataFrame:
    """Outcomes that the profile expects to happen in each calendar month, of each cohort's own mix of groups.

    Returns
    -------
    DataFrame
        Index as `t.starts`, columns the months from the first cohort's to `t.month`; NaN where no profile covers some
        of the starts.
    """
    rise = np.diff(expected(t, contract).to_numpy(), axis=1, prepend=0.0)
    months = pd.period_range(end=t.month, periods=rise.shape[1], freq="M", name="month")
    age = months.asi8 - t.cohorts.asi8[:, None]
    cells = np.where(age >= 0, np.take_along_axis(rise, np.maximum(age, 0), axis=1), 0.0)
    return pd.DataFrame(cells, index=t.starts.index, columns=months)


def recorded_triangle(snapshot: Snapshot, measure: str = "outcome", by: By = None, where: Where = None) -> Triangle:
    """Triangle by the month first recorded, to the last whole recorded month, of the starts known to that month."""
    month = so_far.last_month(snapshot)
    keep = chosen(snapshot, where) & (snapshot.journeys["start"] <= month.end_time).to_numpy()
    return _triangle(snapshot, measure, _names(by), "recorded", keep, month)


@overload
def against_profile(
    source: Snapshot, measure: str = "outcome", by: By = None, where: Where = None, *, level: float = 0.95
) -> pd.DataFrame: ...
@overload
def against_profile(source: Triangle, measure: Contract, *, level: float = 0.95) -> pd.DataFrame: ...
def against_profile(
    source: Snapshot | Triangle,
    measure: str | Contract = "outcome",
    by: By = None,
    where: Where = None,
    *,
    level: float = 0.95,
) -> pd.DataFrame:
    """Compare each cohort's outcomes recorded so far with those that its profile leads one to expect by now.

    Parameters
    ----------
    source : Snapshot
        A triangle (with the contract in the place of `measure`) gives what the profile says of its ages before delays,
        without a status: what is not recorded yet is in it as not reached.
    measure : str
        An outcome or an event of the programme.
    by : str or sequence of str, optional
        Attributes as at the start; every combination that occurs gets all cohorts.
    where : mapping or mask, optional
        Only these participants, as for `chosen`.
    level : float
        Of the interval.

    Returns
    -------
    DataFrame
        Index `cohort`, or (`by`, `cohort`), to the last whole recorded month. `age` (months recorded), `starts`,
        `recorded`, `expected` (so far), `difference`, `lower` and `upper` (interval of the recorded number, in
        participants: exact, and wider by the uncertainty of the delays), `status`: 'in line', 'above', 'below',
        'too early' (even none would be in line yet) or 'no profile'.
    References
    ----------
    Clopper and Pearson 1934, Biometrika 26, 404-413.
    """
    if isinstance(source, Triangle):
        assert isinstance(measure, Contract), "a triangle is compared with the profiles of a contract"
        return _at_its_age(source, measure, level)
    assert isinstance(measure, str), "the measure of a snapshot is a name"
    t = recorded_triangle(source, measure, by, where)
    happens = happenings(t, source.contract)
    starts = t.starts.to_numpy(dtype=float)
    delay = so_far.of_profile(source, measure)
    found = so_far.compare(
        t.latest, happens, delay, starts=starts, eventually=_eventually(t, source.contract), level=level
    )
    frame = pd.DataFrame({"age": t.observed_age, "starts": t.starts})
    frame = frame.assign(**{name: found[name].to_numpy() for name in ("recorded", "expected", "difference")})
    limits = {name: (found[name] * found["expected"]).to_numpy() for name in ("lower", "upper")}
    exact = so_far.exact_limits(found["recorded"].to_numpy(), starts, level)  # where nothing is expected
    limits = {
        name: np.where(np.isnan(values), other, values)
        for (name, values), other in zip(limits.items(), exact, strict=True)
    }
    return frame.assign(**limits, status=found["status"].to_numpy()).astype({"recorded": int})


def to_date(snapshot: Snapshot, measure: str = "outcome") -> pd.Series:
    """Hold all cohorts' outcomes recorded so far against what was expected: a row of `expected.compare`."""
    t = recorded_triangle(snapshot, measure)
    happens = happenings(t, snapshot.contract).sum(skipna=False)
    delay = so_far.of_profile(snapshot, measure)
    return so_far.compare([t.latest.sum()], happens.to_numpy()[None], delay).iloc[0]


def _eventually(t: Triangle, contract: Contract) -> Floats:
    """Return what is expected of each row in the end."""
    return _promised(t, contract, MONTHS_TO_END)[:, -1] if len(t.starts) else np.zeros(0)


def _at_its_age(t: Triangle, contract: Contract, level: float) -> pd.DataFrame:
    """Return each row's count beside its profile at its age, before delays."""
    age, starts, observed = t.observed_age, t.starts, t.latest
    promised = expected(t, contract).to_numpy()[np.arange(len(age)), age.to_numpy()]
    lower, upper = exact_interval(observed, starts, level)
    frame = pd.DataFrame({"age": age, "starts": starts, "observed": observed.astype(int), "expected": promised})
    return frame.assign(difference=observed - promised, lower=lower * starts, upper=upper * starts)


def exact_interval(
    count: pd.Series | NDArray[np.float64], total: pd.Series | NDArray[np.float64], level: float = 0.95
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Clopper-Pearson interval of a proportion; NaN where the total is zero.

    References
    ----------
    Clopper and Pearson 1934, Biometrika 26, 404-413.

    Examples
    --------
    >>> lower, upper = exact_interval(np.array([0.0]), np.array([10.0]))
    >>> round(float(lower[0]), 4), round(float(upper[0]), 4)
    (0.0, 0.3085)
    """
    x, n = np.asarray(count, dtype=float), np.asarray(total, dtype=float)
    tail = (1 - level) / 2
    with np.errstate(invalid="ignore"):
        lower = np.where(x > 0, stats.beta.ppf(tail, x, n - x + 1), 0.0)
        upper = np.where(x < n, stats.beta.ppf(1 - tail, x + 1, n - x), 1.0)
    return np.where(n > 0, lower, np.nan), np.where(n > 0, upper, np.nan)


def rates(
    snapshot: Snapshot, age: int = 12, measure: str = "outcome", by: By = None, where: Where = None
) -> pd.DataFrame:
    """Rate at an age of all the cohorts that have reached it, above and below the line.

    Parameters
    ----------
    snapshot : Snapshot
    age : int
        Months since the cohort's month.
    measure : str
        An outcome or an event of the programme.
    by : str or sequence of str, optional
        Groups: one or several names, as for `cuts.labels`.
    where : mapping, mask or callable, optional
        Only these people, as for `cuts.mask`.

    Returns
    -------
    DataFrame
        One row, or one a group that has such cohorts: `starts`, `outcomes`, `rate`, `lower` and `upper` (exact 95 %).

    References
    ----------
    Clopper and Pearson 1934, Biometrika 26, 404-413.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> rates(sample_snapshot(), by="sex")[["starts", "outcomes", "rate"]].round(2).reset_index()
      sex  starts  outcomes  rate
    0   f      34         4  0.12
    1   m      70        16  0.23
    """
    names = list(_names(by))
    found = triangle(snapshot, measure, by, where).rate_at(age)[["starts", "outcomes"]]
    summed = found.groupby(level=names).sum() if names else pd.DataFrame([found.sum()], index=["all"])
    summed = summed[summed["starts"] > 0].astype(int)
    lower, upper = exact_interval(summed["outcomes"], summed["starts"])
    return summed.assign(rate=summed["outcomes"] / summed["starts"], lower=lower, upper=upper)


def final_from(snapshot: Snapshot, measure: str = "outcome") -> pd.Series:
    """Date from which each cohort is final: nothing more can be added to a measure.

    The cohort month's last day + the greater of window + `recording_allowance` and the last day for a claim. *January
    2018, 639 + 130 days or 700: 10 March 2020.*

    Returns
    -------
    Series of datetime64
        Index `cohort`; missing where the measure has no window.

    References
    ----------
    WHP provider guidance, chapter 16, paragraph 16.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> str(final_from(sample_snapshot()).loc["2018-01"].date())
    '2020-03-10'
    """
    cohorts = cohort_months(snapshot)
    ends = cohorts.to_timestamp(how="end").normalize()
    days = final_days(snapshot.contract, ends, measure)
    return pd.Series(ends + pd.to_timedelta(days, unit="D"), index=cohorts)


def final_days(contract: Contract, starts: pd.DatetimeIndex, measure: str = "outcome") -> NDArray[np.float64]:
    """Days after each start from which a measure is final; NaN where it has no window.

    References
    ----------
    WHP provider guidance, chapter 16, paragraph 16.
    """
    programme, allowance = contract.programme, contract.recording_allowance
    routes = programme.outcomes[measure].routes if measure in programme.outcomes else ()
    never = np.full(len(starts), np.nan)
    ends = [route.within_days.at(starts) + allowance if route.within_days else never for route in routes]
    ends += [route.claim.within_days.at(starts) for route in routes if route.claim]
    return np.maximum.reduce(ends) - programme.start_day if ends else never


def is_final(snapshot: Snapshot, measure: str = "outcome") -> pd.Series:
    """Mask the cohorts that are final at the snapshot's `known_at`.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> is_final(sample_snapshot()).loc["2018-01":"2018-02"].tolist()
    [True, False]
    """
    return final_from(snapshot, measure) <= pd.Timestamp(snapshot.known_at)


def all_left(snapshot: Snapshot) -> pd.Series:
    """Mask the cohorts that started somebody and that everybody has left: their end, of outcomes without a last day.

    Returns
    -------
    Series of bool
        Index `cohort`. Where leaving is not recorded, no cohort has been left.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> all_left(sample_snapshot()).loc["2018-06":"2018-08"].tolist()
    [True, False, True]
    """
    starters = snapshot.journeys[started(snapshot)]
    left = starters["exit"].notna() if "exit" in starters else pd.Series(False, index=starters.index)
    return left.groupby(starters["start"].dt.to_period("M")).all().reindex(cohort_months(snapshot), fill_value=False)


@remembered
def conversion(snapshot: Snapshot, by: By = None, where: Where = None) -> pd.DataFrame:
    """Compare outcomes recorded so far with each tender level (tMPL), the mix of groups apart from performance.

    Every cohort is compared at its own age, so that a young cohort is held to a young cohort's profile, and with what
    is expected to be recorded by now. What is expected of the actual mix of groups less what would be of the tender's
    is the effect of the mix; recorded less expected of the actual mix is performance within the groups.

    Parameters
    ----------
    snapshot : Snapshot
    by : str or sequence of str, optional
        Groups: one or several names, as for `cuts.labels`.
    where : mapping, mask or callable, optional
        Only these people, as for `cuts.mask`.

    Returns
    -------
    DataFrame
        One row a target (and area): `target`, `name`, `area`, `indicator`, `starts`, `observed`
        (recorded), `expected` (so far, of the actual mix), `expected_tender` (of the tender's; NaN without one, and for
        some of the people),
        `mix_effect`, `within_groups`, `ratio` (recorded over expected), `lower` and `upper` of the ratio (95 %:
        exact Poisson limits, wider by the uncertainty of the delays), `level` (the tender's final outcomes a
        start), `final_starts`, `final_observed`, `final_rate` (of cohorts that can change no more), `status`.

    References
    ----------
    WHP provider guidance, chapter 16, paragraph 27. Garwood 1936, Biometrika 28, 437-442.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> conversion(sample_snapshot())[["target", "starts", "observed", "expected", "status"]]
      target  starts  observed  expected   status
    0  tmpl1     233      28.0  19.45056  in line
    1  tmpl2     162      20.0  12.52916  in line
    2  tmpl3      25       2.0   2.57998  in line
    3  tmpl4      46       6.0   4.34142  in line
    4  tmpl5      61       6.0   5.47488  in line
    """
    if by is not None or where is not None:
        return each(conversion, snapshot, by, where)
    programme = snapshot.programme
    area = programme.area
    by_group = recorded_triangle(snapshot, "outcome", programme.group)
    rows = [
        _against_target(snapshot, by_group, name, None) for name, target in programme.targets.items() if not target.area
    ]
    if area is not None and any(target.area for target in programme.targets.values()):
        for value in sorted(set(labels(snapshot, area)[started(snapshot)]) - {NOT_RECORDED, "none"}):
            cut = recorded_triangle(snapshot, "outcome", programme.group, {area: value})
            rows += [
                _against_target(snapshot, cut, name, value) for name, target in programme.targets.items() if target.area
            ]
    return pd.DataFrame(rows, columns=TARGET_COLUMNS)


def areas(snapshot: Snapshot) -> pd.DataFrame:
    """Count each devolved area by itself and as part of the whole: nobody is counted twice.

    Returns
    -------
    DataFrame
        The areas' rows of `conversion`, one for everybody outside them, and the whole's last, the sum of the others:
        `target` ('' outside), `name`, `area`, `starts`, `observed`, `expected`. Empty where nobody is in an area.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> areas(sample_snapshot())[["name", "starts", "observed", "expected"]]
                                name  starts  observed  expected
    0   tMPL 5: devolution deal area    61.0       6.0   5.47488
    1            Outside these areas   172.0      22.0  13.97568
    2  tMPL 1: contract package area   233.0      28.0  19.45056
    """
    columns = ["target", "name", "area", "starts", "observed", "expected"]
    levels = conversion(snapshot)[columns]
    inside = levels[levels["area"].notna()]
    if inside.empty:
        return inside
    whole = levels[levels["area"].isna()].head(1)
    counts = columns[3:]
    rest = whole[counts].sum(min_count=1) - inside[counts].sum(min_count=1)
    outside = pd.DataFrame([{"target": "", "name": "Outside these areas", **rest}])
    return pd.concat([inside, outside, whole], ignore_index=True)


def _against_target(snapshot: Snapshot, t: Triangle, name: str, area: str | None) -> dict[str, object]:
    """Return one row of `conversion`; `t` is cut by customer group."""
    contract, target = snapshot.contract, snapshot.programme.targets[name]
    groups = t.starts.index.get_level_values(0)
    mine = np.asarray(groups == target.group) if target.group else np.ones(len(groups), dtype=bool)
    starts, recorded = t.starts[mine], t.latest[mine]
    happens = happenings(t, contract)[mine].sum(skipna=False)
    delay = so_far.of_profile(snapshot, "outcome")
    found = so_far.compare([recorded.sum()], happens.to_numpy()[None], delay).iloc[0]
    tender = np.nan
    if target.group is None and contract.mix and snapshot.whole is None:
        tender = float(delay.expects(_of_tender(contract, starts, area)))
    level = contract.profile(pd.PeriodIndex([snapshot.month]), MONTHS_TO_END, group=target.group, area=area)[0, -1]
    final = is_final(snapshot).reindex(starts.index.get_level_values("cohort")).to_numpy(dtype=bool)
    final_starts, final_observed = starts[final].sum(), recorded[final].sum()
    return {
        "target": name,
        "name": target.name,
        "area": area,
        "indicator": target.indicator,
        "starts": starts.sum(),
        "observed": found["recorded"],
        "expected": found["expected"],
        "expected_tender": tender,
        "mix_effect": found["expected"] - tender,
        "within_groups": found["difference"],
        "ratio": found["ratio"],
        "lower": found["lower"],
        "upper": found["upper"],
        "level": level,
        "final_starts": final_starts,
        "final_observed": final_observed,
        "final_rate": final_observed / final_starts if final_starts else np.nan,
        "status": found["status"],
    }


def _of_tender(contract: Contract, starts: pd.Series, area: str | None) -> Floats:
    """Return what is expected to happen in each month had all cohorts the tender's mix of groups."""
    by_cohort = starts.groupby(level="cohort").sum()
    cohorts, size = pd.PeriodIndex(by_cohort.index, freq="M"), len(by_cohort)
    curves = [share * contract.profile(cohorts, size, group=group, area=area) for group, share in contract.mix.items()]
    number = by_cohort.to_numpy()[:, None]
    rise = np.where(number > 0, number * np.diff(np.sum(curves, axis=0), axis=1, prepend=0.0), 0.0)
    return np.array([rise[::-1].trace(month - size + 1) for month in range(size)])


def poisson_ratio(observed: ArrayLike, expected: ArrayLike, level: float = 0.95) -> tuple[Floats, Floats, Floats]:
    """Observed over expected with exact Poisson limits (Garwood 1936); NaN where nothing is expected.

    References
    ----------
    Garwood 1936, Biometrika 28, 437-442.

    Examples
    --------
    >>> [round(float(x), 3) for x in poisson_ratio(10, 10)]
    [1.0, 0.48, 1.839]
    """
    x, mean = np.asarray(observed, dtype=float), np.asarray(expected, dtype=float)
    mean = np.where(mean > 0, mean, np.nan)
    tail = (1 - level) / 2
    low = np.where(x > 0, stats.chi2.ppf(tail, 2 * x) / 2, 0.0)
    high = stats.chi2.ppf(1 - tail, 2 * (x + 1)) / 2
    return x / mean, low / mean, high / mean
