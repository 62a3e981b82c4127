"""How journeys move: where everybody stood on any day, flows between two days, time in stage, reviews and work.

Conventions
-----------
- A place is a stage of `journeys` for those who have started; for the others the first event that resolved the
  referral, or `open`. Before the referral it is `not_referred`.
- Where somebody stood on a day is judged at its close, from what has been known since (`known_at`), and from what had
  happened by then: a claim submitted later did not stand yet. What was known on that day itself is the snapshot of that
  day.
- The time in a stage runs from the day it was entered to the day a later one was; a stage passed over is not entered.
  The outcome is dated by the day it happened, though its claim came later. Those still in a stage are censored.
- On the programme all month: started by its first day, and not left by its last.
- A spell of work is followed from its first day until its end, the exit or the period's end, whichever comes first: of
  what happens after the exit the provider need not know. A spell that began before the start is not followed.
- Corrections change the past, and so do late records; `changed_since` tells them apart.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from perflib.analysis import journeys, measures, standards
from perflib.analysis.clocks import of_contract
from perflib.analysis.cohorts import NOT_RECORDED, labels, started
from perflib.analysis.incidence import ANY, EXIT, Incidence, cumulative_incidence
from perflib.errors import ParameterError
from perflib.records.current import keys
from perflib.records.schemas import NOT_RECORDED as CELL_NOT_USED
from perflib.records.snapshot import Snapshot, remembered
from perflib.rules.programme import Programme
from perflib.rules.values import hint

OPEN, NOT_REFERRED = "open", "not_referred"
WORK_WEEKS = (0, 4, 13, 26)
"""Lower ends of the bands in which spells of work are shown, in weeks."""

FAR = 10**6
"""More days than any date has: `row * FAR + day` puts days in the order of their journeys."""

Days = NDArray[np.datetime64]
Numbers = NDArray[np.int64]

WITHDRAWN, LATE, CORRECTED, ELSEWHERE = "withdrawn", "recorded late", "corrected", "changed elsewhere"


@dataclass(frozen=True, eq=False)
class _Day(Snapshot):
    """A snapshot that ends on any day of its month."""

    last_day: date = date.max

    @property
    def period_end(self) -> date:
        return self.last_day


def at(snapshot: Snapshot, day: date) -> Snapshot:
    """Return the snapshot of an earlier day, as known since: with what had happened by its close.

    The last day of a month gives what `load_snapshot` gives for that month and the same `known_at`.

    Parameters
    ----------
    snapshot : Snapshot
    day : date
        From the contract's first month to the snapshot's last day.

    Raises
    ------
    ParameterError
        A day that the snapshot does not hold.
    """
    if not snapshot.first_month.start_time.date() <= day <= snapshot.period_end:
        raise ParameterError(
            f"day {day}: must be from {snapshot.first_month.start_time.date()} to {snapshot.period_end}. "
            f"Choose another day, or the snapshot of a later month."
        )
    cut = _cut(snapshot, day)
    people = snapshot.tables["participants"]
    people = people[people["referral_id"].isin(cut.journeys["referral_id"])]
    aside = snapshot.set_aside
    of_others = (aside["table"] == "participants") & ~aside["row"].isin(people.index)
    aside = aside[~(of_others & (aside["effect"] == CELL_NOT_USED))]
    texts = cut.events.select_dtypes("category")
    events = cut.events.assign(**{str(name): texts[name].cat.remove_unused_categories() for name in texts})
    cut = replace(cut, tables={**snapshot.tables, "participants": people}, set_aside=aside, events=events)
    if len(snapshot.history):  # who has not started by then is read at the referral
        held = {name: cut.attribute(name) for name in snapshot.history["attribute"].unique()}
        cut = replace(cut, journeys=cut.journeys.assign(**held))
    return cut


def _cut(snapshot: Snapshot, day: date) -> Snapshot:
    """Return the snapshot of a day, but for attributes and tables, which stay as they are."""
    end = pd.Timestamp(day)
    referred = (snapshot.journeys["referral"] <= end).to_numpy()
    frame = snapshot.journeys[referred].reset_index(drop=True)
    for name in snapshot.programme.events:
        if name in frame and (later := frame[name] > end).any():
            frame = frame.assign(**{column: frame[column].mask(later) for column in (name, f"{name}_recorded")})
    events = snapshot.events[(snapshot.events["event_date"] <= end).to_numpy() & referred[_rows(snapshot)]]
    whole = {item.name: getattr(snapshot, item.name) for item in fields(Snapshot) if item.init}
    return _Day(**whole | {"month": pd.Period(day, "M"), "journeys": frame, "events": events, "last_day": day})


@remembered
def _rows(snapshot: Snapshot) -> Numbers:
    """Return the row of each event's journey."""
    return _row_of(snapshot, snapshot.events["referral_id"])


def _row_of(snapshot: Snapshot, referrals: pd.Series) -> Numbers:
    """Return the row in journeys of each referral."""
    found = pd.Index(snapshot.journeys["referral_id"]).get_indexer(pd.Index(referrals))
    return np.asarray(found, dtype=np.int64)


def places(programme: Programme) -> dict[str, str]:
    """Return where a journey may stand, code to label, from the first to the last."""
    names = (*programme.milestones, "outcome")
    resolved = [name for name in programme.resolves if name != "start"]
    return (
        {NOT_REFERRED: "Not referred yet", OPEN: "Referred, not resolved"}
        | {name: programme.label(name) for name in resolved}
        | {journeys.ON_PROGRAMME: "On programme"}
        | {name: programme.label(name) for name in names}
        | {journeys.LEFT: "Left", journeys.PAST: "Past the last day for an outcome"}
    )


def place(snapshot: Snapshot) -> pd.Series:
    """Return where each journey stands at the snapshot's end.

    Returns
    -------
    Series aligned with `snapshot.journeys`
        Codes of `places`.
    """
    resolved = [name for name in snapshot.programme.resolves if name != "start"]
    dates = snapshot.journeys[resolved].fillna(journeys.NEVER)
    first = np.array(resolved)[dates.to_numpy().argmin(axis=1)]
    waiting = pd.Series(first, index=dates.index, dtype="str").where((dates < journeys.NEVER).any(axis=1), OPEN)
    return journeys.stage(snapshot).fillna(waiting)


def place_at(snapshot: Snapshot, day: date) -> pd.Series:
    """Return where each journey of the snapshot stood at the close of a day.

    Returns
    -------
    Series aligned with `snapshot.journeys`
        Codes of `places`.
    """
    then = place(_cut(snapshot, day))
    found = pd.Series(NOT_REFERRED, index=snapshot.journeys.index, dtype="str")
    found[(snapshot.journeys["referral"] <= pd.Timestamp(day)).to_numpy()] = then.to_numpy()
    return found


def position_at(snapshot: Snapshot, day: date) -> pd.DataFrame:
    """Count where the started participants of each cohort stood at the close of a day, as `journeys.position`.

    Returns
    -------
    DataFrame of int
        Index `cohort`, every month of the contract to that day's; columns the stages, adding up to the cohort's starts
        by that day.
    """
    return journeys.position(at(snapshot, day))


def occupancy(snapshot: Snapshot, days: Iterable[date] | None = None) -> pd.DataFrame:
    """Count how many journeys stood in each place at the close of some days.

    Parameters
    ----------
    snapshot : Snapshot
    days : iterable of date, optional
        By default the last day of the reporting month and of each of the twelve before it.

    Returns
    -------
    DataFrame of int
        Index `date`; columns `places` but `not_referred`, adding up to the referrals to that day.
    """
    days = [month.end_time.date() for month in snapshot.months[-13:]] if days is None else days
    codes = list(places(snapshot.programme))[1:]
    slim = _what_places_need(snapshot)
    counts = {day: place(_cut(slim, day)).value_counts() for day in days}
    frame = pd.DataFrame(counts).T.reindex(columns=codes).fillna(0).astype(int)
    return frame.set_axis(pd.DatetimeIndex(list(frame.index), name="date"), axis="index")


def _what_places_need(snapshot: Snapshot) -> Snapshot:
    """Return the snapshot with only the dates and events on which places depend."""
    programme = snapshot.programme
    columns = [name for name in _dated(programme) if name in snapshot.journeys]
    columns += [f"{name}_recorded" for name in columns]
    return replace(
        snapshot,
        journeys=snapshot.journeys[["referral_id", *columns]],
        events=snapshot.events[snapshot.events["event"].isin(_counted(programme))],
    )


def _dated(programme: Programme) -> list[str]:
    """Return the events whose first dates decide where a journey stands."""
    return [*dict.fromkeys(["referral", "start", *programme.resolves, *programme.milestones]), EXIT]


def _counted(programme: Programme) -> list[str]:
    """Return the events that decide whether an outcome counts."""
    routes = [route for outcome in programme.outcomes.values() for route in outcome.routes]
    claims = [name for route in routes if (it := route.claim) for name in (it.submitted, it.paid, it.rejected)]
    return [*(route.event for route in routes), *claims]


def flows(snapshot: Snapshot, earlier: date, later: date | None = None) -> pd.DataFrame:
    """Count from where to where journeys moved between two days.

    Parameters
    ----------
    snapshot : Snapshot
        What is known of both days.
    earlier, later : date
        `later` is the snapshot's last day by default.

    Returns
    -------
    DataFrame of int
        Index `was`, columns `now`, both `places`; row sums are where journeys stood on the earlier day, column sums
        where they stood on the later one, and the row `not_referred` those referred between.
    """
    then = snapshot if later is None else _cut(snapshot, later)
    if earlier > then.period_end:
        raise ParameterError(f"earlier={earlier}: is after {then.period_end}. Give the two days in order.")
    codes = list(places(snapshot.programme))
    table = pd.crosstab(place_at(then, earlier).rename("was"), place(then).rename("now"))
    return table.reindex(index=codes, columns=codes, fill_value=0)


@remembered
def stage_spells(snapshot: Snapshot) -> pd.DataFrame:
    """Return every stage that a started journey was in, one after the other, from the start on.

    Returns
    -------
    DataFrame
        `place` (in journeys), `stage`, `from_date`, `to_date` (missing while it lasts); one row a spell, in order.
    """
    frame, programme = snapshot.journeys[started(snapshot)], snapshot.programme
    never, start = journeys.NEVER.to_numpy().astype("datetime64[s]"), frame["start"].to_numpy("datetime64[s]")
    outcome = measures.first(snapshot, "outcome")["event"]

    def from_start(dates: pd.Series) -> Days:
        reached = dates.reindex(frame.index).fillna(journeys.NEVER).to_numpy("datetime64[s]")
        return np.asarray(np.maximum(reached, start))

    furthest = np.array([from_start(outcome), *(from_start(frame[name]) for name in reversed(programme.milestones))])
    edges = np.vstack([start, np.minimum.accumulate(furthest)[::-1], np.full_like(start, never)])
    last = journeys.last_day(snapshot)[frame.index] + pd.Timedelta(days=1) + frame["start"]
    over = from_start(last.where(last <= pd.Timestamp(snapshot.period_end)))
    left = from_start(frame[EXIT]) if EXIT in frame else np.full_like(start, never)
    first = np.minimum(edges[1], over)
    spells = [(journeys.ON_PROGRAMME, start, np.minimum(left, first)), (journeys.LEFT, left, first)]
    for rank, name in enumerate(programme.milestones, start=1):
        spells.append((name, edges[rank], np.minimum(edges[rank + 1], over)))
    spells.append((journeys.OUTCOME, edges[-2], edges[-1]))
    spells.append((journeys.PAST, np.where(edges[-2] < never, never, over), edges[-1]))
    row = np.flatnonzero(started(snapshot))
    parts = [
        pd.DataFrame({"place": row, "stage": name, "from_date": begin, "to_date": end})[begin < end]
        for name, begin, end in spells
    ]
    found: pd.DataFrame = pd.concat(parts).sort_values(["place", "from_date"], ignore_index=True)
    return found.assign(to_date=found["to_date"].mask(found["to_date"] >= never))


def time_in_stage(snapshot: Snapshot, stage: str) -> Incidence:
    """Estimate how long journeys stay in a stage, and to which they go on.

    Parameters
    ----------
    snapshot : Snapshot
    stage : str
        Of `journeys.stages`.

    Returns
    -------
    Incidence
        Causes are the stages that come next; `any` is moving on at all.
    """
    if stage not in journeys.stages(snapshot):
        raise ParameterError(f"stage={stage!r}: {hint(stage, journeys.stages(snapshot))}")
    spells = stage_spells(snapshot)
    following = spells["stage"].shift(-1).where(spells["place"] == spells["place"].shift(-1))
    mine = spells["stage"] == stage
    causes = [name for name in places(snapshot.programme) if (following[mine] == name).any()] or ["moved_on"]
    number = following[mine].map({name: code for code, name in enumerate(causes, start=1)}).fillna(0)
    return cumulative_incidence(_lengths(spells[mine], snapshot.period_end), number, causes)


def _lengths(spells: pd.DataFrame, end: date) -> Numbers:
    """Return how many days each spell has lasted, to its end or to `end`."""
    last = spells["to_date"].fillna(pd.Timestamp(end))
    return np.asarray((last - spells["from_date"]).dt.days, dtype=np.int64)


def stage_times(snapshot: Snapshot) -> pd.DataFrame:
    """Summarise how long journeys stay in each stage that can be left.

    Returns
    -------
    DataFrame
        Index `stage`: `entered`, `moved_on`, `still` (in it), and the days by which half had moved on: `median`,
        `lower`, `upper`; missing where half have not.
    """
    rows = {}
    for stage in places(snapshot.programme):
        if stage in journeys.stages(snapshot) and stage not in (journeys.OUTCOME, journeys.PAST):
            found = time_in_stage(snapshot, stage)
            median, lower, upper = found.quantile(cause=ANY)
            still = int(found.censored.sum())
            counts = {"entered": found.followed, "moved_on": found.followed - still, "still": still}
            rows[stage] = counts | {"median": median, "lower": lower, "upper": upper}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("stage")


def _exits(snapshot: Snapshot) -> pd.Series:
    """Return the day each journey left, missing while it has not."""
    return snapshot.journeys[EXIT] if EXIT in snapshot.journeys else pd.Series(pd.NaT, snapshot.journeys.index)


def on_programme(snapshot: Snapshot) -> NDArray[np.bool_]:
    """Return who is on the programme at the snapshot's end."""
    end = pd.Timestamp(snapshot.period_end)
    return (snapshot.journeys["start"].notna() & ~(_exits(snapshot) <= end)).to_numpy()


def reviews(snapshot: Snapshot, event: str = "review", by: str | None = None) -> pd.DataFrame:
    """Count, for each calendar month, who of those on the programme all month had a review in it.

    Parameters
    ----------
    snapshot : Snapshot
    event : str
        An event that repeats.
    by : str, optional
        An attribute, as at the start.

    Returns
    -------
    DataFrame
        Index (`by`,) `month`, every month of the contract: `participants` (on the programme all month), `reviewed`
        (with a review in it), `share`, and `longest_gap`: the most days that any of them had gone without one at the
        month's end, since the last or since the start. Share and gap are missing where nobody was there all month, or
        the extract holds no such event.
    """
    frame, months = snapshot.journeys, snapshot.months
    values = labels(snapshot, by) if by else pd.Series("all", index=frame.index)
    group, names = pd.factorize(values, sort=True)
    row, month = _whole_months(snapshot)
    ends = _closes(months)
    last, reviewed = _last_time(snapshot, event, row, ends[month])
    reviewed &= last.astype("datetime64[M]") == ends[month].astype("datetime64[M]")

    cell, cells = group[row] * len(months) + month, len(names) * len(months)
    index = pd.MultiIndex.from_product([names, months], names=[by or "all", "month"])
    counts = pd.DataFrame(
        {
            "participants": np.bincount(cell, minlength=cells),
            "reviewed": np.bincount(cell[reviewed], minlength=cells),
        },
        index=index if by else index.droplevel(0),
    )
    gap = np.full(cells, -1)
    np.maximum.at(gap, cell, (ends[month] - last).astype(np.int64))
    known = (counts["participants"] > 0) & bool(frame[event].notna().any())
    return counts.assign(
        share=(counts["reviewed"] / counts["participants"]).where(known),
        longest_gap=pd.Series(gap, counts.index).where(known),
    )


def _closes(months: pd.PeriodIndex) -> Days:
    """Return the last day of each month."""
    return np.asarray(months.to_timestamp(how="end").to_numpy("datetime64[D]"))


def _whole_months(snapshot: Snapshot) -> tuple[Numbers, Numbers]:
    """Return the row and month, from 0, of every journey and month that it was on the programme for all of."""
    origin = snapshot.first_month.ordinal
    keep = started(snapshot)
    first = _month(snapshot.journeys.loc[keep, "start"] - pd.Timedelta(days=1)) + 1 - origin
    leave = _exits(snapshot)[keep]
    last = _month(leave.fillna(pd.Timestamp(snapshot.period_end) + pd.Timedelta(days=1))) - 1 - origin
    first = np.maximum(first, 0)
    spans = np.maximum(last - first + 1, 0)
    row = np.repeat(np.arange(len(spans)), spans)
    month = np.arange(len(row)) - (np.cumsum(spans) - spans)[row] + first[row]
    return np.flatnonzero(keep)[row], month


def _month(dates: pd.Series) -> Numbers:
    """Return the number of each date's month, as pandas numbers them."""
    return np.asarray(dates.to_numpy("datetime64[M]"), dtype=np.int64)


def _last_time(snapshot: Snapshot, event: str, row: Numbers, day: Days) -> tuple[Days, NDArray[np.bool_]]:
    """Return when each journey last had an event by a day, or else started, and whether it had."""
    held = measures.occurrences(snapshot, event)
    start = snapshot.journeys["start"].to_numpy("datetime64[D]")
    place, happened = held["place"].to_numpy(), held["event"].to_numpy("datetime64[D]")
    since = happened >= start[place]
    begun = np.flatnonzero(~np.isnat(start))
    number = np.concatenate([begun, place[since]]) * FAR
    number += np.concatenate([start[begun], happened[since]]).astype(np.int64)
    had = np.repeat([False, True], [len(begun), since.sum()])
    order = np.lexsort((had, number))
    found = order[np.searchsorted(number[order], row * FAR + day.astype(np.int64), side="right") - 1]
    return (number[found] - row * FAR).astype("datetime64[D]"), had[found]


def _followed_spells(snapshot: Snapshot) -> pd.DataFrame:
    """Return the spells of work of started journeys, with `place`, `start` and `until` when they are followed."""
    spells = journeys.work_spells(snapshot)
    place = _row_of(snapshot, spells["referral_id"])
    end = pd.Timestamp(snapshot.period_end)
    until = _exits(snapshot).fillna(end).to_numpy()[place]
    spells = spells.assign(place=place, start=snapshot.journeys["start"].to_numpy()[place], until=until)
    return spells[spells["start"].notna()]


def job_survival(snapshot: Snapshot) -> Incidence:
    """Estimate how long spells of work last; `waiting` is the share that still lasts after so many days.

    Returns
    -------
    Incidence
        The only cause is `job_end`. `before` counts the spells that began before the start, which are not followed.
    """
    spells = _followed_spells(snapshot)
    before = spells["from_date"] < spells["start"]
    mine = spells[~before & (spells["from_date"] <= spells["until"])]
    ended = mine["to_date"] <= mine["until"]
    duration = (mine["to_date"].where(ended, mine["until"]) - mine["from_date"]).dt.days
    return cumulative_incidence(duration, ended, ["job_end"], before=int(before.sum()))


def job_gaps(snapshot: Snapshot) -> Incidence:
    """Estimate how long it takes from the end of a spell of work to the next job, while on the programme.

    Returns
    -------
    Incidence
        Causes `job_start` and `exit`.
    """
    spells = _followed_spells(snapshot)
    following = spells["from_date"].shift(-1).where(spells["place"] == spells["place"].shift(-1))
    mine = (spells["to_date"] >= spells["start"]) & (spells["to_date"] <= spells["until"])
    ended, until, again = spells.loc[mine, "to_date"], spells.loc[mine, "until"], following[mine]
    found = again <= until
    left = _exits(snapshot).notna().to_numpy()[spells.loc[mine, "place"]] & ~found
    duration = (again.where(found, until) - ended).dt.days
    return cumulative_incidence(duration, np.select([found, left], [1, 2], 0), ["job_start", EXIT])


def in_work(snapshot: Snapshot, by: str | None = None) -> pd.DataFrame:
    """Count who is in work at the snapshot's end, by how long the present spell of work has lasted.

    Parameters
    ----------
    snapshot : Snapshot
    by : str, optional
        An attribute, as at the snapshot's end.

    Returns
    -------
    DataFrame of int
        One row, or one a value with participants: `on_programme`, `in_work`, and one column a band of `WORK_WEEKS`
        ('0 to 3 weeks', ..., '26 weeks and over'), which add up to `in_work`.
    """
    there = on_programme(snapshot)
    spells = _followed_spells(snapshot)
    live = spells[spells["to_date"].isna() & there[spells["place"]]]
    weeks = (pd.Timestamp(snapshot.period_end) - live["from_date"]).dt.days // 7
    edges = [*WORK_WEEKS, np.inf]
    bands = [f"{low} to {high - 1} weeks" for low, high in zip(WORK_WEEKS, WORK_WEEKS[1:], strict=False)]
    bands.append(f"{WORK_WEEKS[-1]} weeks and over")
    values = snapshot.attribute(by, "at_period_end").astype("str").fillna(NOT_RECORDED) if by else None
    group = pd.Series("all", snapshot.journeys.index) if values is None else values
    band = pd.cut(weeks, edges, right=False, labels=bands)
    counts = pd.crosstab(group.to_numpy()[live["place"]], band, dropna=False).reindex(columns=bands, fill_value=0)
    total = group[there].value_counts().sort_index().rename("on_programme")
    total = total if by else total.reindex(["all"], fill_value=0)
    counts = counts.reindex(total.index, fill_value=0)
    frame = pd.concat([total, counts.sum(axis=1).rename("in_work"), counts], axis=1)
    return frame.rename_axis(index=by or "all", columns=None)


def overdue(snapshot: Snapshot, what: str) -> pd.DataFrame:
    """Return the referrals for which something is overdue at the snapshot's end. For those who may see them, never for
    a report.

    Parameters
    ----------
    snapshot : Snapshot
    what : str
        A standard of the contract: its cases that are open late. Or an event that repeats, such as a review: whoever
        is on the programme and has not had one for more than a calendar month, since the last or since the start.

    Returns
    -------
    DataFrame
        `referral_id`, the programme's `units` as at the snapshot's end, `since` (day 0, or the last time), `due` and
        `days_over` (calendar days since it was due), longest first.

    Raises
    ------
    ParameterError
        Neither a standard about referrals nor an event that repeats.
    """
    frame, end = snapshot.journeys, pd.Timestamp(snapshot.period_end)
    repeating = snapshot.programme.repeating
    if what in snapshot.contract.standards and of_contract(snapshot.contract.standards[what]):
        raise ParameterError(f"what={what!r}: is about the contract as a whole, so no referral is overdue for it.")
    if what in snapshot.contract.standards:
        late = standards.cases(snapshot, [what])
        late = late[late["state"] == "open_late"]
        row = _row_of(snapshot, late["referral_id"])
        since, due = late["day0"], late["due"]
    elif what in repeating:
        row = np.flatnonzero(on_programme(snapshot))
        last, _ = _last_time(snapshot, what, row, np.full(len(row), snapshot.period_end, dtype="datetime64[D]"))
        since = pd.Series(last.astype("datetime64[s]"))
        due = since + pd.DateOffset(months=1)
        over = (due < end).to_numpy()
        row, since, due = row[over], since[over], due[over]
    else:
        raise ParameterError(f"what={what!r}: {hint(what, [*snapshot.contract.standards, *repeating])}")
    units = {name: snapshot.attribute(name, "at_period_end").to_numpy()[row] for name in snapshot.programme.units}
    found = pd.DataFrame({"referral_id": frame["referral_id"].to_numpy()[row], **units})
    found = found.assign(since=since.to_numpy(), due=due.to_numpy())
    found = found.assign(days_over=(end - found["due"]).dt.days)
    return found.sort_values(["days_over", "referral_id"], ascending=[False, True], ignore_index=True)


def changed_since(earlier: Snapshot, later: Snapshot) -> pd.DataFrame:
    """Count the journeys that did not stand, on an earlier snapshot's last day, where it said they did; and why.

    Parameters
    ----------
    earlier, later : Snapshot
        Of one contract; the later one knows more and reaches as far.

    Returns
    -------
    DataFrame
        One row a place and reason: `was` and `now` (of `places`; `not_referred` where the referral is not known, or is
        no more), `reason` and `journeys`. The reason is `withdrawn` where an event of the journey is known no more,
        else `recorded late` where one was not known, else `corrected` where one has another date; `changed elsewhere`
        where nothing of the journey's own explains it, but rules, or whether any claims are known at all.
    """
    if earlier.contract.contract != later.contract.contract:
        raise ParameterError(f"later: is of {later.contract.contract}, not of {earlier.contract.contract}.")
    if (earlier.period_end, earlier.known_at) > (later.period_end, later.known_at) or earlier.known_at > later.known_at:
        raise ParameterError(
            f"later: reaches to {later.period_end}, known at {later.known_at}, and `earlier` to "
            f"{earlier.period_end}, known at {earlier.known_at}. Give the two the other way round."
        )
    seen = [
        pd.Series(where.to_numpy(), pd.Index(whole.journeys["referral_id"]))
        for where, whole in ((place(earlier), earlier), (place_at(later, earlier.period_end), later))
    ]
    both = pd.concat(seen, axis=1, keys=["was", "now"]).fillna(NOT_REFERRED)
    changed = both[both["was"] != both["now"]]
    reason = _reasons(earlier, later, changed.index)
    counts = changed.assign(reason=reason).groupby(["was", "now", "reason"]).size()
    return counts.rename("journeys").reset_index()


def _reasons(earlier: Snapshot, later: Snapshot, referrals: pd.Index) -> NDArray[np.str_]:
    """Return for each referral what has become of the events that decide where it stands."""
    decisive = {*_dated(earlier.programme), *_counted(earlier.programme)}
    repeating = earlier.programme.repeating
    parts = [
        snapshot.events[snapshot.events["event"].isin(decisive) & snapshot.events["referral_id"].isin(referrals)]
        for snapshot in (earlier, later)
    ]
    events = pd.concat(parts)
    events = events.assign(key=keys(events, repeating), known=np.repeat(["was", "now"], [len(part) for part in parts]))
    dates = events.pivot(index=["referral_id", "key"], columns="known", values="event_date")
    dates = dates.reindex(columns=["was", "now"]).astype("datetime64[s]")
    gone = dates["was"].notna() & dates["now"].isna()
    moved = dates["was"].notna() & dates["now"].notna() & (dates["was"] != dates["now"])
    new = dates["was"].isna() & (dates["now"] <= pd.Timestamp(earlier.period_end))
    found = pd.DataFrame({WITHDRAWN: gone, LATE: new, CORRECTED: moved}).groupby(level="referral_id").any()
    found = found.reindex(referrals, fill_value=False)
    return np.select([found[name] for name in found], list(found.columns), ELSEWHERE)
