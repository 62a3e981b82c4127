"""The `source:` of a contract file: its forms, and the one line that says what is wrong with a mapping."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from perflib.errors import ParameterError
from perflib.rules.contract import Contract, load_contract
from perflib.rules.data_source import DatabaseSource, FolderSource, mapped_parts, recorded_as_it_happened

Read = Callable[[str], Contract]

HEAD = """\
contract: north
name: North
programme: whp
nation: ENG
disclosure: {source: made up}
"""

MAPPED = """\
source:
  folder: ../extracts/north
  known_to: 2020-09-30
  encoding: cp1252
  delimiter: tab
  dates: month_first
  tables:
    participants:
      file: referrals.xlsx
      sheet: 2020
      columns: {referral_id: PRaP Ref, Participant_ID: Person}
      codes: {customer_group: {Health condition: disability, 3: LTU}}
      values: {subcontractor: SC01}
    events:
      - file: referrals-*.csv
        columns: {referral_id: PRaP Ref}
        events:
          referral: {date: Referral Date, recorded: event_date}
          start: {date: Start Date, recorded: Start Recorded}
          job_start:
            - {date: Job 1, recorded: event_date, ref: Employer 1}
            - {date: Job 2, recorded: event_date, ref: Employer 2}
      - file: jobs.csv
        columns: {referral_id: PRaP Ref, event: Type, event_date: Date, recorded_date: event_date}
        codes: {event: {Ended: job_end}}
"""


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Return a function that reads a contract file with the lines of a source."""

    def write_and_read(source: str) -> Contract:
        (tmp_path / "contracts").mkdir(exist_ok=True)
        (tmp_path / "contracts" / "north.yaml").write_text(HEAD + source, encoding="utf-8")
        return load_contract("north", tmp_path)

    return write_and_read


def test_a_mapping_is_read_as_it_is_written_and_codes_as_records_hold_them(read: Read) -> None:
    source = read(MAPPED).source
    assert isinstance(source, FolderSource)
    assert (source.known_to, source.encoding, source.delimiter) == (date(2020, 9, 30), "cp1252", "tab")
    (people,) = source.tables["participants"]
    assert people.sheet == "2020"  # YAML takes it for a number
    assert people.columns == {"referral_id": "PRaP Ref", "participant_id": "Person"}
    assert people.codes == {"customer_group": {"health condition": "disability", "3": "ltu"}}
    wide, long = source.tables["events"]
    assert [place.ref for place in wide.events["job_start"]] == ["Employer 1", "Employer 2"]
    assert (long.file, long.events) == ("jobs.csv", {})
    assert [(table, number) for table, number, _ in mapped_parts(source)] == [
        ("participants", 0),
        ("events", 0),
        ("events", 1),
    ]


def test_a_database_has_the_same_mapping_with_tables_and_queries(read: Read) -> None:
    source = read(
        "source: {url: 'sqlite:///x.db', tables: {events: {query: SELECT 1, values: {source: crm}}}}\n"
    ).source
    assert isinstance(source, DatabaseSource)
    assert source.tables["events"][0].query == "SELECT 1"


def test_what_is_recorded_as_it_happened_is_told_event_by_event(read: Read) -> None:
    assert recorded_as_it_happened(read(MAPPED).source) == ("referral", "job_start", "job_end")
    without_codes = MAPPED.replace("        codes: {event: {Ended: job_end}}\n", "")
    assert recorded_as_it_happened(read(without_codes).source)[-1] == "every event"
    assert recorded_as_it_happened(read("source: here\n").source) == ()


WRONG = {
    "an event that the programme does not have": (
        "          start:",
        "          strat:",
        "source.tables.events[0].events.strat: 'strat' is no event of whp; did you mean 'start'?",
    ),
    "a code that the programme does not have": (
        "3: LTU",
        "3: LTV",
        "source.tables.participants.codes.customer_group.3: 'ltv' is no code of customer_group; did you mean 'ltu'?",
    ),
    "an event code that the programme does not have": (
        "{Ended: job_end}",
        "{Ended: job_edn}",
        "source.tables.events[1].codes.event.ended: 'job_edn' is no event of whp; did you mean 'job_end'?",
    ),
    "events of a wide table under another table": (
        "      values: {subcontractor: SC01}",
        "      events: {start: {date: A, recorded: B}}",
        "source.tables.participants.events: one date column an event makes the table `events`; move it there.",
    ),
    "a column that is said twice": (
        "values: {subcontractor: SC01}",
        "values: {referral_id: R1}",
        "source.tables.participants.values.referral_id: has a column under `columns`; leave one of them out.",
    ),
    "the event of a wide table as a value": (
        "        columns: {referral_id: PRaP Ref}\n",
        "        columns: {referral_id: PRaP Ref}\n        values: {event: start}\n",
        "source.tables.events[0].values.event: is what `events` says, column by column; leave one of them out.",
    ),
    "an event without a recorded column": (
        "{date: Start Date, recorded: Start Recorded}",
        "{date: Start Date}",
        "source.tables.events[0].events.start.recorded: missing; this key is required, "
        "for example recorded: Date recorded.",
    ),
    "a misspelt key": (
        "      file: referrals.xlsx",
        "      fiel: referrals.xlsx",
        "source.tables.participants.fiel: unknown key; did you mean 'file'?",
    ),
    "a delimiter that is none": (
        "delimiter: tab",
        "delimiter: x",
        "source.delimiter: x is not allowed: write one of ',', ';', '|', tab.",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_with_a_mapping_is_one_clear_line(case: str, read: Read, tmp_path: Path) -> None:
    right, wrong, message = WRONG[case]
    assert right in MAPPED
    text = MAPPED.replace(right, wrong, 1)
    line = (HEAD + text)[: (HEAD + text).index(wrong) + len(wrong.rstrip())].count("\n") + 1
    with pytest.raises(ParameterError) as error:
        read(text)
    assert str(error.value).split(" (1 more")[0] == f"{tmp_path / 'contracts' / 'north.yaml'} line {line}: {message}"


def test_a_database_table_is_a_table_or_a_query(read: Read) -> None:
    for both in ("{}", "{table: a, query: SELECT 1}"):
        with pytest.raises(ParameterError, match=r"source.tables.events: .*give `table` or `query`"):
            read(f"source: {{url: 'sqlite:///x.db', tables: {{events: {both}}}}}\n")
