"""The department's MI pack beside the contract's own figures: how far apart they are, and what explains it.

In a dispute the department's figure wins: a difference is something to explain or to have corrected, never a reason to
change a figure of the pack.

Conventions
-----------
- A difference is the pack's figure less our own; our own is as known now, by when things happened.
- It is explained in steps, each from where the one before ended, so that the reasons add up with what is left to the
  difference, and no record is counted under two:
  `late`, first recorded after the day the pack was made;
  `corrected`, known that day, but since moved to another month, cohort, group or area, or withdrawn;
  `one_source`, recorded in the provider's own system only, where the department's sources do record such events;
  `clock`, counted in the month in which it was recorded;
  `returns`, people counted once in a period though they reached the figure more than once in it;
  `set_aside`, rows that the extract has and that are not used.
- A pack is taken to hold nothing that only the provider's own system records, and to count referrals by when things
  happened. It does not say so: a figure is taken to be counted in another of `CONVENTIONS` where that leaves less of it
  unexplained in all and in at least two months. It is judged by its figures of single months where it has any, since
  what is amiss in one month is in every longer period that holds it.
- Rows set aside may or may not be in the pack: they explain what they can of what is left, and no more. A row whose
  date cannot be read is in no month and explains nothing.
- Of a cohort everything to the end of the report month counts.

Worked case: 10 starts in May as known now, 9 in the pack made on 5 June. One of ours was recorded on 9 June (late, -1),
one is in the provider's own system only (one_source, -1), and one row that is not used may be a start in May that the
department counts (set_aside, 1). Nothing is left.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from perflib.analysis import measures
from perflib.analysis.measures import Clock
from perflib.analysis.reconciliation import known_rows
from perflib.analysis.reconciliation.pack import COHORT, figures
from perflib.analysis.reconciliation.source_comparison import CRM
from perflib.errors import ParameterError
from perflib.records.current_rows import as_text, event_keys
from perflib.records.snapshot import NO_FAULTS, Extract, Snapshot, remembered, take_snapshot
from perflib.rules.calendar import month as to_month
from perflib.rules.calendar import window
from perflib.rules.data_source import FolderSource
from perflib.rules.dated import hint
from perflib.rules.programme import CORE_EVENTS, Programme

REASONS = {
    "late": "Recorded after the pack was made",
    "corrected": "Corrected or withdrawn since",
    "one_source": "In the provider's own system only",
    "clock": "Counted in the month of recording",
    "returns": "Of people counted already",
    "set_aside": "In rows that are not used",
}
MONTHS = 13
"""How many months are compared: the report month, and those to the same one a year before."""
REFERRALS, PEOPLE = "referrals", "people"
PACK_CLOCKS: tuple[Clock, ...] = ("event", "recorded")
ENOUGH = 2
"""Months that another way of counting must bring nearer."""


class Convention(NamedTuple):
    """A way in which a pack may count: whether with what only our own system records, by which clock, and what."""

    own_counted: bool
    clock_used: Clock
    unit: str


CONVENTIONS = tuple(
    Convention(own, clock, unit) for own in (False, True) for clock in PACK_CLOCKS for unit in (REFERRALS, PEOPLE)
)
"""From the one that a pack is taken to count by unless the figures say otherwise."""

COLUMNS = ["figure", "label", "month", "basis", "group", "area", "made", "own", "pack", "difference"]
COLUMNS += [*REASONS, "unexplained", *Convention._fields, "as_known", "problem"]
NO_MONTH = np.iinfo(np.int64).min
"""The number of a missing date's month."""

Numbers = NDArray[np.int64]
Flags = NDArray[np.bool_]


class _Line(NamedTuple):
    """One figure of the pack: months as numbers; '' for every group or area."""

    basis: str
    first: int
    last: int
    group: str
    area: str


@dataclass(frozen=True, eq=False)
class _Looks:
    """The times that a figure was reached: as known now, as known when the pack was made, as the pack holds them.

    Each is a frame of `_placed`; `unused` holds the rows set aside, with the date they may stand in the place of.
    """

    made: pd.Timestamp
    now: pd.DataFrame
    then: pd.DataFrame
    theirs: pd.DataFrame
    unused: pd.DataFrame
    by_date: bool  # whether a cohort's own figure is counted by its date: that of starts is


class _Held(NamedTuple):
    """What a pack may have been made of: a snapshot, and the rows set aside that it may hold all the same."""

    look: Snapshot
    unused: pd.DataFrame


@remembered
def with_mi_pack(snapshot: Snapshot, own_source: str = CRM, months: int = MONTHS) -> pd.DataFrame | None:
    """Set each figure of the department's MI pack beside our own, and explain the difference.

    The module's conventions say how. In a dispute the department's figure wins.

    Parameters
    ----------
    snapshot : Snapshot
    own_source : str
        Code of the provider's own system in the events' `source`.
    months : int
        How many of the pack's months to compare, up to the report month.

    Returns
    -------
    DataFrame or None
        One row a figure of the pack, as last recorded: `figure`, `label`, `month` (Period[M]), `basis`, `group` and
        `area` ('' for all), `made` (the day it was recorded), `own`, `pack`, `difference` (pack less own); one column
        for each of `REASONS`: by how much it makes the pack's figure differ; `unexplained`, the rest. `own_counted`,
        `clock_used` ('event' or 'recorded') and `unit` ('referrals' or 'people') are how the pack seems to count.
        `as_known`: whether the extract can be looked at as it was known when the pack was made; where it is overwritten
        it cannot, and what was corrected since is among `late`. `problem` says why a line could not be compared, ''
        where it was; its figures are then missing, but for a `pack` that is a number. None where the extract has no MI
        pack.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> found = with_mi_pack(sample_snapshot("2018-09"), months=2)
    >>> found[found["basis"] == "month"][["figure", "own", "pack", "difference", "unexplained"]].head(2)
               figure  own  pack  difference  unexplained
    1  first_earnings    2     1          -1            0
    3     job_outcome    0     0           0            0
    """
    pack = figures(snapshot)
    if pack is None:
        return None
    pack = pack[pack["month"] > snapshot.month - months]
    comparable, persons, sized = pack[pack["problem"] == ""], _persons(snapshot), []
    known = known_rows.rows(snapshot, _needed(snapshot.programme, comparable["figure"]))
    for made in comparable["made"].unique():
        for looks, lines in _looks(snapshot, known, made, comparable[comparable["made"] == made], own_source):
            sized += [row for at in lines.index for row in _sizes(looks, _line(snapshot, lines.loc[at]), persons, at)]
    explained = _best(pd.DataFrame(sized), comparable) if sized else pd.DataFrame(index=comparable.index)
    found = pack.join(explained).reindex(columns=COLUMNS)
    found["as_known"] = snapshot.contract.history == "appended"
    return found.reset_index(drop=True)


def rows_behind(
    snapshot: Snapshot, figure: str, month: str | pd.Period, reason: str | None = None, basis: str = "month"
) -> pd.DataFrame:
    """List the referrals behind a difference with the MI pack. For those who may see them, never for a report.

    Parameters
    ----------
    snapshot : Snapshot
    figure : str
        A figure of the pack, of all groups and areas together.
    month : str or Period
        The pack's month.
    reason : str, optional
        One of `REASONS`; by default all.
    basis : str
        The pack's basis.

    Returns
    -------
    DataFrame
        One row a referral and reason: `referral_id`, `participant_id`, the programme's `units` as at the start,
        `reason`, `effect` (by how much it makes the pack's figure differ from ours), and the date, `now`, as known when
        the pack was made (`then`), and as `first_recorded`. The effects add up to the sizes of `with_mi_pack`, but for
        `set_aside`: of these rows all are listed that may be in the pack and not in ours, or the reverse.

    Raises
    ------
    ParameterError
        The pack has no such figure, or there is no such reason.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> rows_behind(sample_snapshot("2018-09"), "first_earnings", "2018-08")["reason"].tolist()
    ['late']
    """
    if reason is not None and reason not in REASONS:
        raise ParameterError(f"reason {reason!r}: {hint(reason, REASONS)}")
    compared = with_mi_pack(snapshot)
    if compared is None:
        raise ParameterError(f"difference:{figure}: the extract has no MI pack. Supply the table mi_pack.")
    whole = compared[(compared["problem"] == "") & (compared["group"] == "") & (compared["area"] == "")]
    if figure not in set(whole["figure"]):
        raise ParameterError(
            f"difference:{figure}: the MI pack has no such figure; {hint(figure, sorted(set(whole['figure'])))}"
        )
    mine = whole[(whole["figure"] == figure) & (whole["month"] == to_month(month)) & (whole["basis"] == basis)]
    if mine.empty:
        raise ParameterError(
            f"difference:{figure}: the MI pack has no {basis} figure of {month}. Choose another month or basis."
        )
    row = mine.iloc[0]
    known = known_rows.rows(snapshot, _needed(snapshot.programme, [figure]))
    ((looks, _),) = _looks(snapshot, known, row["made"], mine, CRM)
    convention = Convention(*row[list(Convention._fields)])
    frame = _ledger(snapshot, looks[convention.own_counted], _line(snapshot, row), convention)
    return frame if reason is None else frame[frame["reason"] == reason].reset_index(drop=True)


def _line(snapshot: Snapshot, row: pd.Series) -> _Line:
    """Return which months, group and area a line of the pack counts."""
    first = last = row["month"]
    if row["basis"] != COHORT:
        span = window(row["basis"], row["month"], snapshot.first_day)
        first, last = span.first, span.last
    return _Line(row["basis"], first.ordinal, last.ordinal, row["group"], row["area"])


def _looks(
    snapshot: Snapshot, known: pd.DataFrame, made: pd.Timestamp, lines: pd.DataFrame, own_source: str
) -> Iterator[tuple[dict[bool, _Looks], pd.DataFrame]]:
    """Yield what is needed to compare each figure of a pack made on one day, and its lines.

    `known` are all rows of the events on which the figures depend. The looks are two: False for a pack that does not
    hold what only the provider's own system records, True for one that does.
    """
    compared = known.loc[known["source"].notna() & (known["source"] != own_source), "event"].unique()
    own_too = _Held(_as_known(snapshot, known, made), _unused(snapshot, known, made))
    sourced, unused = (
        rows[((rows["source"] != own_source) | ~rows["event"].isin(compared)).to_numpy()]
        for rows in (known, own_too.unused)
    )
    same = len(sourced) == len(known) and len(unused) == len(own_too.unused)
    theirs = own_too if same else _Held(_as_known(snapshot, sourced, made), unused)
    for figure in lines["figure"].unique():
        now, then = _reached_now(snapshot, figure), _reached(snapshot, own_too.look, figure)
        looks = {}
        for own_counted, held in ((True, own_too), (False, theirs)):
            reached = then if held is own_too else _reached(snapshot, held.look, figure)
            candidates = _candidates(snapshot, held.look, reached, held.unused, figure)
            looks[own_counted] = _Looks(made, now, then, reached, candidates, figure == "start")
        yield looks, lines[lines["figure"] == figure]


def _counted(programme: Programme, figure: str) -> list[str]:
    """Return the events that a figure counts: itself, or those of an outcome's routes."""
    return [route.event for route in programme.outcomes[figure].routes] if figure in programme.outcomes else [figure]


def _needed(programme: Programme, figures: Iterable[str]) -> set[str]:
    """Return the events that figures depend on: what they count, the start, and the claims of outcomes."""
    routes = [route for name in figures if name in programme.outcomes for route in programme.outcomes[name].routes]
    claims = [name for route in routes if route.claim for name in route.claim.events]
    return {*CORE_EVENTS, *(name for figure in figures for name in _counted(programme, figure)), *claims}


def _as_known(snapshot: Snapshot, rows: pd.DataFrame, day: pd.Timestamp) -> Snapshot:
    """Return the snapshot that some rows of events make by themselves, as known on a day."""
    tables = {name: snapshot.tables[name] for name in ("participants", "attributes") if name in snapshot.tables}
    source = FolderSource(folder="extract", known_to=day.date())
    contract = snapshot.contract.model_copy(update={"first_day": snapshot.first_day, "source": source})
    extract = Extract(contract, {**tables, "events": rows}, NO_FAULTS, {}, {})
    return take_snapshot(extract, min(snapshot.month, pd.Period(day, "M")), day.date())


def _unused(snapshot: Snapshot, known: pd.DataFrame, made: pd.Timestamp) -> pd.DataFrame:
    """Return the rows that are set aside and may have been in the pack all the same: unsound, stray or in conflict."""
    other = known_rows.not_held(snapshot, snapshot.programme.events)
    other = other[(other["action"] == known_rows.RECORD) & ~(other["recorded_date"] > made)]
    stray = snapshot.rows_of(other["referral_id"]) < 0
    unsound = other[stray | ~(other["event_date"] <= other["recorded_date"]).to_numpy()]
    by_then = known[known["recorded_date"] <= made]
    _, conflicts = known_rows.resolved(snapshot, by_then, snapshot.contract.source_order)
    rows = pd.concat([as_text(part) for part in (unsound.dropna(subset=["event_date", "referral_id"]), conflicts)])
    return rows.drop_duplicates(["referral_id", "event", "event_date", "ref", "event_id"])


def _placed(
    snapshot: Snapshot, place: Numbers, event: pd.Series, recorded: pd.Series, look: pd.DataFrame, row: Numbers
) -> pd.DataFrame:
    """Return dates with whose they are: row in the snapshot's journeys, group, area and cohort as a look has them.

    `row` is the row in the look's journeys; -1, as in `place`, for a referral that it does not have.
    """
    programme = snapshot.programme
    blank = pd.Series("", index=look.index, dtype="str")
    values = {
        "group": look[programme.group].astype("str").fillna(""),
        "area": look[programme.area].astype("str").fillna("") if programme.area else blank,
    }
    columns: dict[str, Any] = {name: np.append(of.to_numpy(dtype=object), "")[row] for name, of in values.items()}
    return pd.DataFrame(
        columns
        | {
            "place": place,
            "event": event.to_numpy(),
            "recorded": recorded.to_numpy(),
            "event_month": _month(event),
            "recorded_month": _month(recorded),
            "cohort": np.append(_month(look["start"]), NO_MONTH)[row],
        }
    )


def _month(dates: pd.Series) -> Numbers:
    """Return the number of each date's month, as pandas numbers them; NO_MONTH for a missing one."""
    return np.asarray(dates.to_numpy("datetime64[M]"), dtype=np.int64)


def _reached(snapshot: Snapshot, look: Snapshot, figure: str) -> pd.DataFrame:
    """Return every time a figure was reached, by date; `again` where its journey had reached it before."""
    when = measures.occurrences(look, figure).sort_values(["event", "place"], kind="stable")
    row = when["place"].to_numpy(dtype=np.int64)
    place = snapshot.rows_of(look.journeys["referral_id"])[row]
    found = _placed(snapshot, place, when["event"], when["recorded"], look.journeys, row)
    return found.assign(again=found["place"].duplicated())


@remembered
def _reached_now(snapshot: Snapshot, figure: str) -> pd.DataFrame:
    """Return every time a figure was reached, as known now."""
    return _reached(snapshot, snapshot, figure)


def _candidates(
    snapshot: Snapshot, theirs: Snapshot, reached: pd.DataFrame, unused: pd.DataFrame, figure: str
) -> pd.DataFrame:
    """Return the rows not used that a figure may count, with the date that each would take the place of."""
    rows = unused[unused["event"].isin(_counted(snapshot.programme, figure))]
    if figure in snapshot.programme.events and figure not in CORE_EVENTS:  # counted each time
        used = as_text(theirs.events[theirs.events["event"] == figure]).drop(columns="recorded_date")
        number = event_keys(pd.concat([used, rows], ignore_index=True), snapshot.programme.repeating)
        dates = used[["event_date", "first_recorded"]].set_axis(number[: len(used)], axis="index")
        instead = dates.set_axis(["event", "recorded"], axis="columns").reindex(number[len(used) :])
    else:  # once a referral
        rows = rows.drop_duplicates("referral_id")
        first = reached.drop_duplicates("place").set_index("place")[["event", "recorded"]]
        instead = first.reindex(snapshot.rows_of(rows["referral_id"]))
    place, row = snapshot.rows_of(rows["referral_id"]), theirs.rows_of(rows["referral_id"])
    found = _placed(snapshot, place, rows["event_date"], rows["recorded_date"], theirs.journeys, row)
    return found.assign(
        referral_id=rows["referral_id"].to_numpy(),
        instead_event_month=_month(instead["event"]),
        instead_recorded_month=_month(instead["recorded"]),
    )


def _persons(snapshot: Snapshot) -> Numbers:
    """Return a number for the person of each journey; one who was not recorded is a person of its own."""
    number, _ = pd.factorize(snapshot.journeys["participant_id"])
    return np.asarray(np.where(number < 0, len(number) + np.arange(len(number)), number), dtype=np.int64)


def _whose(frame: pd.DataFrame, line: _Line) -> Flags:
    """Return which rows are of a line's group and area."""
    found = np.ones(len(frame), dtype=bool)
    for name, value in (("group", line.group), ("area", line.area)):
        if value:
            found &= frame[name].to_numpy() == value
    return found


def _between(months: pd.Series, line: _Line) -> Flags:
    """Return which months are in a line's window."""
    number = months.to_numpy()
    return np.asarray((number >= line.first) & (number <= line.last))


def _inside(reached: pd.DataFrame, line: _Line, clock: Clock) -> Flags:
    """Return which of the times that a figure was reached a line counts."""
    if line.basis == COHORT:
        return _whose(reached, line) & _between(reached["cohort"], line) & ~reached["again"].to_numpy()
    return _whose(reached, line) & _between(reached[f"{clock}_month"], line)


def _may_count(looks: _Looks, line: _Line, clock: Clock) -> Numbers:
    """Return for each row not used what it would add to a line: 1, 0, or -1 where it would take something out."""
    rows = looks.unused
    if line.basis == COHORT and not looks.by_date:
        new = (rows["instead_event_month"] == NO_MONTH).to_numpy()
        return np.asarray(_whose(rows, line) & _between(rows["cohort"], line) & new, dtype=np.int64)
    used = "event" if line.basis == COHORT else clock
    adds, takes = (_between(rows[f"{name}{used}_month"], line).astype(np.int64) for name in ("", "instead_"))
    return np.asarray(_whose(rows, line) * (adds - takes), dtype=np.int64)


def _known_then(looks: _Looks, line: _Line, persons: Numbers) -> dict[str, Numbers]:
    """Return for each journey what we count now (`own`), and what the reasons add that no convention touches."""
    size = len(persons)
    inside = {name: _inside(getattr(looks, name), line, "event") for name in ("now", "then", "theirs")}
    place = {name: getattr(looks, name)["place"].to_numpy() for name in inside}
    now, then, theirs = (np.bincount(place[name][chosen], minlength=size) for name, chosen in inside.items())
    lately = inside["now"] & (looks.now["recorded"].to_numpy() > looks.made.to_datetime64())
    late = np.bincount(place["now"][lately], minlength=size)
    late = np.where(np.bincount(place["then"], minlength=size) == 0, now, late)
    late = np.minimum(late, np.maximum(now - then, 0))
    return {"own": now, "late": -late, "corrected": then - now + late, "one_source": theirs - then}


def _as_counted(looks: _Looks, line: _Line, convention: Convention, persons: Numbers) -> dict[str, Numbers]:
    """Return for each journey what the clock and the unit of a convention add."""
    clock = convention.clock_used
    size, place = len(persons), looks.theirs["place"].to_numpy()
    happened, counted = _inside(looks.theirs, line, "event"), _inside(looks.theirs, line, clock)
    clocked = np.bincount(place[counted], minlength=size) - np.bincount(place[happened], minlength=size)
    again = place[:0]
    if convention.unit == PEOPLE:
        in_turn = looks.theirs[counted].sort_values([clock, "event"], kind="stable")["place"].to_numpy()
        again = in_turn[pd.Series(persons[in_turn]).duplicated().to_numpy()]
    return {"clock": clocked, "returns": -np.bincount(again, minlength=size)}


def _sizes(looks: dict[bool, _Looks], line: _Line, persons: Numbers, at: object) -> Iterator[dict[str, object]]:
    """Yield the size of each reason under each convention; `least` and `most` are what rows not used can explain."""
    known = {own_counted: _known_then(look, line, persons) for own_counted, look in looks.items()}
    for number, convention in enumerate(CONVENTIONS):
        look = looks[convention.own_counted]
        effects = known[convention.own_counted] | _as_counted(look, line, convention, persons)
        may = _may_count(look, line, convention.clock_used)
        sizes = {name: int(effect.sum()) for name, effect in effects.items()}
        bounds = {"least": int(np.minimum(may, 0).sum()), "most": int(np.maximum(may, 0).sum())}
        yield {"at": at, "convention": number} | convention._asdict() | sizes | bounds


def _best(sized: pd.DataFrame, lines: pd.DataFrame) -> pd.DataFrame:
    """Return each line's sizes under the convention that its figure seems to be counted in."""
    sized = sized.join(lines[["figure", "month", "basis", "pack"]], on="at")
    difference = sized["pack"] - sized["own"]
    left = difference - sized[[name for name in REASONS if name in sized]].sum(axis="columns")
    unused = left.clip(sized["least"], sized["most"])
    sized = sized.assign(difference=difference, set_aside=unused, unexplained=left - unused)

    single = sized["basis"] == "month"
    judged = sized[single | ~single.groupby(sized["figure"]).transform("any")]
    by_month = judged.assign(unexplained=judged["unexplained"].abs()).pivot_table(
        index=["figure", "convention"], columns="month", values="unexplained", aggfunc="sum"
    )
    nearer = (by_month < by_month.groupby(level="figure").transform("first")).sum(axis="columns")
    plain = by_month.index.get_level_values("convention") == 0
    best = by_month.sum(axis="columns")[plain | (nearer >= ENOUGH)].groupby(level="figure").idxmin()
    chosen = pd.MultiIndex.from_frame(sized[["figure", "convention"]]).isin(best.tolist())
    found = sized[chosen].drop(columns=["figure", "month", "basis", "pack", "convention", "least", "most"])
    return found.set_index("at").rename_axis(None)


def _ledger(snapshot: Snapshot, looks: _Looks, line: _Line, convention: Convention) -> pd.DataFrame:
    """Return the referrals behind one line's difference."""
    persons = _persons(snapshot)
    effects = _known_then(looks, line, persons) | _as_counted(looks, line, convention, persons)
    journeys, units = snapshot.journeys, list(snapshot.programme.units)
    known = journeys[["referral_id", "participant_id", *units]]
    now, then = (_dates(frame, line, len(journeys)) for frame in (looks.now, looks.then))
    dates = {"now": now["event"], "then": then["event"], "first_recorded": now["recorded"].fillna(then["recorded"])}
    frames = [
        known.assign(reason=name, effect=effects[name], **dates)[effects[name] != 0]
        for name in REASONS
        if name in effects
    ]
    may = _may_count(looks, line, convention.clock_used)
    rows = looks.unused.assign(effect=may)[may != 0]
    place = rows["place"].to_numpy()
    people = known.drop(columns="referral_id").reindex(place).set_axis(rows.index, axis="index")
    frames.append(
        people.assign(
            referral_id=rows["referral_id"],
            reason="set_aside",
            effect=rows["effect"],
            now=now["event"].reindex(place).to_numpy(),
            then=rows["event"],
            first_recorded=rows["recorded"],
        )
    )
    return pd.concat([frame for frame in frames if len(frame)] or frames[:1], ignore_index=True)


def _dates(reached: pd.DataFrame, line: _Line, journeys: int) -> pd.DataFrame:
    """Return each journey's first date that a line counts or, where it counts none, its first."""
    chosen = reached.assign(out=~_inside(reached, line, "event")).sort_values(["out", "event"], kind="stable")
    first = chosen.drop_duplicates("place").set_index("place")
    return first[["event", "recorded"]].reindex(range(journeys))
