"""One contract's month as known on one day: the eleven rules of design.md, "What counts".

Where the expected values come from:

- `answers/whp-hard`: 35 referrals, one edge case each, and 49 questions answered by hand from the programme's guidance
  and the definitions of design.md. Made outside the project.
- `answers/whp-north-part`: 274 referrals of a larger extract made outside the project, with all of its oddities.
- `by_the_rules`, below: the rules once more, in dicts and loops, from the words of design.md.
- dates counted by hand, where a comment or a definition of design.md says so.
"""

import csv
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perflib.analysis import journey, measures
from perflib.errors import ParameterError, PerfError
from perflib.records.loading import load_snapshot
from perflib.records.schemas import NOT_RECORDED, ROW_NOT_USED
from perflib.records.snapshot import ONCE, REPEAT, Snapshot, load_extract, remembered, take_snapshot

ANSWERS = Path(__file__).parents[1] / "answers"
Row = dict[str, str]
Tables = dict[str, list[Row]]


def read(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


# ------------------------------------------------------------------------------------------------- by the rules
# Rule by rule from design.md, "What counts"; nothing here is taken from perflib.

EVENTS = {
    *("referral", "acknowledged", "start", "did_not_attend", "did_not_start", "action_plan_agreed", "esf1420_signed"),
    *("esf1420_sent", "review", "job_start", "job_end", "first_earnings", "earnings_1000", "earnings_2000"),
    *("job_outcome", "self_employed_outcome", "claim_submitted", "claim_paid", "claim_rejected", "exit"),
}
REPEATING = {"review", "job_start", "job_end"}
ALIASES = {"fta": "did_not_attend", "dna": "did_not_attend", "early_entry": "early_access"}
SOURCES = ("hmrc", "prap", "claim", "crm")
GROUPS = {"disability", "early_access", "ltu"}
TEXT = ("value", "detail", "ref", "source", "event_id")


@dataclass
class Known:
    """What a snapshot must hold."""

    events: list[tuple] = field(default_factory=list)
    dates: dict[str, dict[str, tuple[date, date]]] = field(default_factory=dict)  # referral, event: date, recorded
    aside: Counter = field(default_factory=Counter)  # table, row, column, value, effect
    outcomes: dict[str, tuple[date, date]] = field(default_factory=dict)
    people: dict[str, Row] = field(default_factory=dict)
    history: list[tuple] = field(default_factory=list)


def code(text: str) -> str:
    text = text.strip().casefold()
    return ALIASES.get(text, text)


def day(text: str) -> date | None:
    for form in ("%Y-%m-%d", "%d/%m/%Y"):
        try:
            found = datetime.strptime(text.strip(), form).date()  # noqa: DTZ007 - a day has no time zone
        except ValueError:
            continue
        return found if date(2000, 1, 1) <= found <= date(2039, 12, 31) else None
    return None


def usable(attribute: str, text: str) -> str | None:
    """A cell of an attribute as it counts; None: not recorded."""
    if attribute == "age":
        whole = text.strip().isdigit() and 16 <= int(text) <= 100
        return text.strip() if whole else None
    if attribute == "customer_group":
        return code(text) if code(text) in GROUPS else None
    return text.strip() or ("none" if attribute == "devolution_area" else None)


def by_the_rules(tables: Tables, period_end: date, known_at: date) -> Known:
    """What is known of an extract on a day, and what of it is not used."""
    known = Known()
    attributes = {"customer_group", "devolution_area", "subcontractor", "age"}
    present = attributes & set(tables["participants"][0])
    identifiers = {
        row.get(name, "").strip()
        for table in tables.values()
        for row in table
        for name in ("referral_id", "participant_id")
    }

    def aside(table: str, number: int, column: str = "", value: str = "", effect: str = ROW_NOT_USED) -> None:
        shown = "" if column.endswith("_id") or column == "subcontractor" or value.strip() in identifiers else value
        known.aside[table, number, column, shown, effect] += 1

    # Rule 2: rows recorded after known_at do not exist; what happened after it was recorded is set aside.
    # Rule 7: a row without what it needs is not used.
    rows, seen = [], set()
    for number, cells in enumerate(tables["events"], 2):
        happened, recorded = day(cells["event_date"]), day(cells["recorded_date"])
        if recorded and recorded > known_at:
            continue
        seen.add(cells["referral_id"].strip())
        action = cells.get("action", "").strip().casefold() or "record"
        faults = [
            *(["referral_id"] if not cells["referral_id"].strip() else []),
            *(["event"] if code(cells["event"]) not in EVENTS else []),
            *(["event_date"] if not happened or (recorded and happened > recorded) else []),
            *(["recorded_date"] if not recorded else []),
            *(["action"] if action not in ("record", "withdraw") else []),
        ]
        for column in faults:
            aside("events", number, column, cells.get(column, ""))
        if faults:
            continue
        row = {"number": number, "referral": cells["referral_id"].strip(), "event": code(cells["event"])}
        row |= {"happened": happened, "recorded": recorded, "withdraw": action == "withdraw"}
        for name in TEXT:
            text = cells.get(name, "").strip()
            row[name] = (text.casefold() if name in ("detail", "source") else text) or None
        rows.append(row)

    # Rule 1: rows wholly equal are repeats: one is kept, the rest counted.
    single, told = [], set()
    for row in rows:
        says = tuple(value for name, value in row.items() if name != "number")
        if says in told:
            aside("events", row["number"], effect=ONCE)
        else:
            single.append(row)
        told.add(says)

    referrals = {cells["referral_id"].strip() for cells in tables["participants"]}  # of some, no event is known yet
    for row in single:
        if row["referral"] not in referrals:
            aside("events", row["number"], "referral_id")
    rows = [row for row in single if row["referral"] in referrals]

    # Rule 3: a row's key.
    keyed: dict[tuple, list[dict]] = {}
    for row in rows:
        key: tuple = (row["referral"], row["event"], row["ref"])
        if row["event_id"]:
            key = ("event_id", row["referral"], row["event"], row["event_id"])
        elif row["event"] in REPEATING and not row["ref"]:
            key += (row["happened"],)
        keyed.setdefault(key, []).append(row)

    # Rule 5: withdraw removes its own source's earlier rows; on one day, the row of the date that it names.
    # Rule 4: the best source, then the latest recorded, then the earliest date, which is a conflict.
    current, conflicts = [], []
    for group in keyed.values():
        withdrawals = [row for row in group if row["withdraw"]]
        stands = [
            row
            for row in group
            if not row["withdraw"]
            and not any(
                row["source"] == other["source"]
                and (
                    row["recorded"] < other["recorded"]
                    or (row["recorded"], row["happened"]) == (other["recorded"], other["happened"])
                )
                for other in withdrawals
            )
        ]
        if not stands:
            continue

        def rank(row: dict) -> int:
            return SOURCES.index(row["source"]) if row["source"] in SOURCES else len(SOURCES)

        best = [row for row in stands if rank(row) == min(map(rank, stands))]
        best = [row for row in best if row["recorded"] == max(other["recorded"] for other in best)]

        def says(row: dict) -> tuple:
            words = [row[name] or "" for name in ("referral", "event", "ref", "value", "detail")]
            return (row["happened"], *words)

        held = min(best, key=lambda row: (*says(row), row["source"] or ""))
        first_recorded = min(row["recorded"] for row in stands)
        current.append(held | {"first_recorded": first_recorded})
        conflicts += [row for row in best if says(row) != says(held)]

    # Rule 7: a referral without id, with conflicting copies, or without a usable referral event.
    copies: dict[str, list[tuple[int, Row]]] = {}
    for number, cells in enumerate(tables["participants"], 2):
        name = cells["referral_id"].strip()
        if not name:
            aside("participants", number, "referral_id")
        elif name in seen:
            person = {column: usable(column, cells[column]) for column in present}
            person["participant_id"] = cells["participant_id"].strip() or None
            copies.setdefault(name, []).append((number, person))
    referred = {row["referral"] for row in current if row["event"] == "referral"}
    numbers = {}
    for name, rows_of in copies.items():
        different = []
        for number, person in rows_of:
            if any(person == other for _, other in different):
                aside("participants", number, effect=ONCE)
            else:
                different.append((number, person))
        if len(different) > 1 or name not in referred:
            for number, _ in different:
                aside("participants", number, "referral_id")
        else:
            numbers[name], known.people[name] = different[0]
    lost = [row["number"] for row in rows if row["referral"] not in known.people]
    for number in lost:
        aside("events", number, "referral_id")
    for row in conflicts:
        if row["number"] not in lost:
            aside("events", row["number"], "event_date", effect="the earliest date is used")

    # Rule 2: events that happened after the period's end stay out.
    current = [row for row in current if row["referral"] in known.people and row["happened"] <= period_end]
    referred = {row["referral"] for row in current if row["event"] == "referral"}
    current = [row for row in current if row["referral"] in referred]
    known.people = {name: person for name, person in known.people.items() if name in referred}
    for name, number in numbers.items():
        cells = tables["participants"][number - 2]
        for column in sorted(present | {"participant_id"}):
            if name in referred and known.people[name][column] is None:
                aside("participants", number, column, cells[column], NOT_RECORDED)

    for row in current:
        words = [row[name] for name in TEXT]
        known.events.append(
            (row["referral"], row["event"], row["happened"], row["recorded"], *words, row["first_recorded"])
        )
        dates = known.dates.setdefault(row["referral"], {})
        found = (row["happened"], row["first_recorded"])
        dates[row["event"]] = min(found, dates.get(row["event"], found))

    # Rule 6: attributes with a history.
    told = set()
    for number, cells in enumerate(tables.get("attributes", []), 2):
        since, recorded = day(cells["from_date"]), day(cells["recorded_date"])
        if recorded and recorded > known_at:
            continue
        name = cells["attribute"].strip().casefold()
        faults = [column for column, found in (("from_date", since), ("recorded_date", recorded)) if not found]
        faults += ["attribute"] if name not in attributes else []
        for column in faults:
            aside("attributes", number, column, cells[column])
        value = usable(name, cells["value"])
        if name in attributes and value is None:
            aside("attributes", number, "value", "" if name == "subcontractor" else cells["value"], NOT_RECORDED)
        says = (cells["referral_id"].strip(), name, value, since, recorded)
        if faults:
            continue
        if says in told:
            aside("attributes", number, effect=ONCE)
        elif says[0] not in referrals & seen:
            aside("attributes", number, "referral_id")
        else:
            known.history.append(says)
        told.add(says)

    claims = [row for row in current if row["event"].startswith("claim_")]
    for name, dates in known.dates.items():
        mine = [row for row in current if row["referral"] == name]
        outcome = first_outcome(mine, dates["start"][0], bool(claims)) if "start" in dates else None
        if outcome:
            known.outcomes[name] = outcome
    return known


def first_outcome(rows: Sequence[dict], start: date, claims_known: bool) -> tuple[date, date] | None:
    """The definition of the outcome: by day 639, self-employed with a standing claim submitted by day 700."""

    def elapsed(row: dict) -> int:
        return (row["happened"] - start).days

    employed = {row["ref"] for row in rows if row["event"] == "job_outcome" and row["ref"]}
    claims: dict[str | None, list[dict]] = {}
    for row in rows:
        if row["event"].startswith("claim_") and row["ref"] not in employed:
            claims.setdefault(row["ref"], []).append(row)
    claimed = not claims_known
    for group in claims.values():  # rule 9: the latest event; on one day paid beats rejected beats submitted
        strength = ["claim_submitted", "claim_rejected", "claim_paid"]
        status = max(group, key=lambda row: (row["happened"], strength.index(row["event"])))
        submitted = [row for row in group if row["event"] == "claim_submitted"] or [status]
        claimed |= status["event"] != "claim_rejected" and max(map(elapsed, submitted)) <= 700
    routes = {"job_outcome"} | ({"self_employed_outcome"} if claimed else set())
    counts = [row for row in rows if row["event"] in routes and 0 <= elapsed(row) <= 639]
    return min(((row["happened"], row["first_recorded"]) for row in counts), default=None)


def held(known: Known, referral: str, attribute: str, on: date) -> str | None:
    """Rule 6: the latest from_date on or before a day, then the latest recorded; else the participants table's."""
    rows = [says for says in known.history if says[:2] == (referral, attribute) and says[3] <= on]
    if rows:
        return max(rows, key=lambda says: says[3:])[2]
    return known.people[referral].get(attribute)


def as_date(stamp: pd.Timestamp) -> date | None:
    return None if pd.isna(stamp) else stamp.date()


def assert_holds(snapshot: Snapshot, known: Known) -> None:
    """Compare a snapshot with what it must hold."""
    columns = ["referral_id", "event", "event_date", "recorded_date", *TEXT, "first_recorded"]
    found = snapshot.events[columns].astype(object)
    found = found.where(found.notna(), None)
    for column in ("event_date", "recorded_date", "first_recorded"):
        found[column] = snapshot.events[column].dt.date
    assert Counter(found.itertuples(index=False, name=None)) == Counter(known.events)

    assert snapshot.journeys["referral_id"].tolist() == sorted(known.dates)
    for column in EVENTS:
        expected = [known.dates[name].get(column, (None, None)) for name in sorted(known.dates)]
        assert list(map(as_date, snapshot.journeys[column])) == [one for one, _ in expected], column
        assert list(map(as_date, snapshot.journeys[f"{column}_recorded"])) == [one for _, one in expected], column

    lines = snapshot.set_aside[["table", "row", "column", "value", "effect"]]
    assert Counter(lines.itertuples(index=False, name=None)) == known.aside

    outcome = measures.first(snapshot, "outcome")
    found = zip(map(as_date, outcome["event"]), map(as_date, outcome["recorded"]), strict=True)
    assert list(found) == [known.outcomes.get(name, (None, None)) for name in sorted(known.dates)]


def assert_attributes_hold(snapshot: Snapshot, known: Known) -> None:
    """Compare every attribute on several days with what it must be."""
    names = sorted(known.dates)
    referral = {name: known.dates[name]["referral"][0] for name in names}
    start = {name: known.dates[name].get("start", known.dates[name]["referral"])[0] for name in names}
    exits = {name: known.dates[name].get("exit", known.dates[name]["referral"])[0] for name in names}
    moments: dict[str, tuple[Any, Mapping[str, date]]] = {
        "at_referral": ("at_referral", referral),
        "at_start": ("at_start", start),
        "at_period_end": ("at_period_end", dict.fromkeys(names, snapshot.period_end)),
        "at_event": (snapshot.journeys["exit"], exits),
    }
    for attribute in ("customer_group", "devolution_area", "subcontractor", "age"):
        expected = {}
        for moment, (at, days) in moments.items():
            found = snapshot.attribute(attribute, at).astype(object)
            expected[moment] = [held(known, name, attribute, days[name]) for name in names]
            assert [None if pd.isna(one) else str(one) for one in found] == expected[moment], (attribute, moment)
        found = snapshot.journeys[attribute].astype(object)
        assert [None if pd.isna(one) else str(one) for one in found] == expected["at_start"], attribute


# ------------------------------------------------------------------------------------------------ the hard extract

CLOCKS = {"css1a", "css1b", "css2", "css3", "css4", "css5", "css6"}


def hard_answers() -> list[Row]:
    return read(ANSWERS / "whp-hard" / "answers.csv")


def one(snapshot: Snapshot, referral: str) -> pd.Series:
    return snapshot.journeys.set_index("referral_id").loc[referral]


def starts_and_individuals(snapshot: Snapshot, referrals: str) -> str:
    started = snapshot.journeys[snapshot.journeys["referral_id"].isin(referrals.split("+"))].dropna(subset="start")
    return f"{len(started)}, {started['participant_id'].nunique()}"


def outcome(snapshot: Snapshot, referral: str) -> str:
    counts = measures.first(snapshot, "outcome")["event"].notna()
    return "yes" if counts[snapshot.journeys["referral_id"] == referral].item() else "no"


def subcontractor(snapshot: Snapshot, referral: str, at: Any) -> str:
    return snapshot.attribute("subcontractor", at)[snapshot.journeys["referral_id"] == referral].item()


def work_spells(snapshot: Snapshot, referral: str) -> str:
    spells = journey.work_spells(snapshot).set_index("referral_id").loc[[referral]]
    return ", ".join(f"{row.from_date:%Y-%m-%d} to {row.to_date:%Y-%m-%d}" for row in spells.itertuples())


QUESTIONS: dict[str, Callable[[Snapshot, str], str]] = {
    "starts, individuals": starts_and_individuals,
    "cohort": lambda snapshot, referral: f"{one(snapshot, referral)['start']:%Y-%m}",
    "outcome": outcome,
    "outcome credited at_start": lambda snapshot, referral: subcontractor(snapshot, referral, "at_start"),
    "outcome credited at_event": lambda snapshot, referral: subcontractor(
        snapshot, referral, measures.first(snapshot, "outcome")["event"]
    ),
    "customer_group": lambda snapshot, referral: one(snapshot, referral)["customer_group"],
    "first_earnings": lambda snapshot, referral: f"{one(snapshot, referral)['first_earnings']:%Y-%m-%d}",
    "work spells": work_spells,
}


@pytest.fixture(scope="module")
def hard(contract_of: Callable) -> Callable[[str], Snapshot]:
    extract = load_extract(contract_of(ANSWERS / "whp-hard"))
    taken: dict[str, Snapshot] = {}
    return lambda month: taken.setdefault(month, take_snapshot(extract, month))


def test_every_question_of_the_hard_extract_is_asked_here_or_belongs_to_the_clocks() -> None:
    asked = Counter("here" if row["question"] in QUESTIONS else row["question"] in CLOCKS for row in hard_answers())
    assert asked == {"here": 20, True: 29}  # 49 in all


@pytest.mark.requirement("WHP-19")
@pytest.mark.requirement("WHP-20")
@pytest.mark.requirement("WHP-21")
@pytest.mark.parametrize(
    "row",
    [row for row in hard_answers() if row["question"] in QUESTIONS],
    ids=lambda row: f"{row['referral']} {row['question']} in {row['month']}",
)
def test_the_answers_worked_by_hand(row: Row, hard: Callable[[str], Snapshot]) -> None:
    assert QUESTIONS[row["question"]](hard(row["month"]), row["referral"]) == row["answer"], row["why"]


def test_nothing_of_the_hard_extract_is_set_aside(hard: Callable[[str], Snapshot]) -> None:
    assert hard("2020-12").set_aside.empty
    assert len(hard("2020-12").journeys) == 35


# ---------------------------------------------------------------------------------------- a real extract, in part


def north() -> Tables:
    return {name: read(ANSWERS / "whp-north-part" / f"{name}.csv") for name in ("participants", "events")}


@pytest.fixture(scope="module")
def whole(contract_of: Callable) -> Any:
    return load_extract(contract_of(ANSWERS / "whp-north-part"))


@pytest.mark.parametrize(("month", "known_at"), [("2018-06", None), ("2019-12", None), ("2020-06", "2020-09-30")])
def test_the_snapshot_is_what_the_rules_say(month: str, known_at: str | None, whole: Any) -> None:
    snapshot = take_snapshot(whole, month, known_at)
    assert_holds(snapshot, by_the_rules(north(), snapshot.period_end, snapshot.known_at))


def test_what_is_not_used_is_what_the_extract_is_known_to_hold(whole: Any) -> None:
    # Counted in the files with grep, sort and uniq.
    counts = take_snapshot(whole, "2020-09").set_aside.groupby(["table", "column", "reason"]).size()
    assert counts.to_dict() == {
        ("events", "", "repeat of another row"): 10,
        ("events", "event", "not an event of the programme"): 5,
        ("events", "event_date", "dated after it was recorded"): 5,
        ("events", "event_date", "not a date"): 5,
        ("events", "referral_id", "not a referral of the participants table"): 5,
        ("participants", "", "repeat of another row"): 2,
        ("participants", "age", "not a whole number from 16 to 100"): 4,
        ("participants", "subcontractor", "blank"): 2,
    }


def cut(tables: Tables, known_at: date) -> Tables:
    """The extract as it would have been sent on that day: what was recorded later is not in it."""

    def by_then(row: Row) -> bool:
        recorded = day(row["recorded_date"])
        return recorded is None or recorded <= known_at

    earlier = {name: [row for row in table if by_then(row)] for name, table in tables.items() if name != "participants"}
    told = {row["referral_id"].strip() for row in earlier["events"]}
    people = [
        row for row in tables["participants"] if not row["referral_id"].strip() or row["referral_id"].strip() in told
    ]
    return earlier | {"participants": people}


def assert_same(one: Snapshot, other: Snapshot) -> None:
    """Compare two snapshots table by table, row numbers aside."""
    assert one.tables.keys() == other.tables.keys()
    frames = {"journeys": (one.journeys, other.journeys), "events": (one.events, other.events)}
    frames |= {name: (one.tables[name], other.tables[name]) for name in one.tables}
    for name, (mine, its) in frames.items():
        pd.testing.assert_frame_equal(mine.reset_index(drop=True), its.reset_index(drop=True), obj=name)
    lines = [Counter(s.set_aside.drop(columns="row").itertuples(index=False, name=None)) for s in (one, other)]
    assert lines[0] == lines[1]
    assert one.equals(other)
    assert one.fingerprint == other.fingerprint


@pytest.mark.requirement("SES-07")
@pytest.mark.parametrize("known_at", [date(2018, 5, 31), date(2019, 12, 31)])
def test_the_full_extract_known_at_a_day_is_the_extract_of_that_day(known_at: date, whole: Any, made: Callable) -> None:
    month = f"{known_at:%Y-%m}"
    then = cut(north(), known_at)
    assert len(then["events"]) < len(north()["events"])
    sent = made(then["events"], then["participants"])
    assert_same(take_snapshot(whole, month, known_at), sent.snapshot(month, known_at))


# ------------------------------------------------------------------------------------------------- random extracts

MONTH, PERIOD_END = "2019-06", date(2019, 6, 30)
KNOWN = [date(2019, 6, 30), date(2019, 9, 30), date(2020, 3, 1)]
RECORDED = [date(2018, 1, 5), date(2018, 3, 1), date(2019, 1, 31), date(2019, 6, 30), date(2019, 7, 1)]
RECORDED += [date(2019, 9, 30), date(2019, 10, 1), date(2020, 2, 15)]
REFERRALS = ["R1", "R2", "R3", "R4", "R5"]
TOLD = ["start", "start", "Start ", "referral", "job_outcome", "self_employed_outcome", "first_earnings", "exit", "FTA"]
TOLD += ["job_start", "job_end", "review", "teleported", ""]
CLAIMS = ["claim_submitted", "claim_paid", "claim_rejected"]

choices = st.sampled_from


def optional(*values: str) -> st.SearchStrategy[str]:
    """Mostly blank, as such cells are."""
    return choices([*values, *[""] * (2 * len(values))])


@st.composite
def dates(draw: st.DrawFn, *, usable_only: bool = False) -> Row:
    recorded = draw(choices(RECORDED))
    happened = max(recorded - timedelta(draw(choices([0, 1, 40, 300]))), date(2018, 1, 1))
    if not usable_only and draw(st.integers(0, 15)) == 0:
        bad = draw(choices([(recorded + timedelta(1)).isoformat(), "31/02/2019", "soon", "", "1919-01-01", "R1"]))
        return {"event_date": bad, "recorded_date": recorded.isoformat()}
    if not usable_only and draw(st.integers(0, 30)) == 0:
        return {"event_date": happened.isoformat(), "recorded_date": draw(choices(["", "later", "2119-01-01"]))}
    return {"event_date": happened.isoformat(), "recorded_date": recorded.isoformat()}


@st.composite
def event_rows(draw: st.DrawFn) -> Row:
    event = draw(choices(TOLD + CLAIMS))
    claim = event in CLAIMS
    return {
        "referral_id": draw(choices([*REFERRALS * 4, " R1", "R9", ""])),
        "event": event,
        **draw(dates()),
        "value": draw(optional("1", "2")),
        "detail": draw(optional("A", "a")),
        "ref": draw(choices(["", "", "C1", "C2"])),
        "source": draw(choices(["", "", "HMRC", "crm ", "PRaP", "paper"])),
        "event_id": "" if claim else draw(optional("E1", "E2")),  # two submissions of one claim are left to the ref
        "action": draw(choices([*["", "record"] * 4, *["withdraw", "Withdraw "] * 2, "delete"])),
    }


@st.composite
def people_rows(draw: st.DrawFn, referral: str) -> Row:
    return {
        "referral_id": referral,
        "participant_id": draw(choices(["P1", "P2", "P3", "P4", ""])),
        "customer_group": draw(choices(["ltu", "Disability ", "EARLY_ENTRY", "veterans", ""])),
        "devolution_area": draw(choices(["GM", ""])),
        "subcontractor": draw(choices(["SC1", " SC2", "sc1", ""])),
        "age": draw(choices(["16", "35", "100", "-3", "101", "x", ""])),
    }


@st.composite
def attribute_rows(draw: st.DrawFn) -> Row:
    attribute = draw(choices(["customer_group", "Subcontractor ", "age", "devolution_area", "shoe_size"]))
    values = {"customer_group": ["ltu", "Early_Entry", "veterans"], "age": ["16", "99", "-3", "x"]}
    told = draw(dates())
    return {
        "referral_id": draw(choices([*REFERRALS, "R9"])),
        "attribute": attribute,
        "value": draw(choices([*values.get(attribute, ["SC1", "SC2", "GM"]), ""])),
        "from_date": told["event_date"],
        "recorded_date": told["recorded_date"],
    }


def told_once(row: Row) -> tuple:
    """What tells two values of an attribute apart: rule 6 does not say which of two at once holds."""
    return tuple(row[name].strip() for name in ("referral_id", "attribute", "from_date", "recorded_date"))


@st.composite
def extracts(draw: st.DrawFn) -> Tables:
    """Five referrals, of which the first is sound, with anything that may happen to them and their rows."""
    blank = dict.fromkeys(("value", "detail", "ref", "source", "event_id", "action"), "")
    first = {"event": "referral", "event_date": "2018-01-02", "recorded_date": "2018-01-04"}
    events = [{"referral_id": name, **first, **blank} for name in REFERRALS[: draw(st.integers(1, 5))]]
    start = {"event": "start", "event_date": "2018-01-02", "recorded_date": "2018-01-05"}
    events += [{"referral_id": name, **start, **blank} for name in REFERRALS[: draw(st.integers(0, 5))]]
    # R1 keeps its referral event, so that there is always something to report.
    more = [draw(event_rows()) for _ in range(draw(st.integers(0, 60)))]
    events += [row for row in more if (row["referral_id"].strip(), row["event"]) != ("R1", "referral")]
    events += draw(st.lists(choices(events), max_size=3))
    people = [draw(people_rows(name)) for name in REFERRALS]
    people += draw(st.lists(choices(people[1:]), max_size=2))
    people += draw(st.lists(choices(["R2", "R3", ""]).flatmap(people_rows), max_size=2))
    history = {told_once(row): row for row in (draw(attribute_rows()) for _ in range(draw(st.integers(0, 15))))}
    return {"participants": people, "events": events, "attributes": list(history.values())}


def examples(number: int) -> settings:
    return settings(max_examples=number, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def bench(made: Callable) -> Any:
    """A contract whose extract is written anew for every example."""
    return made("R1 referral 2018-01-02")


def snapshot_of(bench: Any, tables: Tables, known_at: date, month: str = MONTH) -> Snapshot:
    bench.write(**tables)
    return bench.snapshot(month, known_at)


@examples(20)
@given(tables=extracts(), known_at=choices(KNOWN))
def test_a_snapshot_of_any_extract_is_what_the_rules_say(tables: Tables, known_at: date, bench: Any) -> None:
    snapshot = snapshot_of(bench, tables, known_at)
    known = by_the_rules(tables, PERIOD_END, known_at)
    assert_holds(snapshot, known)
    assert_attributes_hold(snapshot, known)


@examples(8)
@given(tables=extracts(), known_at=choices(KNOWN))
def test_any_extract_known_at_a_day_is_the_extract_of_that_day(tables: Tables, known_at: date, bench: Any) -> None:
    full = snapshot_of(bench, tables, known_at)
    assert_same(full, snapshot_of(bench, cut(tables, known_at), known_at))


@examples(8)
@given(tables=extracts(), known_at=choices(KNOWN), named=st.booleans())
def test_how_many_rows_are_worked_through_at_once_makes_no_difference(
    tables: Tables, known_at: date, named: bool, bench: Any
) -> None:
    if not named:  # an event_id may stand at several referrals, which then are worked through together
        tables = tables | {"events": [row | {"event_id": ""} for row in tables["events"]]}
    bench.write(**tables)
    extract = bench.extract()
    whole = take_snapshot(extract, MONTH, known_at)
    with (
        patch("perflib.records.current_rows.ROWS_OF_A_BLOCK", 1),
        patch("perflib.records.snapshot.REFERRALS_OF_A_BLOCK", 2),
    ):
        assert_same(take_snapshot(extract, MONTH, known_at), whole)


def in_uk_form(row: Row) -> Row:
    return {name: "/".join(reversed(cell.split("-"))) if name.endswith("_date") else cell for name, cell in row.items()}


@examples(8)
@given(tables=extracts(), seed=st.integers(0, 1_000_000))
def test_neither_order_nor_form_of_the_files_matters(tables: Tables, seed: int, bench: Any) -> None:
    rng = random.Random(seed)
    other: Tables = {}
    for name, table in tables.items():
        columns = rng.sample(list(table[0]), len(table[0])) if table else []
        rows = [{column: row[column] for column in columns} for row in rng.sample(table, len(table))]
        other[name] = list(map(in_uk_form, rows))
    one = snapshot_of(bench, tables, KNOWN[1])
    another = snapshot_of(bench, other, KNOWN[1])
    one.set_aside["value"] = another.set_aside["value"] = ""  # a date that is not used is shown as it was written
    assert_same(one, another)


@examples(6)
@given(tables=extracts(), data=st.data())
def test_rows_given_twice_change_nothing_but_the_count_of_repeats(
    tables: Tables, data: st.DataObject, bench: Any
) -> None:
    one = snapshot_of(bench, tables, date(2020, 12, 31))
    lost = set(one.set_aside[["table", "row"]].itertuples(index=False, name=None))
    referrals = set(one.journeys["referral_id"])
    sound = [
        (name, row)
        for name, table in tables.items()
        for number, row in enumerate(table, 2)
        if (name, number) not in lost and row["referral_id"].strip() in referrals
    ]
    twice = data.draw(st.lists(choices(sound), max_size=10))
    more = {name: [*table, *(row for other, row in twice if other == name)] for name, table in tables.items()}
    another = snapshot_of(bench, more, date(2020, 12, 31))

    assert another.fingerprint == one.fingerprint
    pd.testing.assert_frame_equal(another.journeys, one.journeys)
    columns = ["table", "row", "column", "reason"]
    before, after = (Counter(s.set_aside[columns].itertuples(index=False, name=None)) for s in (one, another))
    added = after - before
    assert before - after == Counter()
    assert {reason for *_, reason in added} <= {REPEAT}
    assert added.total() == len(twice)


@st.composite
def uncorrected(draw: st.DrawFn) -> Tables:
    """An extract in which every event of a referral is told once."""
    rows = []
    for name in REFERRALS:
        told = draw(st.lists(choices(sorted(EVENTS - REPEATING)), unique=True, min_size=3))
        rows += [
            {"referral_id": name, "event": event, **draw(dates(usable_only=True))} for event in ["referral", *told]
        ]
    rows = list({(row["referral_id"], row["event"]): row for row in rows}.values())
    rows[0] |= {"event": "referral", "event_date": "2018-01-02", "recorded_date": "2018-01-05"}
    return {"participants": [{"referral_id": name, "participant_id": name} for name in REFERRALS], "events": rows}


@examples(6)
@given(tables=uncorrected())
def test_without_corrections_a_later_look_and_a_later_month_only_add(tables: Tables, bench: Any) -> None:
    bench.write(**tables, attributes=[])
    extract = bench.extract()
    looks = [("2018-03", "2018-03-31"), ("2019-06", "2019-06-30"), ("2019-06", "2020-02-28"), ("2019-09", "2020-02-28")]
    held = [set(take_snapshot(extract, *look).events.itertuples(index=False, name=None)) for look in looks]
    assert all(earlier <= later for earlier, later in pairwise(held))


# ------------------------------------------------------------------------------------------ windows of the outcome
# Everybody here starts on 1 January 2018. Day 639 is 2 October 2019 and day 700 is 2 December 2019: design.md,
# "Definitions", Window.

DAY_639, DAY_640, DAY_700, DAY_701 = "2019-10-02", "2019-10-03", "2019-12-02", "2019-12-03"
SELF = "self_employed_outcome"

# What is recorded after the referral and the start -> the day of the outcome, and why the others do not count.
OUTCOMES: dict[str, tuple[str, str | None, list[str]]] = {
    "employed on day 639 counts": (f"job_outcome {DAY_639}", DAY_639, []),
    "employed on day 640 does not": (f"job_outcome {DAY_640}", None, [measures.AFTER_WINDOW]),
    "employed on the day of the start counts": ("job_outcome 2018-01-01", "2018-01-01", []),
    "employed before the start does not": ("job_outcome 2017-12-31", None, [measures.BEFORE_START]),
    "recorded after the window counts": (f"job_outcome {DAY_639} 2020-06-01", DAY_639, []),
    "of two the first counts": ("job_outcome 2019-05-01 ref=B\njob_outcome 2019-03-01 ref=A", "2019-03-01", []),
    "one before the start does not hide one in the window": (
        "job_outcome 2017-12-01 ref=A\njob_outcome 2019-03-01 ref=B",
        "2019-03-01",
        [measures.BEFORE_START],
    ),
    "self-employed on day 639, claimed on day 700, counts": (
        f"{SELF} {DAY_639} ref=C\nclaim_submitted {DAY_700} ref=C",
        DAY_639,
        [],
    ),
    "self-employed on day 639, claimed on day 701, does not": (
        f"{SELF} {DAY_639} ref=C\nclaim_submitted {DAY_701} ref=C",
        None,
        [measures.NO_CLAIM],
    ),
    "self-employed on day 640, claimed on day 641, does not": (
        f"{SELF} {DAY_640} ref=C\nclaim_submitted 2019-10-04 ref=C",
        None,
        [measures.AFTER_WINDOW],
    ),
    "self-employed without a claim does not, where claims are known": (f"{SELF} 2019-05-01", None, [measures.NO_CLAIM]),
    "a claim recorded late counts by the day it was submitted": (
        f"{SELF} 2019-05-01\nclaim_submitted {DAY_700} 2020-02-01",
        "2019-05-01",
        [],
    ),
    "a claim that was rejected does not stand": (
        f"{SELF} 2019-05-01 ref=C\nclaim_submitted 2019-06-01 ref=C\nclaim_rejected 2019-06-20 ref=C",
        None,
        [measures.NO_CLAIM],
    ),
    "a rejection withdrawn leaves the claim standing": (
        f"{SELF} 2019-05-01\nclaim_submitted 2019-06-01\nclaim_rejected 2019-06-20\n"
        "claim_rejected 2019-06-20 2019-07-01 action=withdraw",
        "2019-05-01",
        [],
    ),
    "a second claim by day 700 stands though the first was rejected": (
        f"{SELF} 2019-05-01 ref=C\nclaim_submitted 2019-06-01 ref=C\nclaim_rejected 2019-06-20 ref=C\n"
        f"claim_submitted {DAY_700} ref=D",
        "2019-05-01",
        [],
    ),
    "submitted anew under the same ref after a rejection, by day 700, stands": (
        f"{SELF} 2019-05-01 ref=C\nclaim_submitted 2019-06-01 ref=C\nclaim_rejected 2019-06-20 ref=C\n"
        f"claim_submitted {DAY_700} ref=C",
        "2019-05-01",
        [],
    ),
    "submitted anew under the same ref after day 700 does not count": (
        f"{SELF} 2019-05-01 ref=C\nclaim_submitted 2019-06-01 ref=C\nclaim_rejected 2019-06-20 ref=C\n"
        f"claim_submitted {DAY_701} ref=C",
        None,
        [measures.NO_CLAIM],
    ),
    "on one day rejected beats submitted": (
        f"{SELF} 2019-05-01\nclaim_submitted 2019-06-01\nclaim_rejected 2019-06-01",
        None,
        [measures.NO_CLAIM],
    ),
    "on one day paid beats rejected": (
        f"{SELF} 2019-05-01\nclaim_submitted 2019-06-01\nclaim_rejected 2019-07-01\nclaim_paid 2019-07-01",
        "2019-05-01",
        [],
    ),
    "a claim paid later than day 700 counts if it was submitted by then": (
        f"{SELF} 2019-05-01\nclaim_submitted {DAY_700}\nclaim_paid 2020-01-15",
        "2019-05-01",
        [],
    ),
    # No rule says what a claim is that was paid and never submitted; it counts by the day it was paid (measures.py).
    "paid by day 700 though no submission is known": (f"{SELF} 2019-05-01\nclaim_paid {DAY_700}", "2019-05-01", []),
    "paid after day 700 and no submission known": (
        f"{SELF} 2019-05-01\nclaim_paid {DAY_701}",
        None,
        [measures.NO_CLAIM],
    ),
    "employed claims do not matter": (
        f"job_outcome {DAY_639} ref=J\nclaim_submitted 2020-01-10 ref=J\nclaim_rejected 2020-01-20 ref=J",
        DAY_639,
        [],
    ),
    "the claim of an employed outcome is no claim of a self-employed one": (
        f"job_outcome {DAY_640} ref=J\nclaim_submitted 2019-11-01 ref=J\n{SELF} 2019-05-01",
        None,
        [measures.NO_CLAIM, measures.AFTER_WINDOW],
    ),
    "whichever route comes first": (
        f"job_outcome 2019-08-01\n{SELF} 2019-05-01 ref=C\nclaim_submitted 2019-06-01 ref=C",
        "2019-05-01",
        [],
    ),
    "the other route where one does not count": (
        f"job_outcome 2019-08-01\n{SELF} 2019-05-01",
        "2019-08-01",
        [measures.NO_CLAIM],
    ),
    "a start corrected to a day later brings it into the window": (
        f"start 2018-01-02 2018-02-01\njob_outcome {DAY_640}",
        DAY_640,
        [],
    ),
    "a start corrected to a day earlier takes it out of the window": (
        f"start 2017-12-31 2018-02-01\njob_outcome {DAY_639}",
        None,
        [measures.AFTER_WINDOW],
    ),
    "a start corrected to after the outcome": (
        "start 2018-01-10 2018-02-01\njob_outcome 2018-01-09",
        None,
        [measures.BEFORE_START],
    ),
    "without a start it is outside every cohort": (
        "start 2018-01-01 2018-02-01 action=withdraw\njob_outcome 2019-05-01",
        None,
        [measures.NOT_STARTED],
    ),
}
OUTCOME_OF = {case: f"W{number:02}" for number, case in enumerate(OUTCOMES)}
START = "referral 2017-12-01\nstart 2018-01-01"


def lines_of(referral: str, text: str) -> str:
    return "\n".join(f"{referral} {line}" for line in f"{START}\n{text}".splitlines())


@pytest.fixture(scope="module")
def windows(made: Callable) -> Snapshot:
    return made("\n".join(lines_of(OUTCOME_OF[case], OUTCOMES[case][0]) for case in OUTCOMES)).snapshot("2020-12")


def outcome_of(snapshot: Snapshot, referral: str) -> str | None:
    found = measures.first(snapshot, "outcome")["event"][snapshot.journeys["referral_id"] == referral].item()
    return None if pd.isna(found) else f"{found:%Y-%m-%d}"


@pytest.mark.requirement("WHP-19")
@pytest.mark.requirement("WHP-20")
@pytest.mark.parametrize("case", OUTCOMES)
def test_an_outcome_counts_inside_its_window_with_a_claim_where_one_is_needed(case: str, windows: Snapshot) -> None:
    assert outcome_of(windows, OUTCOME_OF[case]) == OUTCOMES[case][1]


def test_every_outcome_that_does_not_count_is_counted_by_its_reason(windows: Snapshot) -> None:
    expected = Counter(reason for _, _, reasons in OUTCOMES.values() for reason in reasons)
    assert measures.excluded(windows).to_dict() == expected
    # Together with those that count they are all the outcome events there are, but for the second of two.
    events = windows.events["event"].isin(["job_outcome", SELF]).sum()
    counted = measures.first(windows, "outcome")["event"].notna().sum()
    assert counted + expected.total() == events - 2  # "of two the first", "whichever route comes first"


def test_where_an_extract_has_no_claims_at_all_the_outcome_counts(made: Callable) -> None:
    snapshot = made(lines_of("A", f"{SELF} {DAY_639}") + "\n" + lines_of("B", f"{SELF} {DAY_640}")).snapshot("2020-12")
    assert not measures.claims_known(snapshot)
    assert outcome_of(snapshot, "A") == DAY_639
    assert outcome_of(snapshot, "B") is None


def test_an_extract_whose_first_claim_is_recorded_later_had_no_claims_then(made: Callable) -> None:
    it = made(lines_of("A", f"{SELF} 2019-05-01") + "\n" + lines_of("B", "claim_submitted 2019-11-01 2020-02-01"))
    assert outcome_of(it.snapshot("2019-12", "2020-01-31"), "A") == "2019-05-01"
    assert outcome_of(it.snapshot("2019-12", "2020-02-01"), "A") is None


@pytest.mark.parametrize("event", ["claim_paid", "claim_rejected"])
def test_an_extract_that_records_only_how_claims_ended_has_claims(event: str, made: Callable) -> None:
    # "Where an extract has no claims at all": this one has one, which was paid too late or rejected.
    snapshot = made(lines_of("A", f"{SELF} 2019-05-01 ref=C\n{event} {DAY_701} ref=C")).snapshot("2020-12")
    assert measures.claims_known(snapshot)
    assert outcome_of(snapshot, "A") is None


def test_an_outcome_happened_and_recorded_as_its_own_event_was(made: Callable) -> None:
    # January start, outcome 20 May, recorded 3 July: design.md, "Clocks". The claim comes later still.
    text = f"{SELF} 2018-05-20 2018-07-03 ref=C\nclaim_submitted 2018-09-01 2018-10-01 ref=C"
    found = measures.first(made(lines_of("A", text)).snapshot("2018-12"), "outcome").iloc[0]
    assert (f"{found['event']:%Y-%m-%d}", f"{found['recorded']:%Y-%m-%d}") == ("2018-05-20", "2018-07-03")


# ----------------------------------------------------------------------------------------- what is known, and when


def test_a_referral_of_which_nothing_is_known_yet_is_not_there_and_not_set_aside(made: Callable) -> None:
    it = made("A referral 2018-01-02\nB referral 2018-01-02 2018-02-01")
    then, later = it.snapshot("2018-01", "2018-01-31"), it.snapshot("2018-01", "2018-02-01")
    assert (then.journeys["referral_id"].tolist(), then.not_yet_known) == (["A"], 1)
    assert (later.journeys["referral_id"].tolist(), later.not_yet_known) == (["A", "B"], 0)
    assert then.set_aside.empty


def test_the_day_of_recording_itself_is_known(made: Callable) -> None:
    it = made("A referral 2018-01-02\nA start 2018-01-09 2018-02-02")
    assert it.snapshot("2018-01", "2018-02-01").journeys["start"].isna().all()
    assert it.snapshot("2018-01", "2018-02-02").journeys["start"].notna().all()


def test_by_default_a_month_is_known_at_its_last_day_plus_the_report_lag(made: Callable) -> None:
    assert made("A referral 2018-01-02").snapshot("2018-02").known_at == date(2018, 2, 28)
    assert made("A referral 2018-01-02", keys="report_lag: 10\n").snapshot("2018-02").known_at == date(2018, 3, 10)


def test_what_happened_after_the_months_end_stays_out_however_late_one_looks(made: Callable) -> None:
    it = made("A referral 2018-01-02\nA start 2018-02-01\nB referral 2018-02-01\nA exit 2018-01-31 2018-06-01")
    journeys = it.snapshot("2018-01", "2018-12-31").journeys
    assert journeys["referral_id"].tolist() == ["A"]
    assert journeys["start"].isna().all()
    assert journeys["exit"].notna().all()


@pytest.mark.parametrize(
    ("day", "month"),
    [
        ("2020-09-30", "2020-09"),  # the month's last day
        ("2020-05-29", "2020-05"),  # a Friday, and the 30th and 31st are a weekend
        ("2020-05-28", "2020-04"),
        ("2020-12-31", "2020-12"),
        ("2018-03-29", "2018-03"),  # 30 March 2018 is Good Friday, the 31st a Saturday
    ],
)
def test_the_default_month_is_the_last_whole_one_that_the_extract_holds(day: str, month: str, made: Callable) -> None:
    it = made(f"A referral 2018-01-02\nA exit {day}")
    source = it.contract.source.model_copy(update={"known_to": None})
    assert str(load_snapshot(it.contract.model_copy(update={"source": source})).month) == month
    declared = it.contract.source.model_copy(update={"known_to": date(2020, 12, 31)})
    assert str(load_snapshot(it.contract.model_copy(update={"source": declared})).month) == "2020-12"


@pytest.mark.parametrize(
    ("lines", "reasons"),
    [
        ("A start 2018-01-09", {"participants": 1, "events": 1}),  # no referral event
        ("A referral 31/02/2018 2018-03-01\nA start 2018-01-09", {"participants": 1, "events": 2}),  # none usable
        (
            "A referral 2018-01-02\nA referral 2018-01-02 2018-02-01 action=withdraw\nA start 2018-01-09",
            {"participants": 1, "events": 3},
        ),
    ],
)
def test_a_referral_without_usable_referral_event_is_set_aside_with_its_events(
    lines: str, reasons: dict[str, int], made: Callable
) -> None:
    snapshot = made("Z referral 2018-01-02\n" + lines).snapshot("2018-12")
    assert snapshot.journeys["referral_id"].tolist() == ["Z"]
    assert snapshot.set_aside["table"].value_counts().to_dict() == reasons


def test_of_several_events_of_a_kind_the_first_that_happened_is_the_journeys_date_with_its_own_recording(
    made: Callable,
) -> None:
    text = "A referral 2018-01-02\nA claim_submitted 2019-03-01 ref=C1\nA claim_submitted 2019-01-01 2019-06-01 ref=C2"
    journey = made(text).snapshot().journeys.iloc[0]
    assert journey["claim_submitted"] == pd.Timestamp("2019-01-01")
    assert journey["claim_submitted_recorded"] == pd.Timestamp("2019-06-01")


def test_a_row_of_a_referral_that_is_not_used_is_set_aside_once(made: Callable) -> None:
    text = "Z referral 2018-01-02\nA start 2018-01-09 2018-02-01\nA start 2018-01-08 2018-02-01"
    found = made(text).snapshot().set_aside
    assert list(found[["table", "row"]].itertuples(index=False, name=None)) == [
        ("events", 3),
        ("events", 4),
        ("participants", 3),
    ]


def test_conflicting_copies_of_a_referral_are_set_aside_with_its_events_and_equal_ones_are_repeats(
    made: Callable,
) -> None:
    people = [
        {"referral_id": "A", "participant_id": "P1", "sex": "F"},
        {"referral_id": "A", "participant_id": "P2", "sex": "F"},
        {"referral_id": "B", "participant_id": "P3", "sex": "F"},
        {"referral_id": "B ", "participant_id": "P3", "sex": "female"},
    ]
    snapshot = made("A referral 2018-01-02\nB referral 2018-01-02", people).snapshot("2018-12")
    assert snapshot.journeys["referral_id"].tolist() == ["B"]
    lines = snapshot.set_aside[["table", "row", "effect"]].itertuples(index=False, name=None)
    assert list(lines) == [
        ("events", 2, ROW_NOT_USED),
        ("participants", 2, ROW_NOT_USED),
        ("participants", 3, ROW_NOT_USED),
        ("participants", 5, ONCE),
    ]


@pytest.mark.requirement("JII-48", "WHP-61")
def test_consent_is_always_the_latest_known(made: Callable) -> None:
    consent = [
        {"referral_id": "A", "purpose": "survey", "given": "Y", "from_date": "2018-01-02"},
        {"referral_id": "A", "purpose": "survey", "given": "N", "from_date": "2019-05-01"},
    ]
    snapshot = made("A referral 2018-01-02", consent=consent).snapshot("2018-01")
    assert sorted(snapshot.tables["consent"]["given"]) == ["n", "y"]


# ------------------------------------------------------------------------------------------------------ attributes


def test_an_attribute_is_read_on_the_day_that_is_asked_for(made: Callable) -> None:
    it = made(
        "A referral 2018-01-02\nA start 2018-03-01\nA job_outcome 2018-06-01",
        [{"referral_id": "A", "participant_id": "P", "subcontractor": "as last known"}],
        """
        A subcontractor S1 2018-01-10 2018-01-10
        A subcontractor S2 2018-03-01 2018-03-20
        A subcontractor S3 2018-03-02 2018-03-20
        A subcontractor S4 2018-03-02 2018-03-25
        A subcontractor S5 2018-07-01 2018-03-25
        """,
    )
    snapshot = it.snapshot("2018-12")
    outcome = measures.first(snapshot, "outcome")["event"]
    assert snapshot.attribute("subcontractor", "at_referral").tolist() == ["as last known"]  # none yet on that day
    assert snapshot.attribute("subcontractor", "at_start").tolist() == ["S2"]  # from that day on, inclusive
    assert snapshot.attribute("subcontractor", outcome).tolist() == ["S4"]  # the latest from_date, then recorded
    assert snapshot.attribute("subcontractor", "at_period_end").tolist() == ["S5"]
    assert snapshot.journeys["subcontractor"].tolist() == ["S2"]
    assert it.snapshot("2018-03", "2018-03-31").attribute("subcontractor", "at_period_end").tolist() == ["S4"]
    assert it.snapshot("2018-02", "2018-03-19").attribute("subcontractor", "at_period_end").tolist() == ["S1"]


def test_before_the_start_an_attribute_is_read_at_the_referral(made: Callable) -> None:
    it = made(
        "A referral 2018-01-02", attributes="A customer_group ltu 2018-01-02\nA customer_group disability 2018-01-03"
    )
    assert it.snapshot("2018-12").journeys["customer_group"].tolist() == ["ltu"]


def test_of_two_values_of_one_day_the_same_one_holds_whatever_the_order_of_the_file(made: Callable) -> None:
    rows = [
        "A subcontractor S1 2018-01-02",
        "A subcontractor S2 2018-01-02",
        "A age 200 2018-01-02",
        "A age 20 2018-01-02",
    ]
    one = made("A referral 2018-01-02", attributes="\n".join(rows)).snapshot("2018-12")
    other = made("A referral 2018-01-02", attributes="\n".join(reversed(rows))).snapshot("2018-12")
    assert_same(one, other)
    assert one.journeys["age"].tolist() == [20]  # what can be used before what cannot


def test_an_unknown_attribute_or_moment_is_one_clear_line(made: Callable) -> None:
    snapshot = made("A referral 2018-01-02").snapshot("2018-12")
    with pytest.raises(ParameterError, match=r"^attribute 'shoe_size': the programme has customer_group, "):
        snapshot.attribute("shoe_size")
    with pytest.raises(
        ParameterError, match=r"^at='at_birth': give at_start, at_referral, at_period_end, or a date for"
    ):
        snapshot.attribute("subcontractor", "at_birth")  # type: ignore[arg-type]


# ----------------------------------------------------------------------------------------------------- equal or not

DIFFERENT = {
    "an event's date": ("A exit 2018-05-01", "A exit 2018-05-02 2018-05-02"),
    "the day of recording": ("A exit 2018-05-01", "A exit 2018-05-01 2018-05-02"),
    "a value": ("A exit 2018-05-01 value=1", "A exit 2018-05-01 value=2"),
    "a source": ("A exit 2018-05-01 source=crm", "A exit 2018-05-01 source=hmrc"),
    "a referral": ("A exit 2018-05-01\nB referral 2018-01-02", "A exit 2018-05-01\nC referral 2018-01-02"),
}


@pytest.mark.requirement("SES-07")
@pytest.mark.parametrize("case", DIFFERENT)
def test_snapshots_that_hold_different_things_differ_in_their_fingerprints(case: str, made: Callable) -> None:
    one, other = (made("A referral 2018-01-02\n" + text).snapshot("2018-12") for text in DIFFERENT[case])
    assert not one.equals(other)
    assert one.fingerprint != other.fingerprint


def test_snapshots_that_differ_only_in_what_is_set_aside_are_not_equal(made: Callable) -> None:
    one, other = (made("A referral 2018-01-02\n" + text).snapshot("2018-12") for text in ["", "A vanished 2018-05-01"])
    assert not one.equals(other)
    assert one.fingerprint == other.fingerprint  # of the rows used


# ------------------------------------------------------------------------------------------- months and what is known


def three_weeks_old(made: Callable) -> Any:
    it = made("A referral 2020-03-03\nA start 2020-03-10\nB referral 2020-03-20")
    source = it.contract.source.model_copy(update={"known_to": date(2020, 3, 24)})
    return replace(it, contract=it.contract.model_copy(update={"source": source}))


@pytest.mark.parametrize(
    ("month", "message"),
    [
        (
            None,
            r"yaml: no whole month is recorded yet: .* to 2020-03-24. Name the month so far: --month 2020-03\.$",
        ),
        ("2020-02", r"^events.csv: no referral was recorded by 2020-02-29. Choose a later month, or state `first_day`"),
        (
            "2020-04",
            r"^month 2020-04: is after the extract, .* to 2020-03-24. Choose 2020-03, or supply a later extract",
        ),
    ],
)
def test_a_contract_without_a_whole_month_is_told_which_month_to_name(
    month: str | None, message: str, made: Callable
) -> None:
    with pytest.raises(PerfError, match=message):
        take_snapshot(three_weeks_old(made).extract(), month)


def test_the_month_so_far_can_be_named(made: Callable) -> None:
    snapshot = three_weeks_old(made).snapshot("2020-03")
    assert len(snapshot.journeys) == 2
    assert snapshot.known_to == date(2020, 3, 24)


@pytest.mark.parametrize(
    ("known_to", "known_at", "early"),
    [
        ("2020-03-24", "2020-03-31", True),
        ("2020-03-31", "2020-03-31", False),
        ("2020-05-29", "2020-05-31", False),  # a Friday and the Sunday after it: nobody recorded anything
        ("2020-05-29", "2020-06-01", True),
    ],
)
def test_a_snapshot_says_whether_the_extract_ends_before_what_it_is_asked_for(
    known_to: str, known_at: str, early: bool, made: Callable
) -> None:
    it = made("A referral 2020-03-03")
    source = it.contract.source.model_copy(update={"known_to": date.fromisoformat(known_to)})
    snapshot = replace(it, contract=it.contract.model_copy(update={"source": source})).snapshot("2020-03", known_at)
    assert snapshot.known_to == date.fromisoformat(known_to)
    assert snapshot.ends_early is early


def test_what_is_remembered_may_be_asked_for_with_lists(made: Callable) -> None:
    asked = []

    @remembered
    def both(snapshot: Snapshot, names: Sequence[str], more: Sequence[str] = ()) -> int:
        asked.append((snapshot, names, more))
        return len(names) + len(more)

    snapshot = made("A referral 2020-03-03").snapshot("2020-03")
    assert both(snapshot, ["a", "b"], more=["c"]) == both(snapshot, ("a", "b"), more=("c",)) == 3
    assert asked == [(snapshot, ("a", "b"), ("c",))]


def test_what_is_remembered_is_found_again_however_its_arguments_are_given(made: Callable) -> None:
    asked = []

    @remembered
    def named(snapshot: Snapshot, name: str = "outcome", *, by: str | None = None) -> str:
        asked.append((snapshot.month, name, by))
        return f"{name} {by}"

    snapshot = made("A referral 2020-03-03").snapshot("2020-03")
    ways = [named(snapshot), named(snapshot, "outcome"), named(snapshot, name="outcome", by=None)]
    assert set(ways) == {"outcome None"}
    assert named(snapshot, by="centre") == "outcome centre"
    assert asked == [(snapshot.month, "outcome", None), (snapshot.month, "outcome", "centre")]
