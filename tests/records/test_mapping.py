"""Tables in an extract's own columns: what a mapping makes of them, and how it says what is not there."""

import csv
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perflib.errors import DataError
from perflib.records.snapshot import load_extract, take_snapshot
from perflib.records.source_reader import read_source
from perflib.rules.contract import Contract, load_contract

Row = Mapping[str, str]
Make = Callable[..., Contract]

HEAD = """\
contract: made-here
name: Made for a test
programme: whp
nation: ENG
disclosure: {source: none, invented: true}
source:
  folder: .
  known_to: 2020-12-31
"""

TABLES = """\
  tables:
    participants:
      file: crm.csv
      columns: {referral_id: Case, participant_id: Person, customer_group: Group}
      codes: {customer_group: {Health condition: disability, Long term: ltu}}
    events:
      - file: crm.csv
        columns: {referral_id: Case}
        events:
          referral: {date: Referred, recorded: event_date}
          start: {date: Start, recorded: Start keyed}
          job_start:
            - {date: Job 1, recorded: Keyed, ref: Employer 1}
            - {date: Job 2, recorded: Keyed, ref: Employer 2}
      - file: leavers.csv
        columns: {referral_id: CASE, event: What, event_date: When, recorded_date: event_date}
        codes: {event: {Left us: exit}}
        values: {source: crm}
"""

CRM = """\
Case,Person,Group,Age,Referred,Start,Start keyed,Job 1,Employer 1,Job 2,Employer 2,Keyed,Notes
A1,P1,Health condition,40,01/03/2019,04/03/2019,06/03/2019,,,,,05/07/2019,x
A2,P2,Disability,15,02/03/2019,,,,,,,,x
A3,P3,LONG TERM,41,05/03/2019,11/03/2019,12/03/2019,01/04/2019,Acme,03/06/2019,Bolt,05/07/2019,x
"""

LEAVERS = "case,What,When,Why\nA1,Left us,01/08/2019,moved\nA3, LEFT US ,30/09/2019,\n"


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Return a function that writes files and a contract file with a source, and reads it."""

    def write(source: str = TABLES, crm: str = CRM, leavers: str = LEAVERS, **more: str) -> Contract:
        folder = tmp_path / "contracts"
        folder.mkdir(exist_ok=True)
        (folder / "made-here.yaml").write_text(HEAD + source, encoding="utf-8")
        for name, text in {"crm": crm, "leavers": leavers, **more}.items():
            (folder / f"{name}.csv").write_text(text, encoding="utf-8")
        return load_contract("made-here", tmp_path)

    return write


def events(contract: Contract) -> list[tuple[str, ...]]:
    happened = take_snapshot(load_extract(contract), "2020-12").events
    shown = happened[["referral_id", "event", "event_date", "recorded_date", "ref"]].astype("str").fillna("")
    return sorted(map(tuple, shown.to_numpy().tolist()))


def aside(contract: Contract) -> list[tuple[str, int, str, str, str]]:
    lines = take_snapshot(load_extract(contract), "2020-12").set_aside
    return sorted(lines[["table", "row", "column", "value", "reason"]].itertuples(index=False, name=None))


# ------------------------------------------------------------------------------------------------------ wide and long


def test_each_filled_date_of_a_wide_row_is_an_event_and_a_long_table_adds_its_own(make: Make) -> None:
    assert events(make()) == [
        ("A1", "exit", "2019-08-01", "2019-08-01", ""),
        ("A1", "referral", "2019-03-01", "2019-03-01", ""),
        ("A1", "start", "2019-03-04", "2019-03-06", ""),
        ("A2", "referral", "2019-03-02", "2019-03-02", ""),
        ("A3", "exit", "2019-09-30", "2019-09-30", ""),
        ("A3", "job_start", "2019-04-01", "2019-07-05", "Acme"),
        ("A3", "job_start", "2019-06-03", "2019-07-05", "Bolt"),
        ("A3", "referral", "2019-03-05", "2019-03-05", ""),
        ("A3", "start", "2019-03-11", "2019-03-12", ""),
    ]


def test_words_become_codes_and_columns_of_our_own_name_need_no_line(make: Make) -> None:
    journeys = take_snapshot(load_extract(make()), "2020-12").journeys
    assert journeys["customer_group"].tolist() == ["disability", "disability", "ltu"]
    assert journeys["age"].fillna(0).tolist() == [40, 0, 41]


def test_what_is_the_same_in_every_row_is_a_value(make: Make) -> None:
    frame = read_source(make())["events"].frame
    assert set(frame.loc[frame["event"] == "exit", "source"]) == {"crm"}
    assert frame.loc[frame["event"] != "exit", "source"].isna().all()


def test_codes_of_a_wide_table_are_those_of_the_events_that_have_the_column(make: Make) -> None:
    wide = """\
  tables:
    participants: {file: crm.csv, columns: {referral_id: Case, participant_id: Person}}
    events:
      file: crm.csv
      columns: {referral_id: Case}
      codes: {detail: {Long term: ltu_claim}}
      events:
        referral: {date: Referred, recorded: event_date, detail: Group}
        start: {date: Start, recorded: Start keyed}
"""
    frame = read_source(make(wide))["events"].frame
    assert frame["detail"].dropna().tolist() == ["Health condition", "Disability", "ltu_claim"]
    assert frame.loc[frame["event"] == "start", "detail"].isna().all()


def test_what_is_not_used_is_named_as_the_extract_names_it(make: Make) -> None:
    crm = CRM.replace("A2,P2,Disability,15", "\nA2,P2,Unknown,15").replace("11/03/2019", "N/A")
    leavers = LEAVERS.replace("30/09/2019", "31/09/2019").replace("Left us,", "Fled,")
    assert aside(make(crm=crm, leavers=leavers)) == [
        ("crm.csv", 4, "Age", "15", "not a whole number from 16 to 100"),  # row 3 is blank
        ("crm.csv", 4, "Group", "Unknown", "not a code of the programme"),
        ("crm.csv", 5, "Start", "N/A", "blank"),  # since its recorded column is filled
        ("leavers.csv", 2, "What", "Fled", "not an event of the programme"),
        ("leavers.csv", 3, "When", "31/09/2019", "not a date"),  # once, though it is the recorded date as well
    ]


def test_a_blank_date_is_no_event_unless_its_own_recorded_date_is_there(make: Make) -> None:
    contract = make(crm=CRM.replace("04/03/2019,06/03/2019", ",06/03/2019"))
    assert aside(contract) == [
        ("crm.csv", 2, "Start", "", "blank"),
        ("crm.csv", 3, "Age", "15", "not a whole number from 16 to 100"),
    ]
    assert ("A1", "start") not in [row[:2] for row in events(contract)]


def test_columns_that_nothing_reads_are_listed_once(make: Make) -> None:
    assert load_extract(make()).unused == {"participants": ["Notes"], "events": ["Why"]}


def test_months_may_come_first(make: Make) -> None:
    contract = make("  dates: month_first\n" + TABLES)
    assert ("A2", "referral", "2019-02-03", "2019-02-03", "") in events(contract)
    assert ("leavers.csv", 3, "When", "30/09/2019", "a date only with the day first") in aside(contract)


def test_a_table_that_is_not_mapped_is_looked_for_under_its_own_name(make: Make) -> None:
    contract = make(consent="referral_id,purpose,given,from_date\nA1,evaluation,Y,2019-03-01\n")
    assert len(take_snapshot(load_extract(contract), "2020-12").tables["consent"]) == 1


# ---------------------------------------------------------------------------------------------------- what is not there

WRONG = {
    "a file": (
        "file: leavers.csv",
        "file: leaver.csv",
        "source.tables.events[1].file: {folder} has no file 'leaver.csv'; did you mean 'leavers.csv'?",
    ),
    "a sheet": (
        "file: leavers.csv",
        "file: leavers.csv\n        sheet: One",
        "source.tables.events[1].sheet: leavers.csv is no workbook: it has no sheets. Leave `sheet` out.",
    ),
    "a column": (
        "participant_id: Person",
        "participant_id: Persn",
        "source.tables.participants.columns.participant_id: crm.csv has no column 'Persn'; did you mean 'Person'?",
    ),
    "a date column": (
        "date: Start,",
        "date: Strat,",
        "source.tables.events[0].events.start.date: crm.csv has no column 'Strat'; did you mean 'Start'?",
    ),
    "a recorded column in a list": (
        "date: Job 2, recorded: Keyed",
        "date: Job 2, recorded: Input on",
        "source.tables.events[0].events.job_start[1].recorded: crm.csv has no column 'Input on'; known: Case, Person, "
        "Group, Age, Referred, Start, Start keyed, Job 1, Employer 1, Job 2, Employer 2, Keyed, Notes.",
    ),
    "a column of ours": (
        "customer_group: Group",
        "costumer_group: Group",
        "source.tables.participants.columns.costumer_group: 'costumer_group' is no column of participants; "
        "did you mean 'customer_group'?",
    ),
    "a table of ours": (
        "    participants:",
        "    participant:",
        "source.tables.participant: 'participant' is no table of the data dictionary; did you mean 'participants'?",
    ),
    "a required column": (
        "referral_id: CASE, event: What",
        "event: What",
        "source.tables.events[1].columns: nothing says which column of leavers.csv is referral_id; "
        "known: case, What, When, Why.",
    ),
    "a column with codes": (
        "codes: {event: {Left us: exit}}",
        "codes: {detail: {Left us: exit}}",
        "source.tables.events[1].codes.detail: nothing says which column of leavers.csv is detail; "
        "known: case, What, When, Why.",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_named_and_not_there_is_one_clear_line(case: str, make: Make) -> None:
    right, wrong, message = WRONG[case]
    assert right in TABLES
    contract = make(TABLES.replace(right, wrong, 1))
    text = contract.path.read_text(encoding="utf-8")
    line = text[: text.index(wrong) + len(wrong)].count("\n") + 1
    with pytest.raises(DataError) as error:
        read_source(contract)
    assert str(error.value) == f"{contract.path} line {line}: {message}".format(folder=contract.path.parent)


def test_two_columns_of_one_name_cannot_be_told_apart(make: Make) -> None:
    with pytest.raises(DataError, match=r"columns.participant_id: crm.csv has 2 columns 'Person'. Give them different"):
        read_source(make(crm=CRM.replace("Notes", "PERSON")))


def test_what_stands_in_place_of_a_header_is_not_repeated(make: Make) -> None:
    with pytest.raises(DataError, match="none of its first rows names the columns that are given here") as error:
        read_source(make(leavers=LEAVERS.splitlines()[1]))
    assert not any(name in str(error.value).split(":", 2)[2] for name in ("A1", "moved"))


# ------------------------------------------------------------------------------------------------------------------ law


@st.composite
def journeys(draw: st.DrawFn) -> list[dict[str, date]]:
    """Draw journeys: the date of each event and of its recording, in any order, not all events happening."""
    day = st.dates(date(2019, 1, 1), date(2019, 12, 31))
    people = []
    for _ in range(draw(st.integers(1, 5))):
        one = {"referral": draw(day)}
        one |= {name: draw(day) for name in ("start", "exit", "job_outcome") if draw(st.booleans())}
        recorded = {f"{name}_recorded": when + timedelta(draw(st.integers(0, 30))) for name, when in one.items()}
        people.append(one | recorded)
    return people


def write(path: Path, rows: Sequence[Row]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(name for row in rows for name in row)))
        writer.writeheader()
        writer.writerows(rows)


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(people=journeys())
def test_a_wide_table_and_its_events_in_long_form_give_the_same_snapshot(
    people: list[dict[str, date]], tmp_path: Path
) -> None:
    names = ("referral", "start", "exit", "job_outcome")
    folder = tmp_path / "contracts"
    folder.mkdir(exist_ok=True)
    who = [{"referral_id": f"R{i}", "participant_id": f"P{i}"} for i in range(len(people))]
    columns = [name + end for name in names for end in ("", "_recorded")]
    write(
        folder / "wide.csv",
        [a | {c: f"{p[c]:%d/%m/%Y}" if c in p else "" for c in columns} for a, p in zip(who, people, strict=True)],
    )
    write(folder / "participants.csv", who)
    long = [
        {"referral_id": a["referral_id"], "event": n, "event_date": str(p[n]), "recorded_date": str(p[f"{n}_recorded"])}
        for a, p in zip(who, people, strict=True)
        for n in names
        if n in p
    ]
    write(folder / "events.csv", long)
    mapping = "".join(f"          {name}: {{date: {name}, recorded: {name}_recorded}}\n" for name in names)
    wide = f"  tables:\n    events:\n      - file: wide.csv\n        events:\n{mapping}"
    snapshots = []
    for source in ("", wide):
        (folder / "made-here.yaml").write_text(HEAD + source, encoding="utf-8")
        snapshots.append(take_snapshot(load_extract(load_contract("made-here", tmp_path)), "2020-12"))
    assert snapshots[0].equals(snapshots[1])
    assert snapshots[0].fingerprint == snapshots[1].fingerprint
