"""What every forecasting model sees: how start cohorts develop, by the month in which things were recorded.

Conventions
-----------
- A cohort is the calendar month of the current start date; d is the recorded month less the cohort's month, 0 being the
  month of start. What was recorded before it counts at d = 0.
- A cell (cohort, d) is observed when cohort + d <= `month`: the reporting month, or the month before it when `known_at`
  is before the month's end, so that only whole months are read. What was recorded after `month` is not used even where
  it is known: every model is held to the same clock.
- Recorded means the first recorded date, of those that still stand: a corrected outcome keeps its month, a withdrawn
  one is gone from all months, somebody who returns is another journey.
- A participant's state at the end of a month is the furthest milestone recorded by then. Somebody who has left without
  one is `left`, and may still go on: earnings are seen after leaving. A milestone ends `left` for good.
- The clock of a state is 0 on programme; in `left` and in the first milestone it counts months since it was recorded,
  up to `CLOCKS` - 1. In a later milestone it is STAY x pace + months in it, up to `STAY` - 1, where the pace, 0 to 3,
  tells how many months it took from the first milestone: 0, 1, 2 or 3, 4 and more (`PACES`). *First earnings in March,
  £1,000 in May, seen at the end of June: pace 2, one month: 19.*
- Nothing can be recorded later than d = `last`: window and recording allowance of the contract; where a measure has no
  window, the month in which the profile ends, or `WITHOUT_WINDOW`; never less than what has been seen.
- The profile is what was promised to the cohort's own mix of groups (and areas), cumulative outcomes a start. A profile
  by the event's month is moved to the recorded month by the measure's own delays (`expected`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from perflib.analysis import cohorts as cohort_module
from perflib.analysis import expected, measures
from perflib.analysis.cohorts import Floats
from perflib.errors import ParameterError
from perflib.records.snapshot import Snapshot, remembered
from perflib.rules.contract import Contract
from perflib.rules.programme import Programme

Ints = NDArray[np.int64]

ON_PROGRAMME, LEFT = 0, 1
"""The first two states; milestones in order and the measure itself follow."""

PACES = (0, 1, 2, 4)
"""The least months from the first milestone of each pace."""

STAY = 9
CLOCKS = STAY * len(PACES)
"""How many months in a later milestone are told apart; and how many values a clock has."""

WITHOUT_WINDOW = 24
"""Months in which a measure without a window and without a profile can still be recorded: an assumption."""

NEVER = 10_000


@dataclass(frozen=True, eq=False)
class Development:
    """How the cohorts of a contract, or of one group or area of it, have developed.

    Attributes
    ----------
    contract, measure : str
        Whose, and what is forecast.
    month : Period[M]
        The last whole recorded month.
    starts : Series of float
        Starts; index `cohort` (Period[M]), every month from the contract's first, also empty ones.
    increments : DataFrame of float
        Newly recorded outcomes; index as `starts`, columns d from 0 to `last`; NaN where not observed.
    profile : DataFrame of float
        Promised cumulative outcomes a start by the end of recorded month cohort + d, shaped as `increments`; NaN where
        nothing was promised.
    states : tuple of str
        'on programme', 'left', the milestones in order, and the measure.
    moves : ndarray of int, shape (cohorts, last + 1, states - 1, CLOCKS, states)
        Participants by cohort, d, state and clock at the month's beginning, and state at its end.
    standing : ndarray of int, shape (cohorts, states - 1, CLOCKS)
        Participants without the outcome by state and clock at the beginning of the first month to come.
    by, value : str or None
        The attribute and value that it is cut to.
    """

    contract: str
    measure: str
    month: pd.Period
    starts: pd.Series
    increments: pd.DataFrame
    profile: pd.DataFrame
    states: tuple[str, ...]
    moves: Ints
    standing: Ints
    by: str | None = None
    value: str | None = None

    @property
    def cohorts(self) -> pd.PeriodIndex:
        """The start month of each row."""
        return pd.PeriodIndex(self.starts.index)

    @property
    def last(self) -> int:
        """The greatest d at which an outcome can still be recorded."""
        return self.increments.shape[1] - 1

    @property
    def age(self) -> Ints:
        """Months from each cohort to `month`: the greatest observed d; negative for cohorts still to start."""
        return np.asarray(self.month.ordinal - self.cohorts.asi8, dtype=np.int64)

    @property
    def recorded(self) -> pd.Series:
        """Outcomes recorded to date, by cohort."""
        return self.increments.sum(axis="columns")

    @property
    def months(self) -> pd.PeriodIndex:
        """The coming months in which an outcome of these cohorts can still be recorded."""
        return pd.period_range(self.month + 1, self.cohorts[-1] + self.last, freq="M", name="month")

    @property
    def coming_d(self) -> Ints:
        """The d of each cohort in each coming month, shape (cohorts, months); -1 where nothing can be recorded."""
        d = self.age[:, None] + 1 + np.arange(len(self.months))
        return np.where((d >= 0) & (d <= self.last), d, -1)

    @property
    def promised(self) -> Floats:
        """What the profile promises in each coming month, shape (cohorts, months); NaN where nothing was promised."""
        rise = np.diff(self.profile.to_numpy(), axis=1, prepend=0.0) * self.starts.to_numpy()[:, None]
        d = self.coming_d
        return np.where(d >= 0, np.take_along_axis(rise, np.maximum(d, 0), axis=1), 0.0)

    def at(self, month: pd.Period) -> Development:
        """Rewind a development to the end of an earlier recorded month.

        What was corrected or withdrawn since stays so: `backtest` asks for earlier snapshots instead.

        Raises
        ------
        ParameterError
            The month is outside the cohorts.
        """
        if not self.cohorts[0] <= month <= self.month:
            raise ParameterError(f"month {month}: give one from {self.cohorts[0]} to {self.month}.")
        kept = int((self.cohorts <= month).sum())
        age = month.ordinal - self.cohorts.asi8[:kept]
        unseen = np.arange(self.last + 1) > age[:, None]
        moves, standing = self.moves[:kept].copy(), self.standing[:kept].copy()
        earlier = (age < self.last) & (age < self.age[:kept])
        standing[earlier] = moves[earlier, age[earlier] + 1].sum(axis=-1)
        moves[unseen] = 0
        return replace(
            self,
            month=month,
            starts=self.starts[:kept],
            increments=self.increments[:kept].mask(unseen),
            profile=self.profile[:kept],
            moves=moves,
            standing=standing,
        )

    def plus(self, other: Development) -> Development:
        """Add two groups' developments; the profile is weighted by starts."""
        starts = self.starts + other.starts
        share = (self.starts / starts.where(starts > 0)).fillna(0.5).to_numpy()[:, None]
        profile = share * self.profile.to_numpy() + (1 - share) * other.profile.to_numpy()
        return replace(
            self,
            starts=starts,
            increments=self.increments + other.increments,
            profile=pd.DataFrame(profile, index=self.profile.index, columns=self.profile.columns),
            moves=self.moves + other.moves,
            standing=self.standing + other.standing,
            value=None,
        )

    def with_starts(self, coming: pd.Series) -> Development:
        """Append cohorts that have yet to start, all of them on programme.

        Parameters
        ----------
        coming : Series of int
            Starts; index the months after `month`, without gaps. They are promised what the latest cohort with starts
            was.
        """
        index = self.starts.index.append(pd.PeriodIndex(coming.index)).rename("cohort")
        extra, columns = len(coming), self.increments.columns
        latest = int(np.flatnonzero(self.starts.to_numpy())[-1]) if self.starts.any() else len(self.starts) - 1
        profile = np.vstack([self.profile, np.repeat(self.profile.to_numpy()[[latest]], extra, axis=0)])
        increments = np.vstack([self.increments, np.full((extra, len(columns)), np.nan)])
        standing = np.concatenate([self.standing, np.zeros((extra, *self.standing.shape[1:]), dtype=np.int64)])
        standing[-extra:, ON_PROGRAMME, 0] = coming.to_numpy()
        return replace(
            self,
            starts=pd.Series(np.concatenate([self.starts, coming]), index=index, name="starts", dtype=float),
            increments=pd.DataFrame(increments, index=index, columns=columns),
            profile=pd.DataFrame(profile, index=index, columns=columns),
            moves=np.concatenate([self.moves, np.zeros((extra, *self.moves.shape[1:]), dtype=np.int64)]),
            standing=standing,
        )


def chain(programme: Programme, measure: str) -> tuple[str, ...]:
    """List the milestones on the way to a measure, in order; none where the programme file names none before it.

    For an outcome these are the programme's milestones and the outcomes that the file names before it; for a milestone,
    the milestones before it.

    >>> from perflib.rules.contract import load_programme
    >>> chain(load_programme("whp"), "outcome"), chain(load_programme("ses"), "sustained")
    (('first_earnings', 'earnings_1000', 'earnings_2000'), ('job_start', 'outcome'))
    """
    ways = (*programme.milestones, *programme.outcomes)
    return ways[: ways.index(measure)] if measure in ways else ()


@remembered
def development(
    snapshot: Snapshot, measure: str = "outcome", by: str | None = None, value: str | None = None
) -> Development:
    """Count how cohorts have developed by recorded month.

    Parameters
    ----------
    snapshot : Snapshot
    measure : str
        An outcome or an event of the programme.
    by, value : str, optional
        Only the journeys of which this attribute, as at the start, has this value; `developments` gives all values.

    Returns
    -------
    Development

    Raises
    ------
    ParameterError
        The programme has no such measure or attribute.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> found = development(sample_snapshot())
    >>> int(found.starts.sum()), found.increments.shape
    (233, (27, 27))
    """
    measures.check(snapshot, measure)
    month = last_whole_month(snapshot)
    every = cohort_module.cohort_months(snapshot)
    every = every[every <= month]
    mine = (snapshot.journeys["start"] <= month.end_time).to_numpy()
    if by is not None:
        mine = mine & (cohort_module.labels(snapshot, by) == value).to_numpy()
    row = every.get_indexer(pd.PeriodIndex(snapshot.journeys.loc[mine, "start"].dt.to_period("M")))
    age = np.asarray(month.ordinal - every.asi8, dtype=np.int64)

    names = (*chain(snapshot.programme, measure), measure)
    recorded = [measures.first(snapshot, name)["recorded"][mine] for name in names]
    leaving = snapshot.journeys[mine]["exit_recorded"] if "exit" in snapshot.programme.events else None
    reached = np.column_stack([_months_after(every, row, dates) for dates in recorded])
    left = np.full(len(row), NEVER) if leaving is None else _months_after(every, row, leaving)
    promised = _promised(snapshot, mine, row, every, measure, by, value)
    if by is None:
        seen = np.where(reached[:, -1] <= age[row], reached[:, -1], 0).max(initial=0)
        last = min(max(_last_month(snapshot.contract, every, measure, promised), int(seen)), promised.shape[1] - 1)
    else:
        last = development(snapshot, measure).last
    whose = snapshot.contract.contract
    profile = promised[:, : last + 1]
    return counted(every, row, reached, left, profile, names[:-1], contract=whose, measure=measure, by=by, value=value)


def counted(
    cohorts: pd.PeriodIndex,
    row: Ints,
    reached: Ints,
    left: Ints,
    profile: Floats,
    milestones: Sequence[str],
    *,
    contract: str,
    measure: str,
    by: str | None = None,
    value: str | None = None,
) -> Development:
    """Count participants' journeys into a development whose last month is that of the last cohort.

    Parameters
    ----------
    cohorts : PeriodIndex
        Every month from the first to the last recorded one.
    row : ndarray of int, shape (people,)
        Each participant's cohort, as its place in `cohorts`.
    reached : ndarray of int, shape (people, milestones + 1)
        The d at which each milestone, and last the outcome, was recorded; what is not observed yet counts as never.
    left : ndarray of int, shape (people,)
        The d at which leaving was recorded.
    profile : ndarray of shape (cohorts, last + 1)
        Promised cumulative outcomes a start by recorded month.
    milestones : sequence of str
        Names.
    contract, measure, by, value : str
        Whose development it is, and of what.

    Returns
    -------
    Development
    """
    age, last = np.asarray(cohorts[-1].ordinal - cohorts.asi8, dtype=np.int64), profile.shape[1] - 1
    reached, left = (np.where(months <= age[row, None], months, NEVER) for months in (reached, left[:, None]))
    moves, standing = _moves(row, reached, left[:, 0], age, last)
    columns = pd.RangeIndex(last + 1, name="d")
    increments = pd.DataFrame(moves[..., -1].sum(axis=(2, 3)).astype(float), cohorts, columns)
    return Development(
        contract=contract,
        measure=measure,
        month=cohorts[-1],
        starts=pd.Series(np.bincount(row, minlength=len(cohorts)), index=cohorts, name="starts", dtype=float),
        increments=increments.mask(columns.to_numpy() > age[:, None]),
        profile=pd.DataFrame(profile, cohorts, columns),
        states=("on programme", "left", *milestones, measure),
        moves=moves,
        standing=standing,
        by=by,
        value=value,
    )


def developments(snapshot: Snapshot, measure: str, by: str) -> dict[str, Development]:
    """Count the development of each value of an attribute, as at the start.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> {group: int(part.starts.sum()) for group, part in developments(sample_snapshot(), "outcome", "sex").items()}
    {'f': 74, 'm': 159}
    """
    values = cohort_module.labels(snapshot, by)[cohort_module.started(snapshot)]
    return {value: development(snapshot, measure, by, value) for value in sorted(set(values))}


def last_whole_month(snapshot: Snapshot) -> pd.Period:
    """Return the reporting month, or the month before if it had not ended when the snapshot was known."""
    return max(expected.last_month(snapshot), snapshot.first_month)


def _months_after(cohorts: pd.PeriodIndex, row: Ints, dates: pd.Series) -> Ints:
    """Return the month of each date less that of its cohort, not less than 0; `NEVER` where there is none."""
    month = dates.to_numpy("datetime64[M]").astype(np.int64)
    return np.where(dates.isna(), NEVER, np.maximum(month - cohorts.asi8[row], 0))


def _moves(row: Ints, reached: Ints, left: Ints, age: Ints, last: int) -> tuple[Ints, Ints]:
    """Count participants by cohort, d, state and clock before, and state after; and those still to come, as they stand.

    `row` is each participant's cohort; `reached`, of shape (people, milestones + 1), and `left` the d at which each
    milestone, the outcome, and leaving were recorded. Participants alike are counted together first.
    """
    alike, people = np.unique(np.column_stack([row, left, reached]), axis=0, return_counts=True)
    row, left, reached = alike[:, 0], alike[:, 1], alike[:, 2:]
    furthest = np.minimum.accumulate(reached[:, ::-1], axis=1)[:, ::-1]  # a later milestone implies the earlier ones
    milestones = reached.shape[1] - 1
    states, d = milestones + 3, np.arange(-1, last + 1)

    passed = (furthest[:, None, :] <= d[:, None]).sum(axis=-1)
    state = np.where(passed > 0, passed + 1, np.where(left[:, None] <= d, LEFT, ON_PROGRAMME))  # at the end of month d
    since = np.where(passed > 0, furthest[:, :1], np.where(state == LEFT, left[:, None], d))
    clock = np.minimum(d - since, CLOCKS - 1)
    for k in range(1, milestones):
        entered = furthest[:, [k]]
        paced = STAY * pace_of(entered - furthest[:, :1]) + np.clip(d - entered, 0, STAY - 1)
        clock = np.where(passed == k + 1, paced, clock)
    waiting = state < states - 1

    def count(cells: tuple[Ints, ...], shape: tuple[int, ...], keep: NDArray[np.bool_]) -> Ints:
        place = np.ravel_multi_index([np.broadcast_to(cell, keep.shape)[keep] for cell in cells], shape)
        weights = np.broadcast_to(people[:, None], keep.shape)[keep]
        return np.bincount(place, weights, int(np.prod(shape))).astype(np.int64).reshape(shape)

    shape = (len(age), last + 1, states - 1, CLOCKS, states)
    observed = waiting[:, :-1] & (d[1:] <= age[row, None])
    moves = count((row[:, None], d[1:], state[:, :-1], clock[:, :-1], state[:, 1:]), shape, observed)
    now = waiting & (d == np.minimum(age, last)[row, None])
    standing = count((row[:, None], state, clock), (len(age), states - 1, CLOCKS), now)
    return moves, standing


def pace_of(months: Ints) -> Ints:
    """Pace class by the months taken since the first milestone.

    >>> pace_of(np.array([0, 1, 2, 3, 9])).tolist()
    [0, 1, 2, 2, 3]
    """
    return np.searchsorted(PACES, months, side="right") - 1


def _last_month(contract: Contract, cohorts: pd.PeriodIndex, measure: str, promised: Floats) -> int:
    """Return the greatest d in which the measure can still be recorded."""
    ends = cohorts.to_timestamp(how="end").normalize()
    days = cohort_module.final_days(contract, ends, measure)
    if np.isfinite(days).all():
        final = pd.PeriodIndex(ends + pd.to_timedelta(days, unit="D"), freq="M")
        return int((final.asi8 - cohorts.asi8).max())
    rises = np.flatnonzero((np.diff(np.nan_to_num(promised), axis=1) > 1e-9).any(axis=0))
    return int(rises[-1]) + 1 if len(rises) else WITHOUT_WINDOW


def _promised(
    snapshot: Snapshot,
    mine: NDArray[np.bool_],
    row: Ints,
    every: pd.PeriodIndex,
    measure: str,
    by: str | None,
    value: str | None,
) -> Floats:
    """Return the profile of each cohort's own mix by recorded month; a cohort without starts has the mix of all."""
    contract, programme = snapshot.contract, snapshot.programme
    group = cohort_module.labels(snapshot, programme.group)[mine]
    area = cohort_module.labels(snapshot, programme.area)[mine].to_numpy() if programme.area else ""
    ages = cohort_module.MONTHS_TO_END
    total = np.zeros((len(every), ages))
    everyone = np.zeros((len(every), ages))
    kinds = pd.DataFrame({"group": group.to_numpy(), "area": area})
    for (g, a), kind in kinds.groupby(["group", "area"]):
        known = None if g == cohort_module.NOT_RECORDED else str(g)
        curve = contract.profile(every, ages, group=known, area=str(a) or None, measure=measure)
        starts = np.bincount(row[kind.index.to_numpy()], minlength=len(every))[:, None]
        total += np.where(starts > 0, starts * curve, 0)
        everyone += len(kind) * curve
    starts = np.bincount(row, minlength=len(every))[:, None]
    if not len(row):
        whose, where = (value if by == attribute else None for attribute in (programme.group, programme.area or ""))
        everyone = contract.profile(every, ages, group=whose, area=where, measure=measure)
    curve = np.where(starts > 0, total / np.maximum(starts, 1), everyone / max(len(row), 1))
    return expected.by_recorded_month(curve, expected.of_profile(snapshot, measure).shares)


def total(parts: Sequence[Development]) -> Development:
    """Sum the developments of several groups.

    Raises
    ------
    ParameterError
        There is none.
    """
    if not parts:
        raise ParameterError("parts: give at least one development.")
    whole = parts[0]
    for part in parts[1:]:
        whole = whole.plus(part)
    return whole
