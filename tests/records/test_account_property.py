"""Random extracts with random damage: every row is accounted for, and none whose damage shows is used as if whole.

The test writes the file itself and knows of each row what was done to it. What must come of a row is said here by hand
from the definitions ("Records", rules 0 to 7), and the file is counted apart with Python's own csv module.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perflib.errors import DataError
from perflib.records.account import AccountError
from perflib.records.loading import load_snapshot
from perflib.records.snapshot import Snapshot
from perflib.rules.contract import Contract, FolderSource, load_programme
from perflib.rules.data_source import Tolerance

WHP = load_programme("whp")
PEOPLE = ["referral_id", "participant_id", "age"]
EVENTS = ["referral_id", "event", "event_date", "recorded_date", "detail", "ref", "event_id"]
MISSING = ["", "NULL", "\\N", "NaN", "None", "N/A", "#N/A", "-"]
CUT = "1.23457E+15"
KNOWN_AT, PERIOD_END = date(2021, 3, 31), date(2020, 12, 31)

WHOLE = "whole"
LOST = {
    "a missing word for the date": ("event_date", MISSING),
    "a missing word for the event": ("event", MISSING),
    "a missing word for the day recorded": ("recorded_date", MISSING),
    "an unknown event": ("event", ["strat", "ended", "#REF!"]),
    "no date": ("event_date", ["soon", "2020-02-30", "00/00/0000"]),
    "day and month swapped, as the day shows": ("event_date", ["03/25/2020", "12/31/2019", "2020-25-03"]),
    "a spreadsheet's serial day": ("event_date", ["43101", "43850.5"]),
    "a referral that a spreadsheet cut short": ("referral_id", [CUT]),
    "no referral": ("referral_id", ["", "NULL", "#N/A"]),
    "another referral": ("referral_id", ["R999"]),
}
"""Damage after which an events row cannot be used: the column, and what stands in it then."""

KEPT = {
    "a missing word for the ref": ("ref", MISSING),
    "a missing word for the event's id": ("event_id", MISSING),
}
"""Damage that blanks a cell that may be blank: the row is used."""


@dataclass(frozen=True)
class Row:
    """One row as written, and what was done to it."""

    cells: tuple[str, ...]
    damage: str = WHOLE

    def put(self, column: int, value: str, damage: str) -> Row:
        """Replace a cell."""
        return Row((*self.cells[:column], value, *self.cells[column + 1 :]), damage)


@dataclass
class Written:
    """An extract as the test wrote it: its rows, and of the events the lines that a stray quotation mark joined."""

    people: list[Row]
    events: list[Row]
    swallowed: tuple[int, int] | None = None
    text: str = field(default="")

    def write(self, folder: Path) -> None:
        """Write the two files."""
        self.text = _lines(EVENTS, self.events)
        if self.swallowed is not None:
            lines = self.text.split("\n")
            for at in self.swallowed:
                cells = lines[at + 1].split(",")
                cells[4] = f'"{cells[4]}'
                lines[at + 1] = ",".join(cells)
            self.text = "\n".join(lines)
        (folder / "participants.csv").write_text(_lines(PEOPLE, self.people), encoding="utf-8")
        (folder / "events.csv").write_text(self.text, encoding="utf-8")

    def joined(self, at: int) -> bool:
        """Whether a line of the events is part of what stray quotation marks made one cell."""
        return self.swallowed is not None and self.swallowed[0] <= at <= self.swallowed[1]


def _lines(columns: list[str], rows: list[Row]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([columns, *(row.cells for row in rows)])
    return out.getvalue()


@st.composite
def extracts(draw: st.DrawFn) -> Written:
    """Draw an extract: each row whole or with one damage, some rows twice, perhaps two stray quotation marks."""
    people, events = [], []
    for n in range(draw(st.integers(2, 6))):
        people.append(Row((f"R{n:03d}", f"P{n:03d}", str(20 + n))))
        day = date(2020, 1, 6) + timedelta(days=draw(st.integers(0, 100)))
        happened = ["referral", "start", *["job_start"] * draw(st.integers(0, 2))]
        for place, event in enumerate(happened):
            when = day + timedelta(days=9 * place)
            ref = f"J{n}{place}" if event == "job_start" else ""
            cells = (f"R{n:03d}", event, f"{when}", f"{when + timedelta(days=3)}", f"note {n}", ref, f"E{n}{place}")
            events.append(Row(cells))
    events = [draw(_damaged(row)) for row in events]
    people = [draw(_damaged_person(row)) for row in people]
    for rows in (people, events):
        whole = [row for row in rows if row.damage == WHOLE]
        for row in draw(st.lists(st.sampled_from(whole), max_size=2)) if whole else []:
            rows.insert(draw(st.integers(0, len(rows))), row)
    swallowed = None
    if draw(st.integers(0, 3)) == 0 and len(events) > 3:
        first = draw(st.integers(0, len(events) - 2))
        swallowed = (first, draw(st.integers(first + 1, min(first + 4, len(events) - 1))))
    return Written(people, events, swallowed)


@st.composite
def _damaged(draw: st.DrawFn, row: Row) -> Row:
    kind = draw(st.sampled_from([WHOLE] * 24 + [*LOST, *KEPT, "zone", "later", "after the period"]))
    if kind in LOST or kind in KEPT:
        column, values = (LOST | KEPT)[kind]
        return row.put(EVENTS.index(column), draw(st.sampled_from(values)), kind)
    if kind == "zone":
        return row.put(2, f"{row.cells[2]}T{draw(st.sampled_from(['09:00:00Z', '23:30:00Z', '00:10:00+05:00']))}", kind)
    if kind == "later":
        return row.put(3, "2021-05-01", kind)
    if kind == "after the period":
        return row.put(2, "2021-01-15", "").put(3, "2021-02-01", kind)
    return row


@st.composite
def _damaged_person(draw: st.DrawFn, row: Row) -> Row:
    kind = draw(st.sampled_from([WHOLE] * 12 + ["no person", "cut person", "age"]))
    if kind == "no person":
        return row.put(1, draw(st.sampled_from(["", " "])), kind)  # a word would be the id that the table lists
    if kind == "cut person":
        return row.put(1, CUT, kind)
    return row.put(2, "-3", kind) if kind == "age" else row


NAMELESS = ("no person", "cut person")
"""The referral stays, of nobody known: a cell that cannot be used is told and counts as not recorded (rule 7)."""


# ------------------------------------------------------------------------------------------- what must come of each row


def uk_day(cell: str) -> date:
    """The day in the United Kingdom of an instant, worked out from the offset and the rule of summer time."""
    day = date.fromisoformat(cell[:10])
    if "T" not in cell:
        return day
    minutes = int(cell[11:13]) * 60 + int(cell[14:16])
    minutes -= 300 if cell.endswith("+05:00") else 0
    summer = date(2020, 3, 29) <= day < date(2020, 10, 25)
    minutes += 60 if summer else 0
    return day + timedelta(days=minutes // 1440)


def fates(written: Written) -> list[str]:
    """What must come of each events row: used, repeat, aside, later or after."""
    fate: list[str] = []
    seen: set[tuple[str, ...]] = set()
    for at, row in enumerate(written.events):
        if written.joined(at) or row.damage in LOST:
            fate.append("aside")
        elif row.cells in seen:
            fate.append("repeat")
        else:
            seen.add(row.cells)
            fate.append({"later": "later", "after the period": "after"}.get(row.damage, "used"))
    # A referral without a usable referral event is set aside with its events; one made after the period is outside.
    people = {row.cells[0] for row in written.people}
    made: dict[str, str] = {}
    for row, what in zip(written.events, fate, strict=True):
        if what in ("used", "after") and row.cells[1] == "referral" and row.cells[0] in people:
            made[row.cells[0]] = what
    for at, row in enumerate(written.events):
        if fate[at] in ("used", "after"):
            referral = made.get(row.cells[0], "aside")
            fate[at] = referral if referral != "used" else fate[at]
    return fate


def contract(folder: Path, **source: object) -> Contract:
    given = FolderSource.model_validate({"folder": ".", "known_to": "2021-12-31"} | source)
    keys: dict[str, object] = {"contract": "made", "name": "Made", "nation": "ENG", "first_day": "2020-01-01"}
    keys |= {"path": str(folder / "x.yaml"), "programme": WHP, "source": given, "tolerance": 1}
    return Contract.model_validate(keys | {"disclosure": {"source": "none", "invented": True}})


def take(written: Written, folder: Path) -> Snapshot:
    written.write(folder)
    return load_snapshot(contract(folder), "2020-12", KNOWN_AT)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(written=extracts())
def test_every_row_is_accounted_for_and_none_whose_damage_shows_is_used(
    written: Written, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("extract")
    fate = fates(written)
    try:
        snapshot = take(written, folder)
    except DataError as error:
        if isinstance(error, AccountError) or "used" in fate:
            raise
        return  # nothing is left to report
    lines = written.text.split("\n")[:-1]
    events = snapshot.account.of("events")
    assert (events.lines, events.header) == (len(lines), 1)
    found = [row for row in csv.reader(io.StringIO(written.text)) if any(cell.strip() for cell in row)]
    joined = 0 if written.swallowed is None else written.swallowed[1] - written.swallowed[0]
    assert len(lines) - joined == len(found)
    assert events.records == len(found) - 1 + events.swallowed
    assert events.swallowed + events.continuation == joined

    expected = Counter(fate)
    assert events.used == expected["used"]
    assert events.repeats + events.set_aside == expected["repeat"] + expected["aside"] - events.continuation
    assert (events.after_known_at, events.after_period) == (expected["later"], expected["after"])
    # Line numbers: the header is line 1. Where a cell holds line breaks a row is where it begins.
    used = set(snapshot.events.index)
    aside = set(snapshot.set_aside.loc[snapshot.set_aside["table"] == "events", "row"])
    for at, (row, what) in enumerate(zip(written.events, fate, strict=True)):
        assert (at + 2 in used) <= (what in ("used", "repeat")), (row, what)
        if row.damage in LOST and not written.joined(at):
            assert at + 2 in aside, row
    happened = snapshot.events["event_date"]
    for at, row in enumerate(written.events):
        if row.damage == "zone" and fate[at] == "used" and at + 2 in used:
            assert pd.Timestamp(happened[at + 2]).date() == uk_day(row.cells[2]), row
    people = snapshot.account.of("participants")
    assert people.lines == len(written.people) + 1
    assert people.records == len(written.people)
    told = snapshot.set_aside[snapshot.set_aside["table"] == "participants"]
    for at, row in enumerate(written.people):
        mine = snapshot.journeys.loc[snapshot.journeys["referral_id"] == row.cells[0], "participant_id"]
        if row.damage in NAMELESS and len(mine):
            assert mine.isna().all()
            assert at + 2 in set(told["row"])


# ---------------------------------------------------------------------------------------------- damage that looks valid


def small(**changes: str) -> Written:
    """An extract of thirty referrals in 2020, their dates as day/month/year."""
    people, events = [], []
    for n in range(30):
        day = date(2020, 1, 2) + timedelta(days=7 * n)
        people.append(Row((f"R{n:03d}", f"P{n:03d}", "30")))
        form = changes.get("form", "%d/%m/%Y")
        for event, when in (("referral", day), ("start", day + timedelta(days=9))):
            told = when + timedelta(days=1)
            events.append(Row((f"R{n:03d}", event, when.strftime(form), str(told), "", "", f"E{n}{event[0]}")))
    return Written(people, events)


def test_blank_lines_above_the_header_are_blank_and_no_header(tmp_path: Path) -> None:
    written = small(form="%Y-%m-%d")
    written.write(tmp_path)
    (tmp_path / "events.csv").write_text(f"\nExport of June\n\n{written.text}", encoding="utf-8")
    events = load_snapshot(contract(tmp_path), "2020-12", KNOWN_AT).account.of("events")
    assert (events.lines, events.header, events.blank, events.used) == (64, 2, 2, 60)


def test_an_id_of_an_event_that_two_referrals_share_is_told_and_both_are_used(tmp_path: Path) -> None:
    written = small(form="%Y-%m-%d")
    written.events[3] = written.events[3].put(6, written.events[1].cells[6], "shared")
    snapshot = take(written, tmp_path)
    assert snapshot.account.of("events").used == len(written.events)
    assert {3, 5} <= set(snapshot.events.index)
    assert any(complaint.column == "event_id" and complaint.count for complaint in snapshot.account.complaints)


def test_ids_of_people_that_a_spreadsheet_cut_short_make_nobody_one_individual(tmp_path: Path) -> None:
    written = small(form="%Y-%m-%d")
    written.people = [row.put(1, CUT, "cut person") if at < 4 else row for at, row in enumerate(written.people)]
    snapshot = take(written, tmp_path)
    assert (snapshot.journeys["participant_id"] == CUT).sum() == 0
    told = snapshot.set_aside[(snapshot.set_aside["column"] == "participant_id")]
    assert len(told) == 4


def test_days_and_months_swapped_in_a_whole_column_are_proposed_and_told(tmp_path: Path) -> None:
    """Cells alone do not say it (03/04 for 04/03), the column does: eighteen in thirty have a month above 12."""
    from perflib.records.proposal import propose

    written = small(form="%m/%d/%Y")
    written.write(tmp_path)
    proposal = propose(tmp_path, [WHP], ".")
    assert "month_first" in proposal.source
    with_it = contract(tmp_path, dates={"events.event_date": "month_first"})
    assert load_snapshot(with_it, "2020-12", KNOWN_AT).account.of("events").used == len(written.events)
    # Without it: none of it is used as if whole, in silence.
    over = load_snapshot(contract(tmp_path), "2020-12", KNOWN_AT).account.over(Tolerance())
    assert over is not None
    assert "event_date" in over


def test_one_cell_swapped_where_both_readings_are_days_cannot_be_told_and_is_used(tmp_path: Path) -> None:
    """03/04 for 04/03 in a column that shows day first: no cell and no column says it. It stays in the account."""
    written = small()
    at = next(n for n, row in enumerate(written.events) if int(row.cells[2][:2]) <= 2 and row.cells[1] == "start")
    day, month, year = written.events[at].cells[2].split("/")
    assert int(day) < int(month)  # earlier, so that it does not come after the day on which it was recorded
    written.events[at] = written.events[at].put(2, f"{month}/{day}/{year}", "swapped")
    snapshot = take(written, tmp_path)
    account = snapshot.account.of("events")
    assert account.used + account.set_aside == len(written.events)
