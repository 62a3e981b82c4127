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


def against_profile(snapshot: Snapshot, standard: str) -> pd.DataFrame:
    """Hold a cumulative count against what the contract promised, at the end of every month.

    Parameters
    ----------
    snapshot : Snapshot
    standard : str
        A standard of kind `profile`.

    Returns
    -------
    DataFrame
        Index `month`; `actual` and `promised` to date, `share` of the promise (missing where there is none yet) and
        `state`: 'met', 'not_met', 'not_due' (a month that has not ended), 'not_applicable' (nothing promised by then)
        or 'no_data' (a month before has no promise in the contract file).

    Raises
    ------
    ParameterError
        No such standard.
    """
    rule = snapshot.contract.standards.get(standard)
    if rule is None or rule.kind != "profile":
        raise ParameterError(f"standard={standard!r}: the contract has no such standard of kind 'profile'.")
    events, clock = list(rule.to), "recorded" if rule.recorded else "event"
    actual = kpis.monthly(snapshot, events, clock).sum(axis=1).cumsum()
    promised = kpis.promised(snapshot, events).sum(axis=1, skipna=False).cumsum(skipna=False)
    met = [rule.target.met(part, whole) for part, whole in zip(actual, promised, strict=True)]
    state = np.select(
        [promised.isna(), promised == 0, _ends(snapshot) > _Journeys(snapshot).on, met],
        [STATES[NO_DATA], STATES[NOT_APPLICABLE], STATES[NOT_DUE], STATES[MET]],
        STATES[NOT_MET],
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
        `standard`, `was` and `now` (states; `was` is 'unknown' for a case that was not known yet, `now` for one that
        is known no more), `reason` ('recorded late' where a date was missing, 'corrected' where it was another one)
        and `cases`, in order.
    """
    on = _Journeys(earlier).on.astype("datetime64[D]").item()
    key = ["standard", "referral_id", "item"]
    both = cases(earlier).merge(cases(later, on=on), "outer", on=key, suffixes=("_was", "_now"))
    was, now = (both[f"state_{when}"].astype("str").fillna("unknown") for when in ("was", "now"))
    another = False
    for column in ("day0", "done"):
        another |= both[f"{column}_was"].notna() & (both[f"{column}_was"] != both[f"{column}_now"])
    reason = np.where(another, "corrected", "recorded late")
    frame = both[["standard"]].assign(was=was, now=now, reason=reason)[was != now]
    counts = frame.groupby(["standard", "was", "now", "reason"], observed=True).size()
    return counts.rename("cases").reset_index()


@dataclass(frozen=True, eq=False)
class _Cases:
    """The cases of one standard, a column each."""

    name: str
    rule: Standard
    referral_id: pd.Series
    journey: Numbers | None  # the row of each case's journey; None: every journey has one case, in order
    item: pd.Series | None
    month: Numbers  # since January 1970
    begun: Days
    day0: Days
    due: Days
    late: Days  # the first day that is too late
    done: Days
    state: States  # as though nothing was exempt
    exempt: Flags | None

    def of_journeys(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return what is known of each journey for each case."""
        return values if self.journey is None else values[self.journey]

    def states(self, exemptions: bool = True) -> States:
        """Return the state of each case, with or without exemptions."""
        if self.exempt is None or not exemptions:
            return self.state
        return np.where(self.exempt & (self.state < EXEMPT), EXEMPT, self.state)

    def taken(self, journeys: _Journeys) -> NDArray[np.float64]:
        """Return the days that each case took, or has taken so far: more than the limit just when it is late."""
        open_still = np.isnat(self.done)
        days = _elapsed(self.rule, journeys, self.begun, np.where(open_still, journeys.on, self.done))
        return np.where(open_still & (self.state == NOT_MET), np.nan, days)


class _Journeys:
    """The journeys referred by a day, with what had happened by then; each date is read once."""

    def __init__(self, snapshot: Snapshot, on: date | None = None) -> None:
        last = min(snapshot.period_end, snapshot.known_at)
        if on is not None and on > last:
            raise ParameterError(f"on={on}: is after {last}, the last day that is known. Choose an earlier day.")
        self.snapshot = snapshot
        self.on = np.datetime64(on or last, "s")
        referred = (snapshot.journeys["referral"] <= self.on).to_numpy()
        self.frame = snapshot.journeys if referred.all() else snapshot.journeys[referred].reset_index(drop=True)
        self.calendar = working_days(snapshot.contract.nation)
        self._dates: dict[tuple[tuple[str, ...], bool, str], Days] = {}
        self._calendars: dict[tuple[str, ...], _DayByDay] = {}
        self.month = self.dates(("referral",)).astype("datetime64[M]").astype(np.int64)

    def rule(self, name: str) -> Standard:
        """Return a standard of the contract."""
        return self.snapshot.contract.standards[name]

    def stops(self, rule: Standard) -> tuple[str, ...]:
        """Return the events that stop a standard's clock."""
        return rule.to or self.snapshot.programme.resolves

    def dates(self, events: tuple[str, ...], recorded: bool = False, needs: str = "any") -> Days:
        """Return the first date of some events in each journey; of those that are all needed, the last."""
        key = (events, recorded, needs)
        if key not in self._dates:
            columns = (self.frame[f"{event}_recorded" if recorded else event] for event in events)
            # Of these two only fmin passes over what is missing.
            found = reduce(
                np.maximum if needs == "all" else np.fmin, (column.to_numpy("datetime64[s]") for column in columns)
            )
            after = found > self.on
            self._dates[key] = np.where(after, MISSING, found) if after.any() else found
        return self._dates[key]

    def calendar_of(self, events: tuple[str, ...]) -> _DayByDay:
        """Return the days on which clocks begin."""
        if events not in self._calendars:
            self._calendars[events] = _DayByDay(self.dates(events))
        return self._calendars[events]

    def happened(self, events: tuple[str, ...]) -> Flags:
        """Return in which journeys one of some events has happened."""
        return ~np.isnat(self.dates(events))

    def lacks(self, events: tuple[str, ...], needs: str = "any") -> bool:
        """Return whether the extract has no event of these kinds; of one of them, where all are needed."""
        held = (event in CORE_EVENTS or bool(self.frame[event].notna().any()) for event in events)
        return not (all(held) if needs == "all" else any(held))

    def place(self, referral_ids: pd.Series) -> Numbers:
        """Return the row of each referral, -1 for those that are not there."""
        return pd.Index(self.frame["referral_id"]).get_indexer(pd.Index(referral_ids))

    def applies(self, rule: Standard) -> Flags:
        """Return for which journeys a standard holds."""
        if rule.nations and self.snapshot.contract.nation not in rule.nations:
            return np.zeros(len(self.frame), dtype=bool)
        held = self.happened((rule.applies_to,))
        for validity in rule.valid:
            when = self.dates((validity.by,))
            if validity.since:
                held &= ~(when < np.datetime64(validity.since))
            if validity.until:
                held &= ~(when > np.datetime64(validity.until))
        return held

    def exempt(self, name: str) -> Flags | None:
        """Return which journeys an approved exemption from a standard stands for; None where there is none."""
        rows = self.snapshot.tables.get("exemptions", pd.DataFrame({"standard": []}))
        rows = rows[rows["standard"] == name]
        if rows.empty:
            return None
        latest = rows[rows["recorded_date"] == rows.groupby("referral_id")["recorded_date"].transform("max")]
        approved = (latest["decision"] == APPROVED).groupby(latest["referral_id"]).all()
        return self.frame["referral_id"].isin(approved.index[approved]).to_numpy()


class _DayByDay:
    """Dates as places in a list of every day from the first to the last of them.

    When something is due depends on the day alone: it is worked out once a day, and looked up once a case.
    """

    def __init__(self, dates: Days) -> None:
        found = dates.astype("datetime64[D]")
        first = np.fmin.reduce(found, initial=MISSING.astype("datetime64[D]"))
        last = np.fmax.reduce(found, initial=first)
        self.days: Days = found[:0] if np.isnat(first) else np.arange(first, last + DAY)
        self._place = np.where(np.isnat(found), len(self.days), (found - first).astype(np.int64))

    def look_up(self, values: Days) -> Days:
        """Return for each date the value of its day; a missing date has none."""
        return np.append(values.astype("datetime64[s]"), MISSING)[self._place]


def _run_all(journeys: _Journeys, names: Sequence[str] | None) -> list[_Cases]:
    """Return the cases of the standards named (by default all) that have cases."""
    standards = journeys.snapshot.contract.standards
    for name in names or ():
        if name not in standards:
            raise ParameterError(f"standard {name!r}: {hint(name, standards)}")
    chosen = standards if names is None else names
    return [_run(journeys, name) for name in chosen if standards[name].kind != "profile"]


def _run(journeys: _Journeys, name: str) -> _Cases:
    """Run the clock of one standard for everybody."""
    rule = journeys.rule(name)
    if rule.table is not None:
        clocks, lacking = _a_row(journeys, rule), False
    else:
        stops = journeys.stops(rule)
        clocks = _each_time(journeys, rule) if rule.kind == "every" else _a_journey(journeys, rule)
        lacking = journeys.lacks(rule.begins) or journeys.lacks(stops, rule.needs)

    def of_cases(values: NDArray[Any]) -> NDArray[Any]:
        return values if clocks.journey is None else values[clocks.journey]

    open_still = np.isnat(clocks.done)
    state = _state(rule, clocks, journeys.on, open_still)
    if clocks.ended is not None:
        state = np.where(open_still & clocks.ended, NOT_MET, state)
    if rule.excused_by:
        state = np.where(open_still & of_cases(journeys.happened(rule.excused_by)), NOT_APPLICABLE, state)
    if lacking:
        state = np.full_like(state, NO_DATA)
    else:
        state = np.where(np.isnat(clocks.begun), NOT_APPLICABLE if rule.table is None else NO_DATA, state)
    state = np.where(of_cases(journeys.applies(rule)), state, NOT_APPLICABLE)
    exempt = journeys.exempt(name)
    return _Cases(
        name,
        rule,
        journeys.frame["referral_id"] if clocks.journey is None else journeys.frame["referral_id"].take(clocks.journey),
        clocks,
        journeys.month if clocks.journey is None else clocks.begun.astype("datetime64[M]").astype(np.int64),
        state,
        None if exempt is None else of_cases(exempt),
    )
