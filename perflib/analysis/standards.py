"""Service standards: the state of every case, rates against targets, backlogs, and their history since day one.

What a standard is stands in `rules.standards`; here its clock is run for everybody at once.

Conventions
-----------
- A case is one referral under one standard; where something is asked of a referral several times, there is a case for
  each (`item`). Groups are those at the referral.
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
from dataclasses import dataclass, replace
from datetime import date
from functools import reduce

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from perflib.analysis import cohorts, kpis
from perflib.errors import ParameterError
from perflib.records.snapshot import Snapshot
from perflib.rules.calendar import Days, window, working_days
from perflib.rules.programme import CORE_EVENTS
from perflib.rules.standards import Standard
from perflib.rules.values import hint

STATES = ("met", "not_met", "open_late", "not_due", "exempt", "no_data", "not_applicable")
MET, NOT_MET, OPEN_LATE, NOT_DUE, EXEMPT, NO_DATA, NOT_APPLICABLE = (np.uint8(number) for number in range(7))
COUNTED = ["met", "not_met", "open_late"]
APPROVED = "approved"

MISSING = np.datetime64("NaT", "s")
DAY = np.timedelta64(1, "D")

Flags = NDArray[np.bool_]
Numbers = NDArray[np.int64]
States = NDArray[np.uint8]


def cases(
    snapshot: Snapshot, names: Sequence[str] | None = None, on: date | None = None, *, exemptions: bool = True
) -> pd.DataFrame:
    """Return the state of every case of every standard.

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

    Returns
    -------
    DataFrame
        One row a case, by standard and referral: `referral_id`, `standard`, `item` (missing where a referral has one
        case), `day0`, `due` (the last day in time), `done` (missing where it was not) and `state` (of `STATES`).

    Raises
    ------
    ParameterError
        An unknown standard, or a day after those that the snapshot knows.
    """
    parts = _run_all(_Journeys(snapshot, on), names)
    number = np.repeat(np.arange(len(parts), dtype=np.int8), [len(part.state) for part in parts])
    state = np.concatenate([*(part.states(exemptions) for part in parts), np.array([], dtype=np.uint8)])
    ids = [*(part.referral_id for part in parts), snapshot.journeys["referral_id"][:0]]
    return pd.DataFrame(
        {
            "referral_id": pd.concat(ids, ignore_index=True),
            "standard": pd.Categorical.from_codes(number, [part.name for part in parts]),
            "item": _items(parts),
            "day0": _joined([part.day0 for part in parts]),
            "due": _joined([part.due for part in parts]),
            "done": _joined([part.done for part in parts]),
            "state": pd.Categorical.from_codes(state.view(np.int8), list(STATES)),
        },
        copy=False,
    )


def measure(snapshot: Snapshot, by: str | None = None, basis: str = "cumulative") -> pd.DataFrame:
    """Hold each standard against its target.

    Parameters
    ----------
    snapshot : Snapshot
    by : str, optional
        An attribute of the programme: then one row a standard and value, as at the referral.
    basis : str
        Whose cases: of the reporting month (`month`), of the last n months (`rolling_<n>`), or of all since day one
        (`cumulative`); `history` says which month a case belongs to.

    Returns
    -------
    DataFrame
        One row a standard (and value):

        - `standard`, `name`, (`by`); the number of cases in each of `STATES`.
        - `rate`; of a backlog the share (or number) in it at the end, of a profile the lowest share of what was
          promised to any month. `lower`, `upper`: its exact 95 % interval, where the department measures a sample.
        - `rule` ('at least', 'no more than' ...) and `target`.
        - `status`: 'met' or 'not_met' or, where nothing counts yet, the reason: 'not_due', 'exempt', 'no_data',
          'not_applicable'.
        - `worst`: the days that the slowest case took, or has taken so far.
        - `rate_unexempted`, `status_unexempted`: as though nothing had been exempted.
    """
    span = window(basis, snapshot.month, snapshot.first_day)
    journeys = _Journeys(snapshot)
    number, labels = _groups(journeys, by)
    frames = []
    for name, rule in snapshot.contract.standards.items():
        if rule.kind == "profile":
            if by is not None:
                continue  # the contract's volumes are for everybody
            months = against_profile(snapshot, name)
            frame = _lowest(months[span.contains(months.index)], rule)
        else:
            part = _run(journeys, name)
            rows = pd.DataFrame(
                {
                    "group": part.of_journeys(number),
                    "month": part.month,
                    "state": part.states(),
                    "unexempted": part.state,
                    "days": part.taken(journeys),
                }
            )[span.contains(part.month)]
            frame = _judged(rows, "state", rule, labels, journeys)
            unexempted = _judged(rows, "unexempted", rule, labels, journeys)[["rate", "status"]]
            slowest = rows[rows["state"] < EXEMPT].groupby("group")["days"].max().reindex(range(len(labels)))
            frame = frame.join(unexempted.add_suffix("_unexempted")).assign(worst=slowest.to_numpy())
        frame = frame.assign(standard=name, name=rule.name, rule=rule.target.rule, target=float(rule.target.value))
        frames.append(frame.rename_axis(by or "all").reset_index())
    columns = ["standard", "name", *([by] if by else []), *STATES, "rate", "lower", "upper", "rule", "target", "status"]
    columns += ["worst", "rate_unexempted", "status_unexempted"]
    return pd.concat(frames, ignore_index=True)[columns] if frames else pd.DataFrame(columns=columns)


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
        (met, not met or open late), `rate` (missing where nothing counted) and `complete`: whether nothing in the
        month can still become due.
    """
    frames = {}
    for part in _run_all(_Journeys(snapshot), names):
        first = min(snapshot.first_month.ordinal, int(part.month.min(initial=snapshot.month.ordinal)))
        months = pd.period_range(pd.Period(ordinal=first, freq="M"), snapshot.month, freq="M", name="month")
        counts = _counts(part.states(), part.month - first, months)
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
    """
    name = _a_backlog(snapshot, standard)
    journeys = _Journeys(snapshot)
    if dates is None:
        days = np.minimum((snapshot.months + 1).to_timestamp().to_numpy(dtype="datetime64[s]") - DAY, journeys.on)
    else:
        days = np.array(list(dates), dtype="datetime64[D]").astype("datetime64[s]")
    if (days > journeys.on).any():
        raise ParameterError(f"dates: {_iso(days.max())} is after {_iso(journeys.on)}, the last day that is known.")
    part = _run(journeys, name)
    kept = part.states() < EXEMPT
    begun, late, done = part.begun[kept], part.late[kept], part.done[kept]
    referred = _by(days, begun)
    frame = pd.DataFrame(
        {
            "late": _by(days, late) - _by(days, np.maximum(late, done)),
            "all": referred,
            "month": referred - _by(days.astype("datetime64[M]") - DAY, begun),
            "open": referred - _by(days, np.maximum(begun, done)),
        },
        index=pd.DatetimeIndex(days, name="date"),
    )
    for whole in ("all", "month", "open"):
        frame[f"of_{whole}"] = frame["late"] / frame[whole].where(frame[whole] > 0)
    rule = part.rule
    frame["oldest"] = _elapsed(rule, journeys, _oldest_open(days, begun, done), days)
    whole = _whole(rule, frame)
    met = [rule.target.met(part, of) for part, of in zip(frame["late"], whole, strict=True)]
    frame["status"] = np.where(met if rule.kind == "backlog" else frame["late"] == 0, "met", "not_met")
    if (part.state == NO_DATA).any():
        frame["status"] = STATES[NO_DATA]
    return frame
