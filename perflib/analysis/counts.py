"""The counts that a contract is managed by, on every period basis, against what was promised; and who they concern.

Conventions
-----------
- A measure is counted in the month in which it happened, or was first recorded (`clock`): an event each time, an
  outcome once a referral, a start once a referral.
- What is promised for a month is the contract's volume for that measure; for one with a cohort profile it is the sum,
  over cohorts, of starts x the profile's rise from the age before.
- Bases are the report month, rolling windows cut at the contract's first month and labelled, and everything since.
- Rates of people are of cohorts that have all been observed to the same age.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep

from perflib.analysis import cohorts, expected, measures
from perflib.analysis.cuts import By, Where, each
from perflib.analysis.measures import Clock
from perflib.records.snapshot import Snapshot, remembered
from perflib.rules.calendar import BASES, window

EQUAL_AGES = (12, 6, 3)
"""Ages in months at which groups are compared: the greatest that any cohort has been observed to."""


def monthly(
    snapshot: Snapshot, names: Sequence[str] | None = None, clock: Clock = "event", by: By = None, where: Where = None
) -> pd.DataFrame:
    """Count each measure in each month of the contract.

    Parameters
    ----------
    snapshot : Snapshot
    names : sequence of str, optional
        Events and outcomes; by default the programme's `measures`.
    clock : {'event', 'recorded'}
        By when it happened, or by when it was first recorded.
    by : str or sequence of str, optional
        Groups: one or several names, as for `cuts.labels`.
    where : mapping, mask or callable, optional
        Only these people, as for `cuts.mask`.

    Returns
    -------
    DataFrame of int
        Index `month`, columns the measures.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> monthly(sample_snapshot(), ["referral", "start"]).tail(2).reset_index()
         month  referral  start
    0  2020-02        24     14
    1  2020-03        15     10
    """
    if by is not None or where is not None:
        return each(monthly, snapshot, by, where, names=names, clock=clock)
    counts = {}
    for name in snapshot.programme.measures if names is None else names:
        when = measures.occurrences(snapshot, name)[clock].dt.to_period("M")
        counts[name] = when.value_counts().reindex(snapshot.months, fill_value=0)
    return pd.DataFrame(counts, index=snapshot.months.rename("month"))


def promised(snapshot: Snapshot, names: Sequence[str] | None = None) -> pd.DataFrame:
    """Profiled volume of each measure in each month; NaN where the contract has none, or for a part of it.

    Returns
    -------
    DataFrame of float
        Index `month`, columns the measures.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> promised(sample_snapshot(), ["referral", "start"]).tail(2).reset_index()
         month  referral  start
    0  2020-02      17.0   12.0
    1  2020-03      17.0   12.0
    """
    contract, months = snapshot.contract, snapshot.months.rename("month")
    frame = pd.DataFrame(index=months)
    profiled = {profile.measure for profile in contract.profiles}
    for name in snapshot.programme.measures if names is None else names:
        frame[name] = contract.volume(name, months) if snapshot.whole is None else np.nan
        if name in profiled:
            happens = cohorts.happenings(cohorts.triangle(snapshot, name), contract)
            frame[name] = frame[name].fillna(happens.sum(skipna=False).reindex(months))
    return frame


def expected_recorded(snapshot: Snapshot, names: Sequence[str] | None = None, *, whole: bool = True) -> pd.DataFrame:
    """Count what was expected to be recorded in each month, of what was promised; NaN where that is not known.

    Parameters
    ----------
    snapshot : Snapshot
    names : sequence of str, optional
        By default the programme's `measures`.
    whole : bool
        Only whole recorded months; else the running month is there, with what is expected of the whole of it.

    Returns
    -------
    DataFrame of float
        Index `month`, columns the measures.
    """
    promises = promised(snapshot, names)
    promises = promises[promises.index <= expected.last_month(snapshot)] if whole else promises
    frame = pd.DataFrame(index=promises.index)
    beyond = 0 if whole else int((promises.index > expected.last_month(snapshot)).sum())
    for name in promises:
        delay = expected.of_profile(snapshot, str(name))
        frame[name] = [
            float(delay.expects(promises[name], month, month, beyond=beyond)) for month in range(len(promises))
        ]
    return frame


@remembered
def summary(
    snapshot: Snapshot, clock: Clock = "recorded", bases: Sequence[str] = BASES, by: By = None, where: Where = None
) -> pd.DataFrame:
    """Count every measure on every period basis beside what was expected to be recorded.

    Parameters
    ----------
    snapshot : Snapshot
    clock : {'recorded', 'event'}
        By when it was first recorded; or by when it happened: beside what was promised before delays, and not judged.
    bases : sequence of str
        'month', 'rolling_<n>', 'cumulative'.
    by : str or sequence of str, optional
        Groups: one or several names, as for `cuts.labels`.
    where : mapping, mask or callable, optional
        Only these people, as for `cuts.mask`.

    Returns
    -------
    DataFrame
        One row a measure and basis: `measure`, `label`, `basis`, `period` (the window in words), `months` (counted),
        `partial` (whether the window is shorter than its name).

        - `actual` (first recorded in the window), `profile` (expected to be recorded in it), `difference`,
          `of_profile` (the ratio) with its limits `lower` and `upper`, and `status`, as `expected.compare` has them.
          Where the report month has not ended these are of the whole months before; of the running month alone the
          count stands without a comparison.
        - `happened` (in the window, as known) and `recorded_share`: how much of that is expected to be recorded by now.
    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> found = summary(sample_snapshot(), bases=["cumulative"])
    >>> found.set_index("measure").loc[["referral", "start", "outcome"], ["period", "actual"]].reset_index()
        measure                    period  actual
    0  referral  27 months, first partial   389.0
    1     start  27 months, first partial   233.0
    2   outcome  27 months, first partial    28.0
    """
    if by is not None or where is not None:
        return each(summary, snapshot, by, where, clock=clock, bases=bases)
    known = expected.known_month(snapshot)
    recorded, happened, promises = monthly(snapshot, clock="recorded"), monthly(snapshot), promised(snapshot)
    rows = []
    for name in recorded.columns:
        delay = expected.delay(snapshot, name)
        for basis in bases:
            span = window(basis, snapshot.month, snapshot.first_day)
            inside = span.contains(recorded.index)
            if clock == "event":
                found = _not_judged(happened.loc[inside, name].sum(), promises.loc[inside, name].sum(skipna=False))
            else:
                found = _against_expected(snapshot, name, recorded.loc[inside, name], promises[name])
            rows.append(
                {
                    "measure": name,
                    "label": snapshot.programme.label(name),
                    "basis": basis,
                    "period": span.label,
                    "months": span.months,
                    "partial": span.first_partial or span.months < span.full,
                    "actual": found["recorded"],
                    "profile": found["expected"],
                    "difference": found["difference"],
                    "of_profile": found["ratio"],
                    "lower": found["lower"],
                    "upper": found["upper"],
                    "status": found["status"],
                    "happened": happened.loc[inside, name].sum(),
                    "recorded_share": delay.share_recorded(pd.PeriodIndex(recorded.index[inside]), known),
                }
            )
    return pd.DataFrame(rows)


def _against_expected(snapshot: Snapshot, name: str, counts: pd.Series, promises: pd.Series) -> dict[str, Any]:
    """Hold the whole months of a window against what was expected to be recorded in them."""
    last = expected.last_month(snapshot)
    months, whole = pd.PeriodIndex(counts.index[counts.index <= last]), promises.index[promises.index <= last]
    if len(months) == 0:
        state = expected.TOO_EARLY if promises.notna().any() else expected.NO_PROFILE
        return _not_judged(counts.sum(), np.nan, state)
    first, final = (int(at) for at in whole.get_indexer(months[[0, -1]]))
    delay, happens = expected.of_profile(snapshot, name), promises[whole].to_numpy(dtype=float)
    found = expected.compare([counts[months].sum()], happens[None], delay, first, final)
    return {str(name): value for name, value in found.iloc[0].items()}


def _not_judged(count: float, promise: float, status: str = "") -> dict[str, Any]:
    ratio = count / promise if promise > 0 else np.nan
    found = {"recorded": count, "expected": promise, "difference": count - promise, "ratio": ratio}
    return found | {"lower": np.nan, "upper": np.nan, "status": status}


def time_to_start(snapshot: Snapshot, bases: Sequence[str] = BASES, by: By = None, where: Where = None) -> pd.DataFrame:
    """Summarise the days from referral to start, of the starts in each window.

    Referrals still open have no such time and are not in it; `journey.referrals` counts them.

    Parameters
    ----------
    snapshot : Snapshot
    bases : sequence of str
        'month', 'rolling_<n>', 'cumulative'.
    by : str or sequence of str, optional
        Groups: one or several names, as for `cuts.labels`.
    where : mapping, mask or callable, optional
        Only these people, as for `cuts.mask`.

    Returns
    -------
    DataFrame
        Index `basis`; `period`, `starts`, `median` and `p90` in calendar days; NaN where nobody started.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> time_to_start(sample_snapshot())[["starts", "median", "p90"]].reset_index()
            basis  starts  median   p90
    0       month      10     6.5  14.7
    1   rolling_3      41     7.0  14.0
    2  rolling_12     129     8.0  14.0
    3  cumulative     233     8.0  14.0
    """
    if by is not None or where is not None:
        return each(time_to_start, snapshot, by, where, bases=bases)
    journeys = snapshot.journeys
    taken = (journeys["start"] - journeys["referral"]).dt.days
    month = journeys["start"].dt.to_period("M")
    rows = {}
    for basis in bases:
        span = window(basis, snapshot.month, snapshot.first_day)
        mine = taken[month.notna() & span.contains(month)]
        rows[basis] = {
            "period": span.label,
            "starts": len(mine),
            "median": mine.median(),
            "p90": mine.quantile(0.9),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("basis")


def leavers(snapshot: Snapshot, by: By = None, where: Where = None) -> pd.DataFrame:
    """Count who left, by the reason that was recorded, on each period basis.

    Parameters
    ----------
    snapshot : Snapshot
    by : str or sequence of str, optional
        Groups: one or several names, as for `cuts.labels`.
    where : mapping, mask or callable, optional
        Only these people, as for `cuts.mask`.

    Returns
    -------
    DataFrame of int
        Index `reason`, those that occur, 'not recorded' among them; a column for each of `BASES`.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> leavers(sample_snapshot()).tail(2).reset_index()
           reason  month  rolling_3  rolling_12  cumulative
    0  ineligible      0          1           4           5
    1  moved_area      0          1           3           8
    """
    if by is not None or where is not None:
        return each(leavers, snapshot, by, where)
    rows = snapshot.events[snapshot.events["event"] == "exit"]
    month, reason = rows["event_date"].dt.to_period("M"), rows["detail"].astype("str").fillna(cohorts.NOT_RECORDED)
    spans = {basis: window(basis, snapshot.month, snapshot.first_day) for basis in BASES}
    counts = {basis: reason[span.contains(month)].value_counts() for basis, span in spans.items()}
    return pd.DataFrame(counts, columns=list(BASES)).fillna(0).astype(int).sort_index().rename_axis("reason")


@remembered
def demographics(
    snapshot: Snapshot, attributes: Sequence[str] | None = None, by: By = None, where: Where = None
) -> pd.DataFrame:
    """Count starts by each attribute as at the start: in the report month, the last twelve, and to date.

    Parameters
    ----------
    snapshot : Snapshot
    attributes : sequence of str, optional
        By default the programme's `demographics`.
    by : str or sequence of str, optional
        Groups: one or several names, as for `cuts.labels`.
    where : mapping, mask or callable, optional
        Only these people, as for `cuts.mask`.

    Returns
    -------
    DataFrame
        One row an attribute and value: `attribute`, `value` (labels), `month`, `rolling_12`, `cumulative` (starts),
        `share` (of the starts to date).

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> demographics(sample_snapshot(), ["sex"])[["value", "month", "cumulative"]]
        value  month  cumulative
    0  Female      2          74
    1    Male      8         159
    """
    if by is not None or where is not None:
        return each(demographics, snapshot, by, where, attributes=attributes)
    keep = cohorts.started(snapshot)
    month = snapshot.journeys.loc[keep, "start"].dt.to_period("M")
    frames = []
    for name in snapshot.programme.demographics if attributes is None else attributes:
        values = cohorts.labels(snapshot, name)[keep]
        spans = {
            basis: window(basis, snapshot.month, snapshot.first_day) for basis in ("month", "rolling_12", "cumulative")
        }
        counts = pd.DataFrame({basis: values[span.contains(month)].value_counts() for basis, span in spans.items()})
        counts = counts.fillna(0).astype(int).sort_index()
        frame = counts.rename_axis("value").reset_index()
        frame.insert(0, "attribute", snapshot.programme.attributes[name].label)
        frame["value"] = [value_label(snapshot, name, value) for value in frame["value"]]
        frames.append(frame.assign(share=frame["cumulative"] / max(frame["cumulative"].sum(), 1)))
    columns = ["attribute", "value", "month", "rolling_12", "cumulative", "share"]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)


def value_label(snapshot: Snapshot, attribute: str, value: str) -> str:
    """Label of an attribute's value in reports.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> value_label(sample_snapshot(), "customer_group", "ltu")
    'Long-term unemployed'
    """
    codes = snapshot.programme.attributes[attribute].codes
    if value in codes:
        return codes[value].label
    words = value.replace("_", " ")
    return words[:1].upper() + words[1:]


def equal_age(snapshot: Snapshot, measure: str = "outcome") -> int | None:
    """Greatest of `EQUAL_AGES` at which some started cohort has been observed; None if none has.

    Where the programme charts the measure at an age (`at_age`), that is the first of them: later ones would only leave
    cohorts out.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> equal_age(sample_snapshot())
    12
    """
    t = cohorts.triangle(snapshot.whole or snapshot, measure)
    charted = [trend.at_age for trend in snapshot.programme.trends if trend.measure == measure and trend.at_age]
    greatest = min(charted, default=EQUAL_AGES[0])
    ages = [greatest, *(age for age in EQUAL_AGES if age < greatest)]
    return next((age for age in ages if len(t.rate_at(age)) and t.rate_at(age)["starts"].sum() > 0), None)


@remembered
def equality(
    snapshot: Snapshot,
    measure: str = "outcome",
    age: int | None = None,
    attributes: Sequence[str] | None = None,
    by: By = None,
    where: Where = None,
) -> pd.DataFrame:
    """Compare how many of each group reached a measure by the same age.

    Only cohorts observed to that age count, above and below the line. Each group is compared with everybody else:
    the difference has Newcombe's interval, and p values are those of Fisher's exact test, adjusted for the number of
    comparisons (Benjamini and Hochberg 1995). A difference may come from the mix of other characteristics.

    Parameters
    ----------
    snapshot : Snapshot
    measure : str
    age : int, optional
        Months since the cohort's month; by default `equal_age`.
    attributes : sequence of str, optional
        By default the programme's `demographics`.
    by : str or sequence of str, optional
        Groups: one or several names, as for `cuts.labels`.
    where : mapping, mask or callable, optional
        Only these people, as for `cuts.mask`.

    Returns
    -------
    DataFrame
        One row an attribute and value: `attribute`, `value`, `starts`, `outcomes`, `rate`, `lower`, `upper` (exact
        95 %), `gap` (rate less that of everybody else), `gap_lower`, `gap_upper`, `p_adjusted`, `signal` ('higher',
        'lower' or ''). Empty where no cohort is old enough.

    References
    ----------
    Newcombe 1998, Statistics in Medicine 17, 873-890, method 10. Benjamini and Hochberg 1995, JRSS B 57, 289-300.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> equality(sample_snapshot(), attributes=["sex"])[["value", "starts", "outcomes", "rate"]].round(2)
        value  starts  outcomes  rate
    0  Female      34         4  0.12
    1    Male      70        16  0.23
    """
    if by is not None or where is not None:
        return each(equality, snapshot, by, where, measure=measure, age=age, attributes=attributes)
    age = equal_age(snapshot, measure) if age is None else age
    rows = []
    if age is not None:
        for name in snapshot.programme.demographics if attributes is None else attributes:
            reached = cohorts.triangle(snapshot, measure, by=name).rate_at(age)
            groups = reached.groupby(level=0)[["starts", "outcomes"]].sum()
            groups = groups[groups["starts"] > 0]
            everybody = groups.sum()
            rows += [_against_the_rest(snapshot, name, value, group, everybody) for value, group in groups.iterrows()]
    columns = ["attribute", "value", "starts", "outcomes", "rate", "lower", "upper"]
    columns += ["gap", "gap_lower", "gap_upper", "p_adjusted", "signal"]
    frame = pd.DataFrame(rows, columns=columns)
    tested = frame["p_adjusted"].notna()
    if tested.any():
        frame.loc[tested, "p_adjusted"] = multipletests(frame.loc[tested, "p_adjusted"], method="fdr_bh")[1]
    rest = frame["rate"] - frame["gap"]
    significant = (frame["p_adjusted"] < 0.05) & snapshot.contract.least_difference.matters(
        frame["rate"], rest, share=True
    )
    frame["signal"] = np.select(
        [significant & (frame["gap"] > 0), significant & (frame["gap"] < 0)], ["higher", "lower"], ""
    )
    return frame


def _against_the_rest(
    snapshot: Snapshot, attribute: str, value: object, group: pd.Series, everybody: pd.Series
) -> dict[str, object]:
    x, n = int(group["outcomes"]), int(group["starts"])
    other_x, other_n = int(everybody["outcomes"]) - x, int(everybody["starts"]) - n
    lower, upper = cohorts.exact_interval(np.array([x]), np.array([n]))
    row: dict[str, object] = {
        "attribute": snapshot.programme.attributes[attribute].label,
        "value": value_label(snapshot, attribute, str(value)),
        "starts": n,
        "outcomes": x,
        "rate": x / n,
        "lower": lower[0],
        "upper": upper[0],
    }
    if other_n > 0:
        row["gap"] = x / n - other_x / other_n
        row["gap_lower"], row["gap_upper"] = confint_proportions_2indep(x, n, other_x, other_n, method="newcomb")
        row["p_adjusted"] = stats.fisher_exact(np.array([[x, n - x], [other_x, other_n - other_x]])).pvalue
    return row


def individuals(snapshot: Snapshot, by: By = None, where: Where = None) -> pd.DataFrame:
    """Count referrals, starts, and the people they are of.

    Parameters
    ----------
    snapshot : Snapshot
    by : str or sequence of str, optional
        Groups: one or several names, as for `cuts.labels`.
    where : mapping, mask or callable, optional
        Only these people, as for `cuts.mask`.

    Returns
    -------
    DataFrame of int
        Index 'referral', 'start'; `journey`, `individuals`. A journey whose participant was not recorded counts as a
        person of its own.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> individuals(sample_snapshot())
              journeys  individuals
    referral       389          322
    start          233          233
    """
    if by is not None or where is not None:
        return each(individuals, snapshot, by, where)
    journeys = snapshot.journeys
    rows = {}
    for name in ("referral", "start"):
        people = journeys.loc[journeys[name].notna(), "participant_id"]
        rows[name] = {"journeys": len(people), "individuals": people.nunique() + int(people.isna().sum())}
    return pd.DataFrame.from_dict(rows, orient="index")
