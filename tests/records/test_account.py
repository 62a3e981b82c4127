"""The account of every line: it adds up to what was written, and says what was lost. Counted here by hand."""

import csv
import gzip
import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl  # type: ignore[import-untyped]
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perflib.errors import DataError
from perflib.records.account import Account, AccountError, ColumnAccount, Complaint, Lines, TableAccount
from perflib.records.csv_file import read_csv
from perflib.records.snapshot import load_extract, take_snapshot
from perflib.rules.contract import Contract, load_contract
from perflib.rules.data_source import Tolerance

CHART = Path(__file__).parents[1] / "answers" / "chart-sheet-without-chart.xlsx"
PEOPLE = "referral_id,participant_id\nR1,P1\nR2,P2\nR3,P3\nR4,P4\n"
HEADER = "referral_id,event,event_date,recorded_date,detail\n"
REFERRALS = "".join(f"R{n},referral,2020-01-0{n},2020-01-0{n},\n" for n in (1, 2, 3, 4))
HEAD = """\
contract: made-here
name: Made for a test
programme: whp
nation: ENG
disclosure: {source: none, invented: true}
"""

Read = Callable[..., Contract]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "extract").mkdir()
    (tmp_path / "extract" / "participants.csv").write_text(PEOPLE, encoding="utf-8")
    return tmp_path / "extract"


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Return a function that reads a contract whose source is the folder, with more lines under `source:`."""

    def write_and_read(source: str = "", keys: str = "") -> Contract:
        (tmp_path / "contracts").mkdir(exist_ok=True)
        text = f"{HEAD}{keys}source:\n  folder: ../extract\n  known_to: 2020-12-31\n{source}"
        (tmp_path / "contracts" / "made-here.yaml").write_text(text, encoding="utf-8")
        return load_contract("made-here", tmp_path)

    return write_and_read


def snapshot_of(contract: Contract, month: str = "2020-12", known_at: str | None = None) -> Any:
    return take_snapshot(load_extract(contract), month, known_at)


def told(snapshot: Any) -> list[tuple[str, int, str]]:
    return sorted((one.reason, one.count, one.first) for one in snapshot.account.complaints)


# ------------------------------------------------------------------------------------------------------------ equation


def test_an_account_that_does_not_add_up_is_never_made() -> None:
    with pytest.raises(AccountError, match=r"events \(a.csv\): 5 lines were read and 4 are accounted for"):
        TableAccount("events", lines=5, header=1, records=3, used=3, files=("a.csv",))
    with pytest.raises(AccountError, match="3 records were read and 2 are accounted for"):
        TableAccount("events", lines=4, header=1, records=3, used=2)
    with pytest.raises(DataError):
        TableAccount("events", lines=1, records=1, used=1, corrected=2)


def test_every_way_of_a_row_is_counted(folder: Path, read: Read) -> None:
    rows = (
        "R1,start,2020-01-11,2020-01-11,\n"
        "R1,start,2020-01-11,2020-01-11,\n"  # a repeat
        "R1,start,2020-01-12,2020-01-20,\n"  # corrects the first
        "R2,start,2020-01-13,2020-01-13,\n"
        "R3,start,2020-02-30,2020-03-01,\n"  # no date
        "R9,start,2020-01-13,2020-01-13,\n"  # nobody's
        "\n"
        "R4,start,2020-01-14,2020-09-01,\n"  # recorded later
        "R2,job_start,2020-07-02,2020-06-30,\n"  # dated after it was recorded
        'R3,exit,2020-05-01,2020-05-02,"two\nlines"\n'
    )
    (folder / "events.csv").write_text(HEADER + REFERRALS + rows, encoding="utf-8")
    snapshot = snapshot_of(read(), "2020-06")
    events = snapshot.account.of("events")
    assert (events.lines, events.header, events.blank, events.continuation, events.records) == (16, 1, 1, 1, 13)
    assert (events.used, events.corrected, events.repeats, events.set_aside) == (8, 1, 1, 3)
    assert (events.outside, events.after_known_at, events.after_period) == (1, 1, 0)
    assert len(snapshot.events) == 7
    later = snapshot_of(read(), "2020-01", "2020-12-31").account.of("events")
    assert (later.used, later.after_period, later.after_known_at) == (8, 1, 0)  # the exit of May is outside January
    assert snapshot.account.of("participants").used == 4


def test_rows_withdrawn_are_used_and_shown_apart(made: Callable[..., Any]) -> None:
    it = made("R1 referral 2020-01-02\nR1 start 2020-01-11\nR1 start 2020-01-11 2020-02-01 action=withdraw")
    events = it.snapshot().account.of("events")
    assert (events.records, events.used, events.withdrawn, events.corrected) == (3, 3, 2, 0)


def test_the_account_of_the_extract_does_not_ask_when(folder: Path, read: Read) -> None:
    (folder / "events.csv").write_text(HEADER + REFERRALS + "R1,start,2020-13-01,2020-12-01,\n", encoding="utf-8")
    events = load_extract(read()).account.of("events")
    assert (events.lines, events.records, events.used, events.set_aside) == (6, 5, 4, 1)


# --------------------------------------------------------------------------------------------------- lines of CSV files


def test_lines_that_a_stray_quotation_mark_joins_are_told_and_set_aside(folder: Path, read: Read) -> None:
    rows = (
        'R1,job_start,2020-02-03,2020-02-04,"warehouse\nR2,job_start,2020-03-02,2020-03-02,\n'
        'R3,job_start,2020-03-03,2020-03-03,night shift"\nR4,job_start,2020-03-09,2020-03-09,\n'
        "R4,teleported,2020-03-09,2020-03-09,\n"
    )
    (folder / "events.csv").write_text(HEADER + REFERRALS + rows, encoding="utf-8")
    snapshot = snapshot_of(read())
    events = snapshot.account.of("events")
    assert (events.records, events.used, events.set_aside, events.swallowed) == (9, 5, 4, 2)
    assert told(snapshot) == [
        ("lines that a stray quotation mark joins into one", 3, "events.csv row 6"),
        ("not an event of the programme", 1, "events.csv row 10"),
    ]
    assert snapshot.set_aside["row"].tolist() == [6, 7, 8, 10]


def test_a_quotation_mark_that_is_never_closed_loses_nothing_in_silence(folder: Path, read: Read) -> None:
    (folder / "events.csv").write_text(
        HEADER + REFERRALS + 'R1,start,2020-02-03,2020-02-04,"late\n' + "R2,start,2020-02-03,2020-02-04,\n" * 3
    )
    events = snapshot_of(read()).account.of("events")
    assert (events.records, events.used, events.set_aside) == (8, 4, 4)


def test_a_mark_that_hands_cells_to_the_next_line_is_told(folder: Path, read: Read) -> None:
    rows = 'R1,start,2020-02-03,2020-02-04,"a\nR2",start,2020-02-03,2020-02-04,\n'
    (folder / "events.csv").write_text(HEADER + REFERRALS + rows)
    events = snapshot_of(read()).account.of("events")
    assert (events.records, events.used, events.set_aside) == (6, 4, 2)


def test_a_note_of_several_lines_is_one_record(folder: Path, read: Read) -> None:
    (folder / "events.csv").write_text(
        HEADER + REFERRALS + 'R1,exit,2020-02-03,2020-02-04,"moved,\r\n to ""Leeds"""\r\n'
    )
    snapshot = snapshot_of(read())
    assert snapshot.account.of("events").continuation == 1
    assert snapshot.events["detail"].dropna().tolist() == ['moved,\r\n to "leeds"']
    assert snapshot.account.complaints == ()


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [True, False])
def test_lines_end_as_any_program_ends_them(ending: str, last: bool, folder: Path, read: Read) -> None:
    text = (HEADER + "\n" + REFERRALS).replace("\n", ending)
    (folder / "events.csv").write_bytes((text if last else text.removesuffix(ending)).encode())
    events = snapshot_of(read()).account.of("events")
    assert (events.lines, events.blank, events.used) == (6, 1, 4)


def test_rows_that_are_no_records_are_named(folder: Path, read: Read) -> None:
    rows = HEADER + "R1,start,2020-01-11,2020-01-11,\nTotal,5,,,\n\nSource: CRM export of 1 March,,,,\n"
    (folder / "events.csv").write_text("All events,,,,\n" + HEADER + REFERRALS + rows)
    snapshot = snapshot_of(read())
    events = snapshot.account.of("events")
    assert (events.lines, events.header, events.blank, events.records, events.used) == (11, 2, 1, 8, 5)
    assert told(snapshot) == [
        ("a line of text, not a record", 1, "events.csv row 11"),
        ("a total, not a record", 1, "events.csv row 9"),
        ("the header again, not a record", 1, "events.csv row 7"),
    ]


def test_a_row_with_a_cell_too_many_or_too_long_is_set_aside(folder: Path, read: Read) -> None:
    rows = f"R1,start,2020-01-11,2020-01-11,,extra\nR2,start,2020-01-11,2020-01-11,{'x' * 131_072}\n"
    (folder / "events.csv").write_text(HEADER + REFERRALS + rows + "R3,start,2020-01-11,2020-01-11,,,\n")
    snapshot = snapshot_of(read())
    assert told(snapshot) == [
        ("a cell of 131,072 characters or more", 1, "events.csv row 7"),
        ("more cells than the header has", 1, "events.csv row 6"),
    ]
    assert snapshot.account.of("events").used == 5  # blank cells beyond the header are none


def test_a_column_that_nobody_reads_may_hold_anything(folder: Path, read: Read) -> None:
    text = HEADER.replace("detail", "detail,scan") + REFERRALS.replace(",\n", ",," + "x" * 140_000 + "\n", 1)
    (folder / "events.csv").write_text(text)
    assert snapshot_of(read()).account.of("events").used == 4


def test_one_complaint_a_kind_however_many_files(folder: Path, read: Read) -> None:
    for part in range(33):
        bad = f"R1,start,2020-02-{31 + part},2020-02-04,\n"
        (folder / f"events-{part:02}.csv").write_text(HEADER + (REFERRALS if not part else "") + bad)
    source = "  tables: {events: {file: events-*.csv}}\n"
    (complaint,) = snapshot_of(read(source)).account.complaints
    assert (complaint.count, complaint.files, complaint.first) == (33, 33, "events-00.csv row 6")
    assert complaint.words.startswith("33 of events.event_date in 33 files: not a date, e.g. '2020-02-31'")


# ---------------------------------------------------------------------------------------------------------------- keys


def test_an_event_id_that_two_referrals_share_is_two_events_and_told(folder: Path, read: Read) -> None:
    text = HEADER.replace("detail", "event_id") + REFERRALS
    (folder / "events.csv").write_text(
        text + "R1,job_start,2020-02-03,2020-02-04,J1\nR2,job_start,2020-03-02,2020-03-02,J1\n"
    )
    snapshot = snapshot_of(read())
    assert (snapshot.events["event"] == "job_start").sum() == 2
    (complaint,) = snapshot.account.complaints
    assert (complaint.reason, complaint.count) == ("an event_id that stands for another referral or event too", 2)
    assert not complaint.effect


def test_identifiers_that_lost_their_zeros_are_told_by_their_form(folder: Path, read: Read) -> None:
    (folder / "participants.csv").write_text("referral_id,participant_id\n00012,P1\n00013,P2\n")
    (folder / "events.csv").write_text(HEADER + REFERRALS.replace("R", "1"))
    with pytest.raises(DataError) as error:
        snapshot_of(read())
    assert "4 of its events are of referrals that participants.csv does not have" in str(error.value)
    assert "two digits; that of participants: five digits" in str(error.value)
    assert not {"00012", "12,", "choose a later month"} & set(str(error.value).casefold().split())


# ---------------------------------------------------------------------------------------------------------- wide tables


WIDE = """\
  tables:
    participants: {file: crm.csv, columns: {referral_id: Case, participant_id: Person}}
    events:
      file: crm.csv
      columns: {referral_id: Case}
      events:
        referral: {date: Referred, recorded: event_date}
        start: {date: Start, recorded: event_date}
"""


def test_a_wide_row_is_used_if_any_of_its_events_is(folder: Path, read: Read) -> None:
    (folder / "crm.csv").write_text(
        "Case,Person,Referred,Start\nA1,P1,2020-01-02,2020-01-05\nA2,P2,2020-01-02,soon\nA3,P3,N/A,-\n\n,,,\n"
    )
    account = snapshot_of(read(WIDE)).account
    rows, events = account.of("events"), account.of("events", "events")
    assert (rows.lines, rows.header, rows.blank, rows.records) == (6, 1, 2, 3)
    assert (rows.used, rows.set_aside, rows.after_known_at) == (2, 0, 1)  # A3 has no event yet
    assert (events.records, events.used, events.set_aside) == (4, 3, 1)


# ----------------------------------------------------------------------------------------------------------- tolerance


@pytest.mark.parametrize(
    ("lost", "of", "stops"), [(4, 4, False), (5, 300, False), (5, 250, False), (6, 250, True), (5, 249, True)]
)
def test_above_two_per_cent_and_at_least_five_is_too_much(lost: int, of: int, stops: bool) -> None:
    table = TableAccount("events", lines=of, records=of, used=of - lost, set_aside=lost)
    column = Account(columns=(ColumnAccount("events", "event_date", of, lost),))
    for account in (Account((table,)), column):
        assert (account.over(Tolerance()) is not None) is stops
    assert Account((table,)).over(Tolerance(share=1)) is None


def test_repeats_and_rows_outside_never_count() -> None:
    table = TableAccount("events", lines=100, records=100, used=10, repeats=40, after_known_at=30, after_period=20)
    assert Account((table,)).over(Tolerance()) is None


def test_the_line_says_what_to_mend(folder: Path, read: Read) -> None:
    rows = "".join(f"R{1 + n % 4},review,2020-03-01,03/{13 + n}/2020,\n" for n in range(12))
    (folder / "events.csv").write_text(HEADER + REFERRALS + rows + "R1,review,soon,2020-04-01,\n")
    contract = read(keys="tolerance: 0.5\n")
    assert contract.tolerance == Tolerance(share=0.5)
    assert snapshot_of(contract).account.over(contract.tolerance) == (
        "events.recorded_date: 12 of 17 cells cannot be used (71 %; tolerance 50 %); most often: a date only with the "
        "month first, e.g. '03/13/2020' (events.csv row 6). If the whole column is so, put "
        "`dates: {events.recorded_date: month_first}` under `source:`."
    )
    mended = read("  dates: {events.recorded_date: month_first}\n")
    assert snapshot_of(mended).account.over(mended.tolerance) is None


def test_a_complaint_and_lines_are_words() -> None:
    complaint = Complaint("events", "", "repeat of another row", "counted once", 2, 1, "events.csv row 3")
    assert complaint.words == "2 of events: repeat of another row (counted once; first: events.csv row 3)"
    assert Lines(2, 1, 0, 0, 1) + Lines() == Lines(2, 1, 0, 0, 1)


# --------------------------------------------------------------------------------------------------------------- limits


def book(path: Path, **stray: str) -> None:
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.active)
    for name, text in {"participants": PEOPLE, "events": HEADER + REFERRALS}.items():
        sheet = workbook.create_sheet(name)
        for row in csv.reader(io.StringIO(text)):
            sheet.append(row)
        if name in stray:
            sheet[stray[name]] = "x"
    workbook.save(path)


def patched(path: Path, old: bytes, new: bytes) -> None:
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name).replace(old, new) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def test_a_stray_cell_in_the_last_corner_of_a_sheet_costs_nothing(folder: Path, read: Read) -> None:
    (folder / "participants.csv").unlink()
    book(folder / "book.xlsx", events="XFD1048576")
    assert snapshot_of(read()).account.of("events").used == 4


def test_a_row_that_no_spreadsheet_has_ends_in_one_line(folder: Path, read: Read) -> None:
    (folder / "participants.csv").unlink()
    book(folder / "book.xlsx")
    row = b'<row r="100000000"><c r="A100000000"><v>1</v></c></row></sheetData>'
    patched(folder / "book.xlsx", b"</sheetData>", row)
    with pytest.raises(DataError, match=r"^book.xlsx \(participants\): has a row beyond 1,048,576"):
        load_extract(read())


def test_what_unfolds_to_much_more_than_its_size_is_refused(
    folder: Path, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("perflib.records.csv_file.FREE", 2**20)
    monkeypatch.setattr("perflib.records.excel.FREE", 2**20)
    (folder / "events.csv.gz").write_bytes(gzip.compress((HEADER + REFERRALS).encode() + b"\n" * 2**22))
    with pytest.raises(DataError, match=r"^events.csv.gz: unfolds to more than 200 times its size"):
        load_extract(read())
    (folder / "events.csv.gz").unlink()
    (folder / "participants.csv").unlink()
    book(folder / "book.xlsx")
    patched(folder / "book.xlsx", b"</sheetData>", b"<row></row>" * 2**19 + b"</sheetData>")
    with pytest.raises(DataError, match=r"^book.xlsx: unfolds to \d+ MB, more than 150 times its size"):
        load_extract(read())


def test_a_pipe_is_refused_at_once(folder: Path, read: Read) -> None:
    os.mkfifo(folder / "events.csv")
    with pytest.raises(DataError, match=r"^events.csv: is a pipe or device, not a file"):
        load_extract(read())


def test_a_folder_and_a_link_to_nothing_are_refused(folder: Path, read: Read) -> None:
    (folder / "events.csv").mkdir()
    with pytest.raises(DataError, match=r"^events.csv: is a folder, not a file"):
        load_extract(read())
    (folder / "events.csv").rmdir()
    (folder / "events.csv").symlink_to("events.csv")
    with pytest.raises(DataError, match=r"^events.csv: is a link to nothing, not a file"):
        load_extract(read())


def test_a_chart_sheet_without_a_chart_stops_nothing(folder: Path, read: Read) -> None:
    (folder / "participants.csv").unlink()
    (folder / "extract.xlsx").write_bytes(CHART.read_bytes())
    account = snapshot_of(read()).account
    assert (account.of("participants").used, account.of("events").used) == (4, 10)


def test_a_required_table_that_is_missing_names_what_stands_there(folder: Path, read: Read) -> None:
    (folder / "evnts.doc").write_text("x")
    with pytest.raises(DataError, match=r"events.csv .* is missing.*The folder holds participants.csv, evnts.doc"):
        load_extract(read())


# ------------------------------------------------------------------------------------------------------------- property


CELLS = st.sampled_from(
    ["R1", "R2", "R9", "start", "exit", "2020-01-05", "03/04/2020", "NULL", "", '"', 'a"b', "x,y", "\n"]
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.lists(CELLS, min_size=0, max_size=7), max_size=12), quoted=st.booleans())
def test_whatever_is_written_every_line_is_accounted_for(
    rows: list[list[str]], quoted: bool, folder: Path, read: Read
) -> None:
    """With quotation marks as a program writes them, the csv module finds the records that are accounted for."""
    out = io.StringIO()
    if quoted:
        csv.writer(out, lineterminator="\n").writerows(rows)
    else:
        out.write("".join(",".join(row) + "\n" for row in rows))
    text = HEADER + REFERRALS + out.getvalue()
    (folder / "events.csv").write_text(text)
    events = snapshot_of(read()).account.of("events")
    assert events.lines == text.count("\n")
    found = [record for record in csv.reader(io.StringIO(text, newline="")) if any(record)]
    assert events.records - events.swallowed <= len(found) - 1
    assert events.used + events.set_aside + events.repeats + events.outside == events.records


def test_a_month_before_anything_was_recorded_loses_nothing(folder: Path, read: Read) -> None:
    (folder / "events.csv").write_text(HEADER + REFERRALS + "R1,start,2020-05-11,2020-05-11,\n")
    account = snapshot_of(read(), "2020-01").account
    assert (account.of("events").used, account.of("events").after_known_at, account.loses) == (4, 1, False)


def test_a_header_that_swallowed_a_record_is_refused(tmp_path: Path) -> None:
    """Read as it stands, the record would be counted as a second line of the header."""
    text = 'referral_id,participant_id,"age\nR1,P1,20,SC2",subcontractor\nR2,P2,30,x,SC1\n'
    (tmp_path / "participants.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"^participants\.csv: a quotation mark in the header \(line 1\)"):
        read_csv(tmp_path / "participants.csv", "utf-8", None, None)


def test_a_header_over_two_lines_in_one_cell_is_a_header(tmp_path: Path) -> None:
    (tmp_path / "participants.csv").write_text('referral_id,"participant\nid"\nR1,P1\n', encoding="utf-8")
    assert len(read_csv(tmp_path / "participants.csv", "utf-8", None, None).frame) == 1
