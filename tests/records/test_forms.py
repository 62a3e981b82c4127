"""One extract in every form that is read: one snapshot, one fingerprint.

The extract has what forms write differently: summer days that are another day in UTC, identifiers with zeros in front,
words for a blank, a name that is not ASCII, whole numbers beside blanks.
"""

import csv
import gzip
import io
import shutil
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl  # type: ignore[import-untyped]
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from perflib.records.snapshot import Snapshot, load_extract, take_snapshot
from perflib.rules.contract import load_contract

LONDON = ZoneInfo("Europe/London")
PEOPLE = pd.DataFrame(
    [
        ("00012", "P1", "disability", "Søren & Co", 31, "F"),
        ("00013", "P2", "ltu", None, None, "M"),
        ("00014", "P1", None, "SC02", 40, None),
    ],
    columns=["referral_id", "participant_id", "customer_group", "subcontractor", "age", "sex"],
).astype({"age": "Int64"})
EVENTS = pd.DataFrame(
    [
        ("00012", "referral", "2020-05-31", "2020-06-01", None),
        ("00012", "start", "2020-06-01", "2020-06-01", None),
        ("00012", "job_start", "2020-07-01", "2020-07-02", "J1"),
        ("00012", "job_start", "2020-07-09", "2020-07-09", None),
        ("00013", "referral", "2020-06-01", "2020-06-01", None),
        ("00013", "start", "2020-06-30", "2020-07-01", None),
        ("00013", "start", "2020-07-01", "2020-07-03", None),
        ("00014", "referral", "2020-01-01", "2020-01-01", None),
        ("00014", "start", "2020-01-02", "2020-01-02", None),
        ("00014", "start", "2020-01-02", "2020-01-02", None),
    ],
    columns=["referral_id", "event", "event_date", "recorded_date", "ref"],
)
TABLES = {"participants": PEOPLE, "events": EVENTS}
DATES = ["event_date", "recorded_date"]


def moments(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the dates as instants: half an hour after midnight in London, another day in UTC in summer."""
    return frame.assign(
        **{
            name: [pd.Timestamp(f"{day}T00:30").tz_localize(LONDON).tz_convert("UTC") for day in frame[name]]
            for name in frame.columns.intersection(DATES)
        }
    )


def text_file(frame: pd.DataFrame, *, delimiter: str = ",", blank: str = "", quoting: int = csv.QUOTE_MINIMAL) -> str:
    text = io.StringIO()
    frame.to_csv(text, sep=delimiter, index=False, na_rep=blank, quoting=quoting)
    return text.getvalue()


def as_csv(encoding: str = "utf-8", change: Callable[[pd.DataFrame], pd.DataFrame] = lambda frame: frame, **form: Any):
    def write(folder: Path) -> str:
        for name, frame in TABLES.items():
            (folder / f"{name}.csv").write_bytes(text_file(change(frame), **form).encode(encoding))
        return ""

    return write


def in_uk_form(frame: pd.DataFrame) -> pd.DataFrame:
    names = frame.columns.intersection(DATES)
    return frame.assign(**{name: pd.to_datetime(frame[name]).dt.strftime("%d/%m/%Y 00:00") for name in names})


def as_american(frame: pd.DataFrame) -> pd.DataFrame:
    names = frame.columns.intersection(["recorded_date"])
    return frame.assign(**{name: pd.to_datetime(frame[name]).dt.strftime("%m/%d/%Y") for name in names})


def american_by_column(folder: Path) -> str:
    as_csv(change=as_american)(folder)
    return "  dates: {events.recorded_date: month_first}\n"


def as_day_numbers(folder: Path) -> str:
    def numbered(frame: pd.DataFrame) -> pd.DataFrame:
        days = {
            name: (pd.to_datetime(frame[name]) - pd.Timestamp("1899-12-30")).dt.days for name in DATES if name in frame
        }
        return frame.assign(**days)

    as_csv(change=numbered)(folder)
    return "  dates: excel_serial\n"


def compressed(folder: Path) -> str:
    (folder / "PARTICIPANTS.CSV.GZ").write_bytes(gzip.compress(text_file(PEOPLE).encode()))
    with zipfile.ZipFile(folder / "Events.zip", "w") as archive:
        archive.writestr("export.csv", text_file(EVENTS))
    return ""


def as_excel(folder: Path) -> str:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, frame in TABLES.items():
        sheet = book.create_sheet(name)
        sheet.append(list(frame))
        for row in frame.astype(object).itertuples(index=False):
            cells = [None if pd.isna(cell) else cell for cell in row]
            days = [datetime.fromisoformat(c) if isinstance(c, str) and c.startswith("2020") else c for c in cells]
            sheet.append([int(days[0]), *days[1:]])
            sheet.cell(sheet.max_row, 1).number_format = "00000"
    book["participants"]["D3"].value = "#N/A"
    book["participants"]["D3"].data_type = "e"
    book.save(folder / "book.xlsx")
    return ""


def as_parquet(change: Callable[[pd.DataFrame], pd.DataFrame], types: dict[str, pa.DataType] | None = None):
    def write(folder: Path) -> str:
        for name, frame in TABLES.items():
            table = pa.Table.from_pandas(change(frame), preserve_index=False)
            for place, column in enumerate(table.column_names):
                if column in (types or {}):
                    table = table.set_column(place, column, table[column].cast(types[column]))
            pq.write_table(table, folder / f"{name}.parquet")
        return ""

    return write


def with_types(frame: pd.DataFrame) -> pd.DataFrame:
    names = frame.columns.intersection(DATES)
    return frame.assign(**{name: pd.to_datetime(frame[name]).dt.date for name in names})


def with_lists(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(tags=[["a", "b"]] * len(frame), point=[{"x": 1}] * len(frame))


def as_categories(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.astype(dict.fromkeys(frame.columns.difference(["age"]), "category"))


def as_ods(folder: Path) -> str:
    """Write the least that the OpenDocument format asks for: a part of XML in a zip file."""
    named = "office:document-content", "urn:oasis:names:tc:opendocument:xmlns"
    spaces = " ".join(f'xmlns:{name}="{named[1]}:{name}:1.0"' for name in ("office", "table", "text"))

    def cell(value: Any) -> str:
        if pd.isna(value):
            return "<table:table-cell/>"
        if isinstance(value, str) and value.startswith("2020"):
            return f'<table:table-cell office:value-type="date" office:date-value="{value}"/>'
        if isinstance(value, str):
            text = f"<text:p>{value.replace('&', '&amp;')}</text:p>"
            return f'<table:table-cell office:value-type="string">{text}</table:table-cell>'
        return f'<table:table-cell office:value-type="float" office:value="{value}"/>'

    sheets = ""
    for name, frame in TABLES.items():
        lines = [list(frame), *frame.astype(object).to_numpy().tolist()]
        rows = "".join(f"<table:table-row>{''.join(map(cell, line))}</table:table-row>" for line in lines)
        sheets += f'<table:table table:name="{name}">{rows}</table:table>'
    body = f"<office:body><office:spreadsheet>{sheets}</office:spreadsheet></office:body>"
    with zipfile.ZipFile(folder / "book.ods", "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", f'<{named[0]} {spaces} office:version="1.2">{body}</{named[0]}>')
        kind = 'manifest:media-type="application/vnd.oasis.opendocument.spreadsheet"'
        archive.writestr(
            "META-INF/manifest.xml",
            f'<manifest:manifest xmlns:manifest="{named[1]}:manifest:1.0">'
            f'<manifest:file-entry manifest:full-path="/" {kind}/></manifest:manifest>',
        )
    return ""


def as_xls(folder: Path) -> str:
    """Copy a workbook of the two tables that xlwt 1.3.0 wrote: text, numbers, and dates with the style YYYY-MM-DD."""
    shutil.copy(Path(__file__).parents[1] / "answers" / "forms.xls", folder / "book.xls")
    return ""


def as_sqlite(folder: Path) -> str:
    with closing(sqlite3.connect(folder / "crm.db")) as connection:
        for name, frame in TABLES.items():
            frame.astype(object).to_sql(name, connection, index=False)
    return f"sqlite:///{folder / 'crm.db'}"


FORMS: dict[str, Callable[[Path], str]] = {
    "csv with a byte order mark": as_csv("utf-8-sig"),
    "csv in cp1252": lambda folder: as_csv("cp1252")(folder) + "  encoding: cp1252\n",
    "csv in utf-16 with tabs": lambda folder: as_csv("utf-16", delimiter="\t")(folder) + "  encoding: utf-16\n",
    "csv with semicolons, all in quotation marks": as_csv(delimiter=";", quoting=csv.QUOTE_ALL),
    "csv with bars and NULL": as_csv(delimiter="|", blank="NULL"),
    "csv with UK times": as_csv(change=in_uk_form, blank="N/A"),
    "csv with instants": as_csv(change=moments),
    "csv with one column of American dates": american_by_column,
    "csv with day numbers": as_day_numbers,
    "compressed csv with capitals in the names": compressed,
    "Excel": as_excel,
    "OpenDocument": as_ods,
    "Excel 97": as_xls,
    "Parquet of text": as_parquet(lambda frame: frame),
    "Parquet of dates": as_parquet(with_types),
    "Parquet of instants in UTC": as_parquet(moments),
    "Parquet of microseconds": as_parquet(moments, dict.fromkeys(DATES, pa.timestamp("us", "UTC"))),
    "Parquet of categories": as_parquet(as_categories),
    "Parquet of dictionaries": as_parquet(lambda frame: frame, {"event": pa.dictionary(pa.int8(), pa.string())}),
    "Parquet beside lists": as_parquet(with_lists),
}


def read(folder: Path, source: str) -> Snapshot:
    (folder / "contracts").mkdir()
    where = f"  url: {source}\n  where: all\n" if "://" in source else f"  folder: ../extract\n{source}"
    (folder / "contracts" / "made-here.yaml").write_text(
        "contract: made-here\nname: x\nprogramme: whp\nnation: NIR\ndisclosure: {source: none, invented: true}\n"
        f"source:\n  known_to: 2020-12-31\n{where}"
    )
    return take_snapshot(load_extract(load_contract("made-here", folder)), "2020-12")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """Return the snapshot of plain CSV files, whose cells are as they stand above."""
    folder = tmp_path_factory.mktemp("plain")
    (folder / "extract").mkdir()
    snapshot = read(folder, as_csv()(folder / "extract"))
    started = snapshot.journeys.set_index("referral_id")["start"].dt.strftime("%Y-%m-%d").to_dict()
    assert started == {"00012": "2020-06-01", "00013": "2020-07-01", "00014": "2020-01-02"}
    return snapshot


def assert_same(snapshot: Snapshot, plain: Snapshot) -> None:
    assert snapshot.fingerprint == plain.fingerprint
    pd.testing.assert_frame_equal(snapshot.journeys, plain.journeys)
    found, expected = (one.account.of("events") for one in (snapshot, plain))
    assert (found.records, found.used, found.corrected, found.repeats) == (10, 9, 1, 1)
    assert (expected.records, expected.used) == (10, 9)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_file_gives_one_snapshot(form: str, tmp_path: Path, plain: Snapshot) -> None:
    (tmp_path / "extract").mkdir()
    assert_same(read(tmp_path, FORMS[form](tmp_path / "extract")), plain)


def test_sqlite_gives_the_same(tmp_path: Path, plain: Snapshot) -> None:
    assert_same(read(tmp_path, as_sqlite(tmp_path)), plain)


def test_postgresql_gives_the_same_from_timestamps_with_a_zone(
    postgres: Any, tmp_path: Path, plain: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    with postgres.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "create schema forms; set search_path to forms; create table participants (referral_id text, "
            "participant_id text, customer_group text, subcontractor text, age numeric(5, 2), sex char(3)); "
            "create table events (referral_id text, event text, event_date timestamptz, recorded_date timestamptz, "
            "ref text)"
        )
        for name, frame in {"participants": PEOPLE, "events": moments(EVENTS)}.items():
            marks = ", ".join(["%s"] * frame.shape[1])
            rows = [
                [None if pd.isna(cell) else cell for cell in row] for row in frame.astype(object).to_numpy().tolist()
            ]
            cursor.executemany(f"insert into {name} values ({marks})", rows)
    monkeypatch.setenv("PGPASSWORD", postgres.password)
    url = f"postgresql+psycopg://postgres@/postgres?host={postgres.folder}&options=-csearch_path%3Dforms"
    assert_same(read(tmp_path, url), plain)
