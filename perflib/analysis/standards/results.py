"""Service standards: the state of every case, rates against targets, backlogs, and their history since day one.

What a standard is stands in `rules.standards`; here its clock is run for everybody at once.

Conventions
-----------
- A case is one referral under one standard; where something is asked of a referral several times, there is a case for
  each (`item`). Groups are those at the referral. What is asked of the contract as a whole (a notice to the department)
  has cases without a referral, and is in no group.
- Everything is judged at the close of one day: the reporting month's last, or `known_at` if that is earlier. What
  happened, or was recorded, after it had not been done then.
- A case is `met` when it was done by its last day, before day 0 too; `not_met` when it was done later, or cannot be
  done any more; `open_late` when the last day has passed; else `not_due`. It is `exempt` while an approved exemption
  stands, whatever else it would be; `no_data` when the extract has no event of a kind that the clock needs; and
  `not_applicable` when the standard does not hold for the referral, or its clock has not begun.
- Rate = met / (met + not_met + open_late). *8, 1, 1 and 5 not due: 80 %.*
- In a backlog of n days are, on some day, the referrals open at its close that are more than n working days old: day n
  is not backlog, day n + 1 is. A referral resolved late was in it from day n + 1 until the day before it was resolved,
  and counts on those days.
- Every programme has referrals and starts: an extract in which nobody has started yet does not lack data.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from functools import reduce
from operator import or_
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from perflib.analysis import cohorts, counts, cuts
from perflib.analysis.cuts import By, Where, select
from perflib.analysis.standards.clocks import (
    DAY,
    EXEMPT,
    MISSING,
    NO_DATA,
    STATES,
    Cases,
    Flags,
    Journeys,
    Numbers,
    month_number,
    of_contract,
    run,
)
from perflib.errors import ParameterError
from perflib.records.snapshot import Snapshot, remembered
from perflib.rules.calendar import Days, window
from perflib.rules.dated import hint
from perflib.rules.standards import Standard

COUNTED = ["met", "not_met", "open_late"]


UNEXEMPTED = ["part", "whole", "rate", "status"]


def register(snapshot: Snapshot) -> pd.DataFrame:
    """Describe the contract's standards in words, for the report to print.

    Returns
    -------
    DataFrame
        One row a standard: `standard`, `name`, `duty` (who must meet it: 'provider' or 'department'), `asks`, `of`
        (whom), `target`, `sampled`, `applies` (whether it holds in the contract's nation), `source`, `invented`.
    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> register(sample_snapshot())[["standard", "name", "target"]].head(2)
      standard                       name          target
    0    css1a  CSS 1a: referral resolved  at least 100 %
    1    css1b    CSS 1b: result recorded  at least 100 %
    """
    contract = snapshot.contract
    rows = [
        {
            "standard": name,
            "name": rule.name,
            "duty": rule.duty,
            "asks": rule.asks(contract.programme.resolves),
            "of": _whom(rule),
            "target": rule.promises,
            "sampled": rule.sampled,
            "applies": not rule.nations or contract.nation in rule.nations,
            "source": rule.source,
            "invented": rule.invented,
        }
        for name, rule in contract.standards.items()
    ]
    return pd.DataFrame(
        rows, columns=["standard", "name", "duty", "asks", "of", "target", "sampled", "applies", "source", "invented"]
    )


def cases(
    snapshot: Snapshot,
    names: Sequence[str] | None = None,
    on: date | None = None,
    *,
    exemptions: bool = True,
    where: Where = None,
) -> pd.DataFrame:
    """State of every case of every standard.

    Parameters
    ----------
    snapshot : Snapshot
    names : sequence of str, optional
        Ids of standards; by default all of the contract's. Those of kind `profile` are about months, not referrals,
        and have no cases.
    on : date, optional
        The day at whose close things are judged, from what the snapshot knows; by default its own.
    exemptions : bool
        Whether approved exemptions count.
    where : mapping, mask or callable, optional
        Only these referrals, as for `cuts.mask`.

    Returns
    -------
    DataFrame
        One row a case, by standard and referral: `referral_id` (missing where the case is the contract's), `standard`,
        `item` (missing where a referral has one case), `day0`, `due` (the last day in time), `done` (missing where it
        was not) and `state` (of `STATES`).

    Raises
    ------
    ParameterError
        An unknown standard, or a day after those that the snapshot knows.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> cases(sample_snapshot(), ["css2"])["state"].value_counts()[["met", "not_met"]].to_dict()
    {'met': 374, 'not_met': 15}
    """
    parts = _chosen(Journeys(select(snapshot, where), on), names)
    number = np.repeat(np.arange(len(parts), dtype=np.int8), [len(part.state) for part in parts])
    states = [part.exempted if exemptions else part.state for part in parts]
    return pd.DataFrame(
        {
            "referral_id": pd.concat(
                [snapshot.journeys["referral_id"][:0], *(part.referral_id for part in parts)], ignore_index=True
            ),
            "standard": pd.Categorical.from_codes(number, pd.Index([part.name for part in parts], dtype="str")),
            "item": _items(parts),
            "day0": _joined([part.clocks.day0 for part in parts]),
            "due": _joined([part.clocks.due for part in parts]),
            "done": _joined([part.clocks.done for part in parts]),
            "state": pd.Categorical.from_codes(_joined(states, np.uint8).view(np.int8), pd.Index(STATES, dtype="str")),
        },
        copy=False,
    )


@remembered
def measure(snapshot: Snapshot, by: By = None, basis: str = "cumulative", where: Where = None) -> pd.DataFrame:
    """Hold each standard against its target.

    Parameters
    ----------
    snapshot : Snapshot
    by : str or sequence of str, optional
        One or several names, as for `cuts.labels`: then one row a standard and value (or combination of values).
        Attributes are as at the referral. What is the contract's, and no referral's, is left out.
    basis : str
        Whose cases: of the reporting month (`month`), of the last n months (`rolling_<n>`), or of all since day one
        (`cumulative`); `history` says which month a case belongs to.
    where : mapping, mask or callable, optional
        Only these referrals, as for `cuts.mask`.

    Returns
    -------
    DataFrame
        One row a standard (and value):

        - `standard`, `name`, (`by`); the number of cases in each of `STATES`.
        - `duty`: who must meet it, 'provider' or 'department'. `of_provider` leaves out what the department must do.
        - `rate`, which is `part` / `whole`: met of those that count; of a backlog the share (or number) in it at the
          end, of a profile the lowest share of what was promised to any month. `lower`, `upper`: its exact 95 %
          interval, where the department measures a sample.
        - `rule` ('at least', 'no more than' ...) and `target`.
        - `status`: 'met' or 'not_met' or, where nothing counts yet, the reason: 'not_due', 'exempt', 'no_data',
          'not_applicable'.
        - `worst`: the days that the slowest case took, or has taken so far.
        - `part_unexempted`, `whole_unexempted`, `rate_unexempted`, `status_unexempted`: as though nothing had been
          exempted.

    References
    ----------
    Clopper and Pearson 1934, Biometrika 26, 404-413.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> measure(sample_snapshot())[["standard", "met", "not_met", "open_late", "status"]].head(3)
      standard  met  not_met  open_late   status
    0    css1a  356       30          0  not_met
    1    css1b  379        7          0  not_met
    2     css2  374       15          0  not_met
    """
    snapshot, names = select(snapshot, where), cuts.names(by)
    span = window(basis, snapshot.month, snapshot.first_day)
    journeys = Journeys(snapshot)
    number, labels = _groups(journeys, names)
    frames = []
    for name, rule in snapshot.contract.standards.items():
        if (names or snapshot.whole is not None) and (rule.kind == "profile" or of_contract(rule)):
            continue  # the contract's, not any group's
        if rule.kind == "profile":
            months = against_profile(snapshot, name)
            frame = _lowest(months[span.contains(months.index)])
        else:
            part = run(journeys, name)
            rows = pd.DataFrame(
                {
                    "group": part.clocks.of_journeys(number),
                    "month": part.month,
                    "state": part.exempted,
                    "unexempted": part.state,
                    "days": part.taken,
                }
            )[span.contains(part.month)]
            frame = _judged(rows, "state", rule, labels, journeys)
            unexempted = _judged(rows, "unexempted", rule, labels, journeys)[UNEXEMPTED]
            slowest = rows[rows["state"] < EXEMPT].groupby("group")["days"].max().reindex(range(len(labels)))
            frame = frame.join(unexempted.add_suffix("_unexempted")).assign(worst=slowest.to_numpy())
        frame = frame.assign(
            standard=name, name=rule.name, duty=rule.duty, rule=rule.target.rule, target=float(rule.target.value)
        )
        frames.append(frame.rename_axis(list(names) or "all").reset_index())
    columns = ["standard", "name", *names, *STATES, "part", "whole", "rate", "lower", "upper"]
    columns += ["duty", "rule", "target", "status", "worst", *(f"{name}_unexempted" for name in UNEXEMPTED)]
    return pd.concat(frames, ignore_index=True)[columns] if frames else pd.DataFrame(columns=columns)


def of_provider(snapshot: Snapshot, by: By = None, basis: str = "cumulative", where: Where = None) -> pd.DataFrame:
    """Hold the provider's own standards against their targets: `measure` without what the department must meet.

    Returns
    -------
    DataFrame
        As `measure`, numbered afresh.
    """
    frame = measure(snapshot, by, basis, where)
    return frame[frame["duty"] == "provider"].reset_index(drop=True)


def longest_open(snapshot: Snapshot, standard: str) -> pd.DataFrame:
    """Return how old the oldest open referral was on any day of each month, and how many became late in it.

    A referral that became late and was resolved before the month's end is seen here, and not at month ends.

    Parameters
    ----------
    snapshot : Snapshot
    standard : str
        A standard of kind `backlog` or `oldest`.

    Returns
    -------
    DataFrame
        Index `month`, every month of the contract: `longest`, the greatest age in the standard's days of a referral
        open at the close of any day of the month, missing where none was open; `became_late`, the number of referrals
        that passed the limit in the month; `open`, those open at its end.

    Raises
    ------
    ParameterError
        No such standard.
    """
    name = _a_backlog(snapshot, standard)
    journeys = Journeys(snapshot)
    days: Days = np.arange(snapshot.first_month.start_time.to_datetime64(), journeys.on + DAY, DAY).astype(
        "datetime64[s]"
    )
    frame = backlog(snapshot, days.astype("datetime64[D]").tolist(), name)
    month = pd.DatetimeIndex(frame.index).to_period("M")
    part = run(journeys, name)
    kept = part.exempted < EXEMPT
    passed = part.clocks.last[kept] + DAY
    late = (passed <= journeys.on) & ~(part.clocks.done[kept] < passed)
    months = pd.Series(passed[late]).dt.to_period("M")
    found = frame.groupby(month).agg(longest=("oldest", "max"), open=("open", "last"))
    found = found.reindex(snapshot.months).rename_axis("month")
    return found.assign(became_late=months.value_counts().reindex(found.index, fill_value=0).astype(int))


def history(snapshot: Snapshot, names: Sequence[str] | None = None) -> pd.DataFrame:
    """Count the states of each standard's cases month by month.

    A case belongs to the month of its referral; one of several of a referral, to the month in which its own clock
    began. Of a backlog the rate is of referrals that were never in it; `backlog` has its month ends.

    Parameters
    ----------
    snapshot : Snapshot
    names : sequence of str, optional
        Ids of standards; by default all of the contract's that have cases.

    Returns
    -------
    DataFrame
        Index (`standard`, `month`), every month of the contract; the number of cases in each of `STATES`, `counted`
        (met, not met or open late), `rate` (missing where nothing counted) and `complete`: whether no case of the
        month is still to become due.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> history(sample_snapshot(), ["css2"])[["met", "not_met"]].tail(2).reset_index()
      standard    month  met  not_met
    0     css2  2020-02   24        0
    1     css2  2020-03   15        0
    """
    frames = {}
    for part in _chosen(Journeys(snapshot), names):
        first = min(snapshot.first_month.ordinal, int(part.month.min(initial=snapshot.month.ordinal)))
        months = pd.period_range(pd.Period(ordinal=first, freq="M"), snapshot.month, freq="M", name="month")
        counts = _counts(part.exempted, part.month - first, months)
        counted = counts[COUNTED].sum(axis=1)
        rate = counts["met"] / counted.where(counted > 0)
        frames[part.name] = counts.assign(counted=counted, rate=rate, complete=counts["not_due"] == 0)
    columns = [*STATES, "counted", "rate", "complete"]
    return pd.concat(frames, names=["standard"]) if frames else pd.DataFrame(columns=columns)


def backlog(snapshot: Snapshot, dates: Iterable[date] | None = None, standard: str | None = None) -> pd.DataFrame:
    """Count a backlog at the close of some days, from what is known now.

    Parameters
    ----------
    snapshot : Snapshot
    dates : iterable of date, optional
        By default the last day of every month of the contract; of the reporting month, the day things are judged on.
    standard : str, optional
        A standard of kind `backlog` or `oldest`; by default the contract's first backlog.

    Returns
    -------
    DataFrame
        Index `date`; `late`: referrals open for more than the standard's limit; `all`: referred to date, `month`:
        referred in that month so far, `open`: open; `late` as a share of each: `of_all`, `of_month`, `of_open`
        (missing where there are none); `oldest`: the age of the oldest open referral in the standard's days, missing
        where none is open; `status`: 'met', 'not_met' or 'no_data'. A standard of kind `oldest` is met when none is
        late.

    Raises
    ------
    ParameterError
        No such standard, or a day after those that the snapshot knows.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> backlog(sample_snapshot())[["late", "all", "open"]].tail(2).reset_index()
            date  late  all  open
    0 2020-02-29     0  374     7
    1 2020-03-31     0  389     3
    """
    name = _a_backlog(snapshot, standard)
    journeys = Journeys(snapshot)
    if dates is None:
        days = np.minimum(_ends(snapshot), journeys.on)
    else:
        days = np.array(list(dates), dtype="datetime64[D]").astype("datetime64[s]")
    if (days > journeys.on).any():
        raise ParameterError(f"dates: {_iso(days.max())} is after {_iso(journeys.on)}, the last day that is known.")
    part = run(journeys, name)
    kept = part.exempted < EXEMPT
    begun, late, done = part.clocks.begun[kept], part.clocks.last[kept] + DAY, part.clocks.done[kept]
    opening: Days = days.astype("datetime64[M]").astype("datetime64[s]")
    referred = _by(days, begun)
    frame = pd.DataFrame(
        {
            "late": _by(days, late) - _by(days, np.maximum(late, done)),
            "all": referred,
            "month": referred - _by(opening - DAY, begun),
            "open": referred - _by(days, np.maximum(begun, done)),
        },
        index=pd.DatetimeIndex(days, name="date"),
    )
    for whole in ("all", "month", "open"):
        frame[f"of_{whole}"] = frame["late"] / frame[whole].where(frame[whole] > 0)
    frame["oldest"] = part.age(_oldest_open(days, begun, done), days)
    if part.rule.kind == "backlog":
        met = _met(part.rule, frame["late"], _whole(part.rule, frame))
    else:
        met = (frame["late"] == 0).to_numpy()
    frame["status"] = "no_data" if (part.state == NO_DATA).any() else np.where(met, "met", "not_met")
    return frame


def against_profile(snapshot: Snapshot, standard: str) -> pd.DataFrame:
    """Hold what was recorded to date against what was expected to be, at the end of every month.

    Parameters
    ----------
    snapshot : Snapshot
    standard : str
        A standard of kind `profile`.

    Returns
    -------
    DataFrame
        Index `month`; `actual` (recorded) and `promised` (expected to be recorded) to date, `share` of that (missing
        where there is none yet) and `state`: 'met', 'not_met', 'not_due' (a month that has not ended), 'not_applicable'
        (nothing expected by then) or 'no_data' (a month before has no profile in the contract file).

    Raises
    ------
    ParameterError
        No such standard.

    Examples
    --------
    The regime of the small sample has no standard of this kind.

    >>> from perflib import sample_snapshot
    >>> against_profile(sample_snapshot(), "css2")
    Traceback (most recent call last):
        ...
    perflib.errors.ParameterError: standard='css2': the contract has no such standard of kind 'profile'.
    """
    rule = snapshot.contract.standards.get(standard)
    if rule is None or rule.kind != "profile":
        raise ParameterError(f"standard={standard!r}: the contract has no such standard of kind 'profile'.")
    events: list[str] = list(rule.to)
    actual = counts.monthly(snapshot, events, "recorded").sum(axis=1).cumsum()
    expects = counts.expected_recorded(snapshot, events, whole=False)
    promised = expects.sum(axis=1, skipna=False).cumsum(skipna=False)
    met = _met(rule, actual, promised.fillna(0))
    state = np.select(
        [promised.isna(), promised == 0, _ends(snapshot) > Journeys(snapshot).on, met],
        ["no_data", "not_applicable", "not_due", "met"],
        "not_met",
    )
    share = actual / promised.where(promised > 0)
    return pd.DataFrame({"actual": actual, "promised": promised, "share": share, "state": state})


def revisions(earlier: Snapshot, later: Snapshot) -> pd.DataFrame:
    """Count the cases whose state on an earlier report's day is seen differently now, and why.

    Parameters
    ----------
    earlier : Snapshot
        As the report was made.
    later : Snapshot
        Of the same contract, known later: of the same month or a later one.

    Returns
    -------
    DataFrame
        `standard`, `was` and `now` (states, or 'unknown' where the case was not, or is no longer, known), `reason`
        ('corrected' where a date that the standard asks about was another, 'recorded late' where it was missing,
        'other' where all are the same: an exemption decided on since, the first event of its kind) and `cases`.
    """
    on = Journeys(earlier).on.astype("datetime64[D]").item()
    key = ["standard", "referral_id", "item"]
    both = cases(earlier).merge(cases(later, on=on), "outer", on=key, suffixes=("_was", "_now"))
    both = both.assign(**{when: both[f"state_{when}"].astype("str").fillna("unknown") for when in ("was", "now")})
    both = both[both["was"] != both["now"]].reset_index(drop=True)
    pairs = [(both[f"{name}_was"], both[f"{name}_now"]) for name in ("day0", "done")]
    pairs += _conditions(both, Journeys(earlier), Journeys(later, on))
    moved = [(before != after) & before.notna() for before, after in pairs]
    found = [before.isna() & after.notna() for before, after in pairs]
    reason = np.select([reduce(or_, moved), reduce(or_, found)], ["corrected", "recorded late"], "other")
    counts = both.assign(reason=reason).groupby(["standard", "was", "now", "reason"], observed=True).size()
    return counts.rename("cases").reset_index()


def _conditions(rows: pd.DataFrame, *known: Journeys) -> list[tuple[pd.Series, pd.Series]]:
    """Return, for cases, the dates of the events on which it depends whether and how they count, as known then and now.

    One pair of columns an event; missing for the cases of standards that do not ask about it.
    """
    rules = known[0].snapshot.contract.standards
    asked = pd.DataFrame(
        [(name, event) for name, rule in rules.items() for event in rule.conditions], columns=["standard", "event"]
    )
    pairs = []
    for event, names in asked.groupby("event")["standard"]:
        mine = rows["standard"].isin(names).to_numpy()
        dates = [np.append(one.dates((str(event),)), MISSING)[one.place(rows["referral_id"])] for one in known]
        before, after = (pd.Series(when, rows.index).where(mine) for when in dates)
        pairs.append((before, after))
    return pairs


def _whom(rule: Standard) -> str:
    """Return whom a standard is about, in words."""
    if rule.table is not None:
        return f"rows of {rule.table.replace('_', ' ')}"
    return "all referrals" if rule.applies_to == "referral" else f"those with {rule.applies_to.replace('_', ' ')}"


def _chosen(journeys: Journeys, names: Sequence[str] | None) -> list[Cases]:
    """Return the cases of the standards named, by default of all."""
    standards = journeys.snapshot.contract.standards
    for name in names or ():
        if name not in standards:
            raise ParameterError(f"standard {name!r}: the contract has no such standard; {hint(name, standards)}")
    chosen = [name for name in (standards if names is None else names) if standards[name].kind != "profile"]
    part = journeys.snapshot.whole is not None  # of which the contract's own cases are none
    return [run(journeys, name) for name in chosen if not (part and of_contract(standards[name]))]


def _judged(rows: pd.DataFrame, state: str, rule: Standard, labels: pd.Index, journeys: Journeys) -> pd.DataFrame:
    """Count states in each group and hold them against the target."""
    counts = _counts(rows[state], rows["group"], labels)
    counted = counts[COUNTED].sum(axis=1)
    part, whole = counts["met"], counted
    if rule.kind == "backlog":
        counted = counted + counts["not_due"]
        latest = rows[(rows[state] < EXEMPT) & (rows["month"] == month_number(journeys.on))]
        wholes = {
            "all": counted,
            "month": latest["group"].value_counts().reindex(range(len(labels)), fill_value=0).set_axis(labels),
            "open": counts["open_late"] + counts["not_due"],
        }
        part, whole = counts["open_late"], _whole(rule, pd.DataFrame(wholes))
    judged = counts.assign(part=part, whole=whole, rate=part / whole.where(whole > 0), lower=np.nan, upper=np.nan)
    if rule.sampled:
        judged["lower"], judged["upper"] = cohorts.exact_interval(part, whole)
    met = _met(rule, part, whole)
    judged["status"] = np.select(
        [
            met & (counted > 0).to_numpy(),
            counted > 0,
            counts["not_due"] > 0,
            counts["exempt"] > 0,
            counts["no_data"] > 0,
        ],
        ["met", "not_met", "not_due", "exempt", "no_data"],
        "not_applicable",
    )
    if rule.table is not None and counts.to_numpy().sum() == 0:
        judged["status"] = "no_data"
    return judged


def _lowest(months: pd.DataFrame) -> pd.DataFrame:
    """Return a profile's row of `measure`: how many months were below, and the lowest of them."""
    counts = months["state"].value_counts().reindex(STATES, fill_value=0)
    judged = months[months["state"].isin(COUNTED)]
    lowest = judged.nsmallest(1, "share").reindex(columns=["actual", "promised", "share"]).to_numpy().tolist()
    part, whole, rate = lowest[0] if lowest else [np.nan] * 3
    order = ["not_met", "met", "not_due", "no_data", "not_applicable"]
    status = next((state for state in order if counts[state]), "not_applicable")
    found = {"part": part, "whole": whole, "rate": rate, "status": status}
    found |= {f"{name}_unexempted": value for name, value in found.items()}
    return pd.DataFrame([{**counts, **found}], index=["all"]).assign(lower=np.nan, upper=np.nan, worst=np.nan)


def _met(rule: Standard, part: pd.Series, whole: pd.Series) -> Flags:
    """Return where the target is met, exactly."""
    return np.array([rule.target.met(*pair) for pair in zip(part, whole, strict=True)], dtype=bool)


def _whole(rule: Standard, wholes: pd.DataFrame) -> pd.Series:
    """Return what a backlog is a share of."""
    return pd.Series(1, index=wholes.index) if rule.share_of == "count" else wholes[rule.share_of]


def _counts(state: Any, group: Any, labels: pd.Index) -> pd.DataFrame:
    """Count states in each group; groups are numbers, which `labels` name."""
    number = np.asarray(group) * len(STATES) + np.asarray(state)
    table = np.bincount(number, minlength=len(labels) * len(STATES)).reshape(len(labels), len(STATES))
    return pd.DataFrame(table, index=labels, columns=list(STATES))


def _groups(journeys: Journeys, by: Sequence[str]) -> tuple[Numbers, pd.Index]:
    """Return the number of each journey's group, and what the groups are called."""
    if not by:
        return np.zeros(len(journeys.frame), dtype=np.int64), pd.Index(["all"])
    snapshot = journeys.snapshot
    own = [name for name in by if name in snapshot.programme.attributes]
    at_referral = {name: snapshot.attribute(name, "at_referral") for name in own}
    then = replace(snapshot, journeys=snapshot.journeys.assign(**at_referral))
    values = [cuts.labels(then, name) for name in by]
    number, names = pd.factorize(values[0] if len(by) == 1 else pd.MultiIndex.from_arrays(values), sort=True)
    return number.astype(np.int64), names if isinstance(names, pd.Index) else pd.Index(names)


def _by(days: Days, dates: Days) -> Numbers:
    """Count the dates on or before each day."""
    return np.searchsorted(np.sort(dates[~np.isnat(dates)]), days, side="right")


def _oldest_open(days: Days, begun: Days, done: Days) -> Days:
    """Return when the oldest case that is open at the close of each day began; missing where none is open."""
    order = np.argsort(begun, kind="stable")
    never = np.datetime64("9999-12-31", "s")
    begun = np.append(begun[order], never)
    # The first of them, in order, that outlasts a day is the first at which the running maximum does.
    outlast = np.maximum.accumulate(np.append(np.where(np.isnat(done), never, done)[order], never))
    first = begun[np.searchsorted(outlast, days, side="right")]
    return np.where(first <= days, first, MISSING)


def _a_backlog(snapshot: Snapshot, standard: str | None) -> str:
    """Return the id of a standard that has a backlog."""
    aged = {name: rule.kind for name, rule in snapshot.contract.standards.items() if rule.is_age}
    chosen = next((name for name, kind in aged.items() if kind == "backlog"), None) if standard is None else standard
    if chosen is None or chosen not in aged:
        raise ParameterError(f"standard={standard!r}: no such backlog; known: {', '.join(aged) or 'none'}.")
    return chosen


def _items(parts: Sequence[Cases]) -> pd.Categorical:
    """Return what tells the cases of one referral apart."""
    if all(part.clocks.item is None for part in parts):
        size = sum(len(part.state) for part in parts)
        return pd.Categorical.from_codes(np.full(size, -1, dtype=np.int8), pd.Index([], dtype="str"))
    blank = [pd.Series(pd.NA, range(len(part.state)), dtype="str") for part in parts]
    items = [none if part.clocks.item is None else part.clocks.item for part, none in zip(parts, blank, strict=True)]
    return pd.Categorical(pd.concat(items, ignore_index=True))


def _joined(parts: Sequence[NDArray[Any]], dtype: Any = "datetime64[s]") -> NDArray[Any]:
    return np.concatenate(parts) if parts else np.array([], dtype=dtype)


def _iso(day: np.datetime64) -> str:
    return str(day.astype("datetime64[D]"))


def _ends(snapshot: Snapshot) -> Days:
    """Return the last day of each month of the contract."""
    next_month: Days = (snapshot.months + 1).to_timestamp().to_numpy(dtype="datetime64[s]")
    return next_month - DAY
