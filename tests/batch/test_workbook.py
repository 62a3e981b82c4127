"""The spreadsheet: numbers as numbers, marks as text, the same bytes each time."""

import json
import zipfile
from datetime import date

import openpyxl
import pandas as pd
import pytest

from perflib.batch.workbook import write_workbook
from perflib.disclosure.presenter import Figure, Presenter, Table, count, number, percent, text
from perflib.disclosure.rules import Disclosure
from perflib.disclosure.sentences import sentence

show = Presenter(Disclosure("external", suppress_below=10))
COLUMNS = {
    "group": text("Group"),
    "starts": count("Starts"),
    "rate": percent("Rate", "outcomes", "starts", missing="too young"),
    "days": number("Wait (days)"),
}


def tables():
    frame = pd.DataFrame(
        {
            "group": ["A", "B", "=1+1"],
            "starts": [1234, 4, 40],
            "outcomes": [617, 0, None],
            "days": [9.25, 3.0, 4.0],
        }
    )
    table = Table(frame, "Starts by group", COLUMNS, note="Starts are not people.")
    figure = Figure(table, lambda *_: None, "Group A leads", "A bar.")
    return [show(sentence("One.")).data, show(table).data, show(figure).data]


@pytest.fixture
def book(tmp_path):
    path = tmp_path / "tables.xlsx"
    write_workbook(path, tables(), title="Cohort trends", about=["Contract: North"], created=date(2020, 7, 10))
    return openpyxl.load_workbook(path)


def cells(sheet):
    return [row for row in sheet.iter_rows(values_only=True) if any(value is not None for value in row)]


def test_there_is_a_cover_contents_notes_and_a_sheet_for_each_table_and_figure(book):
    assert book.sheetnames == ["Cover", "Contents", "Notes", "Table 1", "Table 2"]
    assert book["Cover"]["A1"].value == "Cohort trends"
    assert book["Table 1"]["A1"].value.startswith("Table 1: Starts by group")
    assert [row[0] for row in cells(book["Contents"])][-2:] == ["Table 1", "Table 2"]


def test_shown_values_are_numbers_and_hidden_and_missing_ones_are_words(book):
    assert cells(book["Table 1"])[2:] == [
        ("Group", "Starts", "Rate", "Wait (days)"),
        ("A", 1234, 0.5, 9.2),
        ("B", "[c]", "[c]", 3),
        ("=1+1", 40, "too young", 4),
    ]


def test_numbers_are_formatted_as_on_the_page(book):
    row = next(row for row in book["Table 1"].iter_rows() if row[0].value == "A")
    assert [cell.number_format for cell in row[1:]] == ["#,##0", "0.0%", "#,##0.0"]
    assert [cell.alignment.horizontal for cell in row] == ["left", "right", "right", "right"]


def test_text_is_never_taken_for_a_formula(book):
    assert {cell.data_type for sheet in book for row in sheet.iter_rows() for cell in row} <= {"s", "n"}


def test_each_note_is_given_once(book):
    notes = [row[1] for row in cells(book["Notes"])[3:]]
    assert notes[0] == "Starts are not people."
    assert notes[1].startswith("[c]: not shown")
    assert len(notes) == 2


def test_the_same_tables_give_the_same_bytes(tmp_path):
    made = tables()
    for name in "ab":
        write_workbook(tmp_path / name, made, title="Cohort trends", created=date(2020, 7, 10))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    properties = zipfile.ZipFile(tmp_path / "a").read("docProps/core.xml").decode()
    assert "2020-07-10T00:00:00Z" in properties


def test_cells_that_the_spreadsheet_would_refuse_are_given_words(tmp_path):
    frame = pd.DataFrame({"group": ["A", "-", " "], "starts": [20, 30, 40]})
    data = show(Table(frame, "Starts", {"group": text("Group"), "starts": count("Starts")})).data
    write_workbook(tmp_path / "t.xlsx", [data], title="x")
    rows = cells(openpyxl.load_workbook(tmp_path / "t.xlsx")["Table 1"])
    assert [row[0] for row in rows[-3:]] == ["A", "not recorded (-)", "not recorded"]


HOSTILE = [
    "[Acme](north)",
    "[Acme](http://acme.example)",
    "http://acme.example",
    "$$note1$$",
    "$_{$",
    "<b>x</b>",
    "=1+1",
]


def test_text_of_an_extract_is_text(tmp_path):
    """Names of units in cells, headers, captions and notes: none becomes a link, a formula or a reference."""
    frame = pd.DataFrame({"unit": HOSTILE, "starts": range(20, 27)})
    columns = {"unit": text("Unit"), "starts": count("Starts of [Acme](north)")}
    data = [show.table(Table(frame, f"Starts of {name}", columns, note=f"Of {name}.")).data for name in HOSTILE]
    write_workbook(tmp_path / "t.xlsx", data, title="[Acme](north)", about=["$$note1$$ http://acme.example"])
    book = openpyxl.load_workbook(tmp_path / "t.xlsx")
    assert [row[0] for row in cells(book["Table 1"])[-7:]] == [
        "[Acme](north)",
        "[Acme](http://acme.example)",
        "http://acme.example",
        "$ $note1$ $",
        "not recorded ($_{$)",  # nothing but signs: the guidance for spreadsheets refuses it alone
        "<b>x</b>",
        "=1+1",
    ]
    assert cells(book["Table 1"])[-8][1] == "Starts of [Acme](north)"
    assert book["Table 1"]["A1"].value.startswith("Table 1: Starts of [Acme](north)")
    links = [cell.hyperlink for sheet in book for row in sheet.iter_rows() for cell in row if cell.hyperlink]
    assert all(link.target is None for link in links)  # those of the contents lead to sheets
    assert {cell.data_type for sheet in book for row in sheet.iter_rows() for cell in row} <= {"s", "n"}


def test_columns_stand_in_the_order_of_the_page_though_a_notebook_file_sorts_them(tmp_path):
    data = json.loads(json.dumps(tables()[1], sort_keys=True))
    write_workbook(tmp_path / "t.xlsx", [data], title="x")
    assert cells(openpyxl.load_workbook(tmp_path / "t.xlsx")["Table 1"])[2] == (
        "Group",
        "Starts",
        "Rate",
        "Wait (days)",
    )


def test_a_report_without_tables_has_a_cover_alone(tmp_path):
    write_workbook(tmp_path / "t.xlsx", [], title="Nothing yet")
    assert openpyxl.load_workbook(tmp_path / "t.xlsx").sheetnames == ["Cover"]
