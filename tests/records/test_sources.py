"""Files as they come: CSV in any usual form, Parquet, Excel, part files; from each, one contract is the same."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import openpyxl  # type: ignore[import-untyped]
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from perflib.errors import DataError
from perflib.records.files import Files
from perflib.records.loading import load_snapshot
from perflib.records.schemas import parse_dates
from perflib.records.snapshot import load_extract, take_snapshot
from perflib.records.source_reader import read_source
from perflib.rules.contract import Contract, load_contract
from perflib.rules.data_source import FolderSource

Read = Callable[..., Contract]

HEAD = """\
contract: made-here
name: Made for a test
programme: whp
nation: ENG
disclosure: {source: none, invented: true}
source:
  folder: ../extract
  known_to: 2020-12-31
"""

PEOPLE = "referral_id,participant_id\n1,7\n2,8\n"
EVENTS = """\
referral_id,event,event_date,recorded_date
1,referral,2018-01-02,2018-01-02
1,exit,2018-05-01,2018-05-03
2,referral,2018-02-02,2018-02-02
"""

MAPPED = """\
  tables:
    participants: {file: book.xlsx, sheet: People, columns: {referral_id: Ref, participant_id: Person}}
    events: {file: book.xlsx, sheet: Events, columns: {referral_id: Ref}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of an extract, which is empty."""
    (tmp_path / "extract").mkdir()
    return tmp_path / "extract"


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Return a function that reads a contract whose source is the folder, with more lines under `source:`."""

    def write_and_read(source: str = "") -> Contract:
        (tmp_path / "contracts").mkdir(exist_ok=True)
        (tmp_path / "contracts" / "made-here.yaml").write_text(HEAD + source, encoding="utf-8")
        return load_contract("made-here", tmp_path)

    return write_and_read


def workbook(path: Path, **sheets: Sequence[Sequence[Any]]) -> openpyxl.Workbook:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return book


def cells(text: str) -> list[list[str]]:
    return [line.split(",") for line in text.splitlines()]


# ------------------------------------------------------------------------------------------------------------------ CSV


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_csv_is_read_in_any_usual_encoding_and_delimiter(
    encoding: str, delimiter: str, folder: Path, read: Read
) -> None:
    people = PEOPLE.replace("\n", ",subcontractor\n", 1).replace("7\n", "7,Société Générale\n").replace("8\n", "8,\n")
    for name, text in (("participants", people), ("events", EVENTS)):
        (folder / f"{name}.csv").write_text(text.replace(",", delimiter), encoding=encoding)
    raw = read_source(read("" if encoding.startswith("utf-8") else f"  encoding: {encoding}\n"))
    assert raw["participants"].frame["subcontractor"].iloc[0] == "Société Générale"
    assert len(raw["events"].frame) == 3


def test_a_delimiter_that_is_declared_is_not_guessed(folder: Path, read: Read) -> None:
    (folder / "participants.csv").write_text("referral_id;participant_id;a,b,c,d\n1;7;x\n", encoding="utf-8")
    (folder / "events.csv").write_text(EVENTS.replace(",", ";"), encoding="utf-8")
    raw = read_source(read("  delimiter: ';'\n"))
    assert list(raw["participants"].frame) == ["referral_id", "participant_id", "a,b,c,d"]


def test_lines_of_title_may_stand_above_the_header_and_rows_keep_their_numbers(folder: Path, read: Read) -> None:
    (folder / "participants.csv").write_text(PEOPLE, encoding="utf-8")
    (folder / "events.csv").write_text(f"Events, exported\n\n{EVENTS}", encoding="utf-8")
    frame = read_source(read())["events"].frame
    assert list(frame.index) == [4, 5, 6]
    assert list(frame["event"]) == ["referral", "exit", "referral"]


@pytest.mark.parametrize(
    ("written", "kept"),
    [(["0012", "0300"], ["0012", "0300"]), (["12.0", "300.0"], ["12", "300"]), (["12.0", "A.0"], ["12.0", "A.0"])],
    ids=["leading zeros", "whole numbers written with a point", "no column of numbers"],
)
def test_identifiers_survive(written: list[str], kept: list[str], folder: Path, read: Read) -> None:
    text = "referral_id,participant_id\n" + "".join(f"{name},{name}\n" for name in written)
    (folder / "participants.csv").write_text(text, encoding="utf-8")
    (folder / "events.csv").write_text(EVENTS, encoding="utf-8")
    assert list(read_source(read())["participants"].frame["referral_id"]) == kept


# ---------------------------------------------------------------------------------------------------------- part files

PARTS = "  tables: {events: {file: events-*.csv}}\n"


def test_part_files_are_one_table_and_each_row_knows_its_file(folder: Path, read: Read) -> None:
    (folder / "participants.csv").write_text(PEOPLE, encoding="utf-8")
    (folder / "events-2018-01.csv").write_text("".join(EVENTS.splitlines(keepends=True)[:2]), encoding="utf-8")
    later = EVENTS.splitlines(keepends=True)
    later = [later[0], *later[2:], "2,teleported,2018-02-03,2018-02-03\n"]
    (folder / "events-2018-02.csv").write_text("".join(later), encoding="utf-8")
    extract = load_extract(read(PARTS))
    assert extract.files["events"] == "events-2018-01.csv, events-2018-02.csv"
    snapshot = take_snapshot(extract, "2018-12")
    assert sorted(snapshot.events["event"]) == ["exit", "referral", "referral"]
    lines = snapshot.set_aside[["table", "row", "column", "value"]]
    assert lines.to_numpy().tolist() == [["events-2018-02.csv", 4, "event", "teleported"]]


def test_a_part_file_with_other_columns_is_refused(folder: Path, read: Read) -> None:
    (folder / "participants.csv").write_text(PEOPLE, encoding="utf-8")
    (folder / "events-1.csv").write_text(EVENTS, encoding="utf-8")
    (folder / "events-2.csv").write_text(EVENTS.replace("event_date", "happened"), encoding="utf-8")
    with pytest.raises(DataError, match=r"events.file: events-2.csv has a column 'happened' that events-1.csv has not"):
        read_source(read(PARTS))
    (folder / "events-2.csv").write_text("1,exit,2018-05-01,2018-05-03\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"events-2.csv has no header: none of its first rows names a column"):
        read_source(read(PARTS))


# ---------------------------------------------------------------------------------------------------------------- Excel


def test_a_workbook_is_read_as_it_is_shown(folder: Path, read: Read) -> None:
    day, moment = pd.Timestamp("2018-01-02"), pd.Timestamp("2018-05-01 14:30")
    people: list[list[Any]] = [
        ["Report of June"],
        [],
        ["Ref", "Person", "age", "sex"],
        [12, 7, 40.0, None],
        [300, 8, None, "F"],
    ]
    happened: list[list[Any]] = [
        ["Who", "What", "event_date", "recorded_date"],
        [None, "event", None, None],
        ["0012", "referral", day.to_pydatetime(), "02/01/2018"],
        ["0012", "exit", moment.to_pydatetime(), "2018-05-03"],
        [None, None, None, None],
        ["0300", "referral", "TBC", "-"],
    ]
    book = workbook(folder / "book.xlsx", People=people, Events=happened)
    for row in (4, 5):
        book["People"].cell(row, 1).number_format = "0000"  # a spreadsheet shows 0012
    book["Events"].merge_cells("A1:A2")
    book.save(folder / "book.xlsx")
    mapping = MAPPED.replace("sheet: Events, columns: {referral_id: Ref}", "sheet: Events, columns: {referral_id: Who}")
    raw = read_source(read(mapping))
    assert raw["participants"].frame.fillna("").to_numpy().tolist() == [
        ["0012", "7", "40", ""],
        ["0300", "8", "", "F"],
    ]
    assert raw["events"].file == "book.xlsx (Events)"
    snapshot = load_snapshot(read(mapping), "2018-12")
    happened_then = snapshot.events[["referral_id", "event", "event_date"]].astype("str").to_numpy().tolist()
    assert sorted(happened_then) == [["0012", "exit", "2018-05-01"], ["0012", "referral", "2018-01-02"]]
    lines = snapshot.set_aside[["table", "row", "column", "value", "reason"]].to_numpy().tolist()
    assert lines == [
        ["book.xlsx (Events)", 6, "event_date", "TBC", "not a date"],
        ["book.xlsx (Events)", 6, "recorded_date", "-", "blank"],
        ["book.xlsx (People)", 4, "sex", "", "blank"],
        ["book.xlsx (People)", 5, "Ref", "", "no usable referral event"],
    ]


WRONG_BOOK = {
    "a sheet that is not there": (
        "sheet: Events",
        "sheet: Event",
        "source.tables.events.sheet: book.xlsx has no sheet 'Event'; did you mean 'Events'?",
    ),
    "a workbook of several sheets": (
        ", sheet: Events",
        "",
        "source.tables.events.file: book.xlsx has the sheets People, Events. Say which one with `sheet:`.",
    ),
}


@pytest.mark.parametrize("case", WRONG_BOOK)
def test_a_sheet_that_is_not_there_is_one_clear_line(case: str, folder: Path, read: Read) -> None:
    workbook(folder / "book.xlsx", People=[["Ref", "Person"]], Events=cells(EVENTS))
    right, wrong, message = WRONG_BOOK[case]
    contract = read(MAPPED.replace(right, wrong))
    with pytest.raises(DataError) as error:
        read_source(contract)
    line = 11 if "events" in message else 10
    assert str(error.value) == f"{contract.path} line {line}: {message}"


@pytest.mark.parametrize("content", [b"", b"PK no workbook", b"\xd0\xcf\x11\xe0"], ids=["empty", "cut", "encrypted"])
def test_a_workbook_that_cannot_be_read_is_one_clear_line(content: bytes, folder: Path, read: Read) -> None:
    (folder / "book.xlsx").write_bytes(content)
    with pytest.raises(DataError, match=r"^book.xlsx: cannot be read as an Excel workbook: .* without a password.$"):
        read_source(read(MAPPED))


def test_parquet_keeps_its_types_and_its_rows_of_blank_cells_are_left_out(tmp_path: Path) -> None:
    late = datetime(2020, 6, 1, 23, 30, tzinfo=UTC)  # in London, half past midnight on 2 June
    columns = {
        "text": pa.array(["a", None, "b", "a"]),
        "day": pa.array([date(2020, 6, 1), None, None, date(2020, 6, 1)]),
        "moment": pa.array([late, None, late, None], pa.timestamp("us", "Europe/London")),
        "number": pa.array([1, None, 2, None]),
        "share": pa.array([0.5, None, 2.0, None]),
        "blank": pa.array([None] * 4, pa.string()),
    }
    pq.write_table(pa.table(columns), tmp_path / "events.parquet", row_group_size=2)
    cells = Files(FolderSource(folder=str(tmp_path)), tmp_path).read("events.parquet", None, None).frame
    assert cells.index.tolist() == [2, 4, 5]
    assert cells["text"].tolist() == ["a", "b", "a"]
    assert cells["number"].dropna().tolist() == ["1", "2"]
    assert cells["share"].dropna().tolist() == ["0.5", "2"]
    assert cells["blank"].isna().all()
    days = [parse_dates(pd.Series(cells[name].cat.categories)).tolist() for name in ("day", "moment")]
    assert days == [[pd.Timestamp("2020-06-01")], [pd.Timestamp("2020-06-02")]]


# ------------------------------------------------------------------------------------- one contract, whatever the files


def plain(frame: pd.DataFrame) -> list[list[Any]]:
    return [list(frame), *frame.astype(object).where(frame.notna(), None).to_numpy().tolist()]


def as_csv(folder: Path, people: pd.DataFrame, events: pd.DataFrame) -> None:
    people.to_csv(folder / "participants.csv", index=False)
    events.to_csv(folder / "events.csv", index=False)


def as_parquet(folder: Path, people: pd.DataFrame, events: pd.DataFrame) -> None:
    people.to_parquet(folder / "participants.parquet")
    events.assign(recorded_date=events["recorded_date"].dt.date).to_parquet(folder / "events.parquet")


def as_files_of_excel(folder: Path, people: pd.DataFrame, events: pd.DataFrame) -> None:
    workbook(folder / "participants.xlsx", Sheet1=plain(people))
    workbook(folder / "events.xlsx", Sheet1=plain(events))


def as_one_workbook(folder: Path, people: pd.DataFrame, events: pd.DataFrame) -> None:
    workbook(folder / "extract.xlsx", Participants=plain(people), Notes=[["made by hand"]], Events=plain(events))


FORMS = (as_csv, as_parquet, as_files_of_excel, as_one_workbook)


@pytest.mark.usefixtures("in_process")
def test_one_contract_from_csv_parquet_and_excel_is_one_snapshot_and_one_page(
    place: Any, perflib: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Typed dates, whole numbers beside blanks and fractions, and rows and cells that are not used: all the same."""
    place.contract()
    folder = place.extract()
    people = pd.read_csv(folder / "participants.csv")
    people.loc[3, "age"] = None  # in CSV, the other ages are written 18.0
    people.loc[4, "age"] = -3
    people.loc[5, "customer_group"] = "Disability "
    events = pd.read_csv(folder / "events.csv", parse_dates=["event_date", "recorded_date"])
    events["value"] = pd.Series([1.0, 2.5, 3.0, None] * len(events)).iloc[: len(events)]
    events.loc[7, "event"] = "teleported"
    events.loc[8, "event_date"] = pd.Timestamp("2021-01-01")
    events = pd.concat([events, events.iloc[[0]]], ignore_index=True)
    snapshots, pages = [], []
    for form in FORMS:
        for file in folder.iterdir():
            file.unlink()
        form(folder, people, events)
        snapshots.append(load_snapshot("town", "2020-03", params=place.params))
        if form is as_files_of_excel:
            continue
        out = tmp_path_factory.mktemp("out")
        run = ("run", "--contract", "town", "--month", "2020-03", "--notebook", "performance_summary")
        assert perflib(*run, "--out", out).status == 0
        page = (out / "town" / "2020-03" / "performance_summary.html").read_bytes()
        account = re.compile(
            rb"Where every row of the extract went.*?</table>", re.DOTALL
        )  # names files and their lines
        assert account.search(page)
        pages.append(account.sub(b"", page))
    assert len(snapshots[0].set_aside) > 3
    for snapshot in snapshots[1:]:
        assert snapshot.equals(snapshots[0])
        assert snapshot.fingerprint == snapshots[0].fingerprint
    assert pages[1:] == pages[:1] * 2


def test_a_formula_without_a_saved_value_is_told_and_no_blank(folder: Path, read: Read) -> None:
    """openpyxl writes formulas and does not work them out; one in a column that nobody reads stops nothing."""
    workbook(folder / "participants.xlsx", participants=cells(PEOPLE))
    rows = cells(EVENTS)
    rows[0].append("notes")
    rows[2][2] = "=C2+14"
    rows[3].append("=1+1")
    workbook(folder / "events.xlsx", events=rows)
    contract = read("")
    assert read_source(contract)["events"].frame["event_date"].iloc[1] == "#formula without a saved value"
    complaints = take_snapshot(load_extract(contract), "2020-02").account.complaints
    said = [one.words for one in complaints if one.table == "events"]
    assert said == [
        "1 of events.event_date: blank, e.g. '#formula without a saved value' (row not used; first: events.xlsx row 3)"
    ]


def test_where_no_referral_is_left_the_reason_met_most_often_is_said(folder: Path, read: Read) -> None:
    (folder / "participants.csv").write_text(PEOPLE, encoding="utf-8")
    american = "referral_id,event,event_date,recorded_date\n" + "".join(
        f"{n},referral,01/{day}/2020,2020-01-31\n" for n, day in ((1, 20), (2, 21))
    )
    (folder / "events.csv").write_text(american, encoding="utf-8")
    with pytest.raises(DataError) as error:
        take_snapshot(load_extract(read("")), "2020-02")
    assert str(error.value) == (
        "events.csv: no referral can be used by 2020-02-29. 2 events set aside, most often: a date only with the month "
        "first, e.g. '01/20/2020' (events.csv row 2). If the whole column is so, put "
        "`dates: {events.event_date: month_first}` under `source:`."
    )


def test_identifiers_that_lost_their_zeros_are_told_before_the_month_is_asked_for(folder: Path, read: Read) -> None:
    """The extract ends within its first month, so that no month is whole; the identifiers are what is to be mended."""
    (folder / "participants.csv").write_text("referral_id,participant_id\n00012,7\n00013,8\n", encoding="utf-8")
    rows = "".join(f"{n},referral,2020-12-0{n - 10},2020-12-0{n - 10}\n" for n in (12, 13))
    (folder / "events.csv").write_text(f"referral_id,event,event_date,recorded_date\n{rows}", encoding="utf-8")
    contract = read("").model_copy(update={"source": read("").source.model_copy(update={"known_to": None})})
    with pytest.raises(DataError, match=r"no referral can be used; 2 of its events .* two digits; .* five digits"):
        take_snapshot(load_extract(contract))
