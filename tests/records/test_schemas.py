"""What a file may hold, and what is said about what it may not: rules 1 and 7 of design.md, and its "Sources"."""

import re
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from perflib import load_snapshot
from perflib.errors import DataError, ParameterError, PerfError
from perflib.records.identifiers import PERSON
from perflib.records.schemas import (
    NOT_RECORDED,
    ROW_NOT_USED,
    TABLES,
    parse,
    parse_codes,
    parse_dates,
    schema,
)
from perflib.records.snapshot import ONCE, REPEAT, UNKNOWN
from perflib.rules.contract import load_programme
from perflib.rules.programme import Programme

TWO = """
R-0001 referral 2018-01-02
R-0001 start 2018-01-09
R-0002 referral 2018-01-02
R-0002 start 2018-01-10
"""
IDENTIFIERS = ("R-0001", "R-0002", "person-of-R-0001", "person-of-R-0002")

Make = Callable[..., Any]


@pytest.fixture(scope="module")
def whp() -> Programme:
    return load_programme("whp")


def set_aside(made: Any, month: str = "2020-12") -> list[tuple]:
    """What was not used, without its reason: table, row, column, value, effect."""
    frame = made.snapshot(month).set_aside
    return list(frame.drop(columns="reason").itertuples(index=False, name=None))


# ----------------------------------------------------------------------------------------------------------- cells


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2020-12-31", "2020-12-31"),
        ("31/12/2020", "2020-12-31"),
        ("5/4/2020", "2020-04-05"),  # the 5th of April: the day comes first
        (" 31/12/2020 ", "2020-12-31"),
        ("2020-12-31 23:59:59", "2020-12-31"),
        ("2020-12-31T08:30", "2020-12-31"),
        ("29/02/2020", "2020-02-29"),
        ("05-Feb-2018", "2018-02-05"),
        ("05-FEB-2018", "2018-02-05"),
        ("5 February 2018", "2018-02-05"),
        ("30 Sept 2019", "2019-09-30"),
    ],
)
def test_dates_are_read_in_uk_and_iso_form(text: str, day: str) -> None:
    assert parse_dates(pd.Series([text])).tolist() == [pd.Timestamp(day)]


@pytest.mark.parametrize(
    "text",
    [
        *("30/02/2020", "2019-02-29", "12/31/2020", "2020-13-01"),
        *("31/12/20", "20-12-31", "31-12-2020", "20201231", "43831", "2020-12"),
        *("yesterday", "31/12/2020x", "", "0", "2020-12-31T8:30 pm"),
        *("31-Sep-2019", "05-Feb-18", "5 Fe 2018", "5 Febtober 2018", "Feb 5 2018", "5 Ju 2018", "5 mai 2018"),
    ],
)
def test_nothing_else_is_a_date(text: str) -> None:
    assert parse_dates(pd.Series([text])).isna().all()


def test_each_month_is_known_by_its_name_and_by_three_letters() -> None:
    days = pd.date_range("2018-01-31", periods=12, freq="ME")
    for form in ("%d-%b-%Y", "%d %B %Y"):
        assert parse_dates(pd.Series(days.strftime(form))).tolist() == days.tolist()


def test_every_cell_is_read_by_itself_whatever_stands_above_it() -> None:
    column = pd.Series(["2020-01-02", "02/01/2020", None, "soon", "2020-01-02"], index=[7, 8, 9, 10, 11])
    read = parse_dates(column)
    assert read.isna().tolist() == [False, False, True, True, False]
    assert read.dropna().unique().tolist() == [pd.Timestamp("2020-01-02")]
    assert read.index.tolist() == column.index.tolist()


FIRST, LAST, OUTSIDE = "1950-01-01", "2039-12-31", "not between 1950 and 2039"
"""The first and the last day that is taken for a date of a programme, and what is said of any other."""


@pytest.mark.parametrize(
    ("day", "taken"),
    [
        (pd.Timestamp(FIRST) - pd.Timedelta(days=1), False),
        (pd.Timestamp(FIRST), True),
        (pd.Timestamp(LAST), True),
        (pd.Timestamp(LAST) + pd.Timedelta(days=1), False),
    ],
)
@pytest.mark.parametrize("typed", [False, True], ids=["text", "dates"])
def test_a_date_counts_from_the_first_day_to_the_last(
    whp: Programme, day: pd.Timestamp, taken: bool, typed: bool
) -> None:
    raw = pd.DataFrame(
        {
            "referral_id": ["A"],
            "event": ["start"],
            "event_date": [f"{day:%Y-%m-%d}"],
            "recorded_date": [f"{day:%Y-%m-%d}"],
        },
        index=pd.RangeIndex(2, 3, name="row"),
    )
    if typed:
        raw = raw.astype(dict.fromkeys(("event_date", "recorded_date"), "datetime64[ms]"))
    table, faults = parse("events", raw, "a file", whp)
    assert table["event_date"].dropna().tolist() == ([day] if taken else [])
    assert set(faults["reason"]) == (set() if taken else {OUTSIDE})


def test_codes_are_trimmed_and_casefolded_and_identifiers_only_trimmed() -> None:
    cells = pd.Series([" Disability ", "EARLY_entry", "\tltu", "  ", None])
    assert parse_codes(cells, {"early_entry": "early_access"}).fillna("?").tolist() == [
        "disability",
        "early_access",
        "ltu",
        "?",
        "?",
    ]
    assert parse_codes(pd.Series([" SC-01 ", "sc-01"]), fold=False).tolist() == ["SC-01", "sc-01"]


def test_every_column_of_the_data_dictionary_is_described_and_has_a_schema(whp: Programme) -> None:
    for table, columns in TABLES.items():
        assert all(column.description.endswith(".") for column in columns.values()), table
        assert set(columns) <= set(schema(table, whp).columns)


# The stars and the names of design.md, "Records".
RECORDS = """
participants  referral_id*, participant_id*
events        referral_id*, event*, event_date*, recorded_date*, value, detail, ref, source, event_id, action
attributes    referral_id*, attribute*, value*, from_date*, recorded_date*
units         unit_id*, unit_type*, role, parent, from_date*, to_date
courses       course_id*, centre, planned_date, day1_date, cancelled_date, notified_date, recorded_date*
assessments   referral_id*, wave*, instrument*, item, value*, trigger_date, collected_date*, recorded_date*
consent       referral_id*, purpose*, given*, from_date*
"""


@pytest.mark.parametrize("line", RECORDS.strip().splitlines(), ids=lambda line: line.split()[0])
def test_the_tables_have_the_columns_of_the_design(line: str) -> None:
    table, _, columns = line.partition(" ")
    listed = {name.strip().rstrip("*"): name.endswith("*") for name in columns.split(",")}
    assert {name: column.required for name, column in TABLES[table].items()} == listed


# --------------------------------------------------------------------------------------------------- unusable cells


def test_an_unusable_cell_is_not_recorded_and_counted_and_the_referral_stays(made: Make) -> None:
    people = [
        {"age": "-3", "subcontractor": "SC01", "customer_group": "ltu"},
        {"age": "35", "subcontractor": " ", "customer_group": "LTU "},
        {"age": "35.5", "subcontractor": "SC01", "customer_group": "veterans"},
        {"age": "thirty", "subcontractor": "SC01", "customer_group": "early_entry"},
        {"age": "101", "subcontractor": "SC01", "customer_group": ""},
        {"age": "16", "subcontractor": "SC01", "customer_group": "Disability"},
        {"age": "100", "subcontractor": "SC01", "customer_group": "early_access"},
    ]
    people = [{"referral_id": f"R{i}", "participant_id": f"P{i}"} | person for i, person in enumerate(people)]
    it = made("\n".join(f"R{i} referral 2018-01-02" for i in range(len(people))), people)
    journeys = it.snapshot().journeys

    assert journeys["age"].fillna(0).tolist() == [0, 35, 0, 0, 0, 16, 100]
    assert journeys["subcontractor"].fillna("?").tolist() == ["SC01", "?"] + ["SC01"] * 5
    assert journeys["customer_group"].fillna("?").tolist() == [
        "ltu",
        "ltu",
        "?",
        "early_access",
        "?",
        "disability",
        "early_access",
    ]
    assert set_aside(it) == [
        ("participants", 2, "age", "-3", NOT_RECORDED),
        ("participants", 3, "subcontractor", "", NOT_RECORDED),
        ("participants", 4, "age", "35.5", NOT_RECORDED),
        ("participants", 4, "customer_group", "veterans", NOT_RECORDED),
        ("participants", 5, "age", "thirty", NOT_RECORDED),
        ("participants", 6, "age", "101", NOT_RECORDED),
        ("participants", 6, "customer_group", "", NOT_RECORDED),
    ]


def test_a_blank_that_means_something_is_not_a_fault(made: Make) -> None:
    people = [
        {"referral_id": "A", "participant_id": "P", "devolution_area": "GM"},
        {"referral_id": "B", "participant_id": "P", "devolution_area": ""},
    ]
    it = made("A referral 2018-01-02\nB referral 2018-01-02", people)
    assert it.snapshot().journeys["devolution_area"].tolist() == ["GM", "none"]
    assert set_aside(it) == []


def test_a_person_without_identifier_is_counted_and_the_referral_stays(made: Make) -> None:
    it = made("A referral 2018-01-02", [{"referral_id": "A", "participant_id": ""}])
    assert it.snapshot().journeys["referral_id"].tolist() == ["A"]
    assert set_aside(it) == [("participants", 2, "participant_id", "", NOT_RECORDED)]


def test_an_assessment_still_awaited_has_neither_day_nor_score_and_is_no_fault(made: Make) -> None:
    awaited = {"referral_id": "R-0001", "wave": "outset", "instrument": "who5", "value": "", "collected_date": ""}
    it = made(TWO, assessments=[awaited | {"recorded_date": "2018-01-09"}])
    assert len(it.snapshot().tables["assessments"]) == 1
    assert set_aside(it) == []


def test_a_column_the_extract_does_not_have_is_not_counted_cell_by_cell(made: Make) -> None:
    it = made(TWO)
    assert it.snapshot().journeys["age"].isna().all()
    assert set_aside(it) == []


def test_a_row_of_an_event_that_cannot_be_used_is_set_aside_with_what_is_wrong(made: Make) -> None:
    more = [
        ("", "exit", "2019-01-01", "2019-01-01", ""),
        ("R-0001", "teleported", "2019-01-01", "2019-01-01", ""),
        ("R-0001", "", "2019-01-01", "2019-01-01", ""),
        ("R-0001", "exit", "31/02/2019", "2019-03-01", ""),
        ("R-0001", "exit", "2019-01-02", "2019-01-01", ""),
        ("R-0001", "exit", "2019-01-01", "", ""),
        ("R-0001", "exit", "1919-01-01", "2019-01-01", ""),
        ("R-0001", "exit", "2019-01-01", "2019-01-01", "delete"),
        ("R-0003", "exit", "2019-01-01", "2019-01-01", ""),
        ("R-0001", "Exit ", "2019-01-01", "2019-01-01", ""),
    ]
    columns = ["referral_id", "event", "event_date", "recorded_date", "action"]
    it = made(TWO)
    events = pd.read_csv(it.folder / "events.csv", dtype=str).to_dict("records")
    it.write(events=[*events, *(dict(zip(columns, row, strict=True)) for row in more)])

    assert set_aside(it) == [
        ("events", 6, "referral_id", "", ROW_NOT_USED),
        ("events", 7, "event", "teleported", ROW_NOT_USED),
        ("events", 8, "event", "", ROW_NOT_USED),
        ("events", 9, "event_date", "31/02/2019", ROW_NOT_USED),
        ("events", 10, "event_date", "2019-01-02", ROW_NOT_USED),
        ("events", 11, "recorded_date", "", ROW_NOT_USED),
        ("events", 12, "event_date", "1919-01-01", ROW_NOT_USED),
        ("events", 13, "action", "delete", ROW_NOT_USED),
        ("events", 14, "referral_id", "", ROW_NOT_USED),
    ]
    assert it.snapshot().journeys["exit"].dropna().tolist() == [pd.Timestamp("2019-01-01")]


def test_a_recording_day_out_of_any_calendar_does_not_move_the_extracts_last_day(made: Make) -> None:
    it = made(TWO + "R-0001 exit 2019-01-01 2099-01-01\nR-0002 exit 2019-03-29 2019-03-31")
    contract = it.contract.model_copy(update={"source": it.contract.source.model_copy(update={"known_to": None})})
    assert str(load_snapshot(contract).month) == "2019-03"
    assert ("events", 6, "recorded_date", "2099-01-01", ROW_NOT_USED) in set_aside(it)


def test_an_unreadable_optional_cell_costs_the_cell_and_not_the_row(made: Make) -> None:
    course = {"course_id": "G1", "planned_date": "45/01/2018", "day1_date": "2018-02-01", "recorded_date": "2018-01-10"}
    it = made(TWO, courses=[course])
    courses = it.snapshot().tables["courses"]
    assert courses["day1_date"].tolist() == [pd.Timestamp("2018-02-01")]
    assert courses["planned_date"].isna().all()
    assert set_aside(it) == [("courses", 2, "planned_date", "45/01/2018", NOT_RECORDED)]


def test_repeats_and_unknown_referrals_are_counted_in_every_table(made: Make) -> None:
    it = made(
        TWO,
        attributes="""
        R-0001 customer_group ltu 2018-01-02
        R-0001 customer_group LTU 2018-01-02
        R-0003 customer_group ltu 2018-01-02
        R-0002 shoe_size      44  2018-01-02
        R-0002 customer_group xyz 2018-01-02
        R-0002 age            -3  2018-01-02
        """,
    )
    found = it.snapshot().set_aside
    assert list(found[found["reason"] == REPEAT][["table", "row", "effect"]].iloc[0]) == ["attributes", 3, ONCE]
    assert list(found[found["reason"] == UNKNOWN][["table", "row", "effect"]].iloc[0]) == [
        "attributes",
        4,
        ROW_NOT_USED,
    ]
    assert set_aside(it)[2:] == [
        ("attributes", 5, "attribute", "shoe_size", ROW_NOT_USED),
        ("attributes", 6, "value", "xyz", NOT_RECORDED),
        ("attributes", 7, "value", "-3", NOT_RECORDED),
    ]


def test_an_unknown_code_is_not_recorded_even_where_a_blank_means_something(whp: Programme) -> None:
    # No attribute of the programme has both a closed list and a meaning for a blank: make one.
    sex = whp.attributes["sex"].model_copy(update={"blank": "not_said"})
    programme = whp.model_copy(update={"attributes": {**whp.attributes, "sex": sex}})
    people = pd.DataFrame({"referral_id": list("ABC"), "participant_id": list("PQR"), "sex": ["f", None, "x"]})
    history = pd.DataFrame(
        {
            "referral_id": list("ABC"),
            "attribute": "sex",
            "value": ["f", None, "x"],
            "from_date": "2018-01-01",
            "recorded_date": "2018-01-01",
        }
    )
    for table, raw, column in (("participants", people, "sex"), ("attributes", history, "value")):
        frame, faults = parse(table, raw, "a file", programme)
        assert frame[column].astype("str").fillna("?").tolist() == ["f", "not_said", "?"], table
        assert faults[["row", "column", "value"]].to_numpy().tolist() == [[2, column, "x"]], table


# ------------------------------------------------------------------------------------- files that cannot be read


def with_text(made: Make, text: str, table: str = "events", encoding: str = "utf-8") -> Any:
    it = made(TWO)
    (it.folder / f"{table}.csv").write_bytes(text.encode(encoding))
    return it


EVENTS_CSV = "referral_id,event,event_date,recorded_date\nR-0001,referral,2018-01-02,2018-01-02\n"
PEOPLE_CSV = "referral_id,participant_id\nR-0001,person-of-R-0001\n"


BAD_FILES = {
    "a column is missing": (
        EVENTS_CSV.replace(",event_date", ",happened"),
        "events.csv: column 'event_date' is missing (it has: referral_id, event, happened, recorded_date). "
        "Add it, or correct its name in the header.",
    ),
    "it is empty": ("", "events.csv: the file is empty. It must hold a header and a row for each record."),
    "it holds blank lines alone": (
        "\n\n",
        "events.csv: the file is empty. It must hold a header and a row for each record.",
    ),
    "it holds a header alone": (
        EVENTS_CSV.splitlines()[0],
        "events.csv: holds a header and no rows. There is nothing to report yet.",
    ),
    "it has no header": (
        EVENTS_CSV.splitlines()[1],
        "events.csv: the first row must name the columns, separated by commas. "
        "Required are referral_id, event, event_date, recorded_date.",
    ),
    "a column stands twice": (
        EVENTS_CSV.replace("event_date", "event_date,Event ").replace("referral,", "referral,start,"),
        "events.csv: column 'event' stands twice. Keep one of them.",
    ),
    "the first row has a cell too many": (
        EVENTS_CSV.replace("R-0001,", "R-0001,,"),
        "events.csv: no row can be used: 1 of 1 is set aside (row 2: more cells than the header has).",
    ),
    "a quotation mark is left open": (
        EVENTS_CSV.replace("R-0001", '"R-0001') + "R-0002,referral,2018-01-02,2018-01-02\n",
        "events.csv: no row can be used: 2 of 2 are set aside "
        "(row 2: lines that a stray quotation mark joins into one).",
    ),
    "no date can be read": (
        EVENTS_CSV.replace("2018", "18"),
        "events.csv: no recorded_date can be read (row 2 has '18-01-02'). Write dates as 2020-12-31 or 31/12/2020.",
    ),
    "every row is shifted": (
        EVENTS_CSV.replace("2018-01-02\n", "R-0001\n"),
        "events.csv: no recorded_date can be read (row 2 has ''). Write dates as 2020-12-31 or 31/12/2020.",
    ),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_file_that_cannot_be_used_is_one_clear_line(case: str, made: Make) -> None:
    text, message = BAD_FILES[case]
    with pytest.raises(DataError) as error:
        with_text(made, text).extract()
    assert str(error.value) == message
    assert not any(name in str(error.value) for name in IDENTIFIERS)


@pytest.mark.parametrize("header", ["", "x,y\n"], ids=["no header", "a header of other columns"])
def test_a_participants_file_without_header_is_refused_and_not_repeated(header: str, made: Make) -> None:
    with pytest.raises(DataError, match=r"^participants.csv: the first row must name the columns") as error:
        with_text(made, header + PEOPLE_CSV.splitlines()[1], "participants").extract()
    assert not any(name in str(error.value) for name in IDENTIFIERS)


@pytest.mark.parametrize(
    ("written", "declared", "message"),
    [
        (
            "cp1252",
            "utf-8",
            r"^events.csv: is not utf-8 \(it holds the byte 0xe9\). Name its encoding in the contract file",
        ),
        ("utf-16", "utf-8", r"^events.csv: is not utf-8 \(it holds the byte 0xff\). Name its encoding"),
        ("utf-8", "utf-16", r"^participants.csv: cannot be read: UTF-16 stream does not start with BOM"),
        ("cp1252", "klingon", r"^participants.csv: cannot be read: unknown encoding: klingon"),
    ],
)
def test_a_wrong_encoding_is_one_clear_line(written: str, declared: str, message: str, made: Make) -> None:
    it = with_text(
        made, EVENTS_CSV.replace("\n", ",\n", 1) + "R-0001,Départ,2019-01-01,2019-01-01,\n", encoding=written
    )
    source = it.contract.source.model_copy(update={"encoding": declared})
    with pytest.raises(PerfError, match=message) as error:
        load_snapshot(it.contract.model_copy(update={"source": source}), "2018-01")
    assert "\n" not in str(error.value)


def test_a_declared_encoding_and_a_byte_order_mark_are_read(made: Make) -> None:
    it = with_text(made, "\ufeff" + EVENTS_CSV)
    assert it.snapshot().journeys["referral"].notna().tolist() == [True]
    it = with_text(made, EVENTS_CSV, encoding="utf-16")
    (it.folder / "participants.csv").write_text(PEOPLE_CSV, encoding="utf-16")
    source = it.contract.source.model_copy(update={"encoding": "utf-16"})
    assert len(load_snapshot(it.contract.model_copy(update={"source": source}), "2018-01").journeys) == 1


def test_a_required_table_that_is_not_there_is_named(made: Make) -> None:
    it = made(TWO)
    (it.folder / "events.csv").unlink()
    with pytest.raises(DataError, match=r"events.csv \(or .parquet, .xlsx\) is missing. The table 'events' is"):
        it.extract()


def test_a_table_that_is_there_twice_is_refused(made: Make) -> None:
    it = made(TWO)
    pd.read_csv(it.folder / "events.csv").to_parquet(it.folder / "events.parquet")
    with pytest.raises(DataError, match=r"events stands there as events.csv and events.parquet. Keep one.$"):
        it.extract()


def test_a_folder_that_is_not_there_is_named_with_where_it_was_looked_for(contract_of: Callable) -> None:
    contract = contract_of("nowhere")
    with pytest.raises(DataError, match=r"made-here.yaml: source: 'nowhere' is no folder \(looked for .*nowhere\)"):
        load_snapshot(contract)


def test_a_folder_is_named_as_the_contract_gives_it_without_those_above(contract_of: Callable) -> None:
    """The index repeats the error, and is read on other machines."""
    contract = contract_of("nowhere").model_copy(update={"path": Path("params/made.yaml")})
    with pytest.raises(DataError, match=r"^params/made.yaml: .* \(looked for params/nowhere\)"):
        load_snapshot(contract)


def test_header_names_are_trimmed_and_casefolded_and_further_columns_are_listed(made: Make) -> None:
    text = EVENTS_CSV.replace("event_date", " Event_Date ").replace("recorded_date", "recorded_date,Notes")
    it = with_text(made, text.replace("02\n", "02,hello\n"))
    assert it.snapshot().journeys["referral"].notna().tolist() == [True]
    assert it.extract().unused == {"participants": [], "events": ["Notes"]}


def test_row_numbers_are_those_that_a_spreadsheet_shows(made: Make) -> None:
    it = with_text(made, EVENTS_CSV + "\n,,,\nR-0001,teleported,2019-01-01,2019-01-01\n")
    assert set_aside(it) == [("events", 5, "event", "teleported", ROW_NOT_USED)]


@pytest.mark.parametrize("table", ["attributes", "units", "courses", "assessments", "consent"])
def test_an_optional_table_may_be_empty_but_for_its_header(table: str, made: Make) -> None:
    it = with_text(made, ",".join(TABLES[table]) + "\n", table)
    snapshot = it.snapshot()
    assert len(snapshot.tables[table]) == 0
    assert len(snapshot.journeys) == 2
    assert set_aside(it) == []


def test_parquet_with_types_and_csv_give_the_same_snapshot(made: Make) -> None:
    people = [{"referral_id": "1", "participant_id": "7", "age": "35"}, {"referral_id": "2", "participant_id": "8"}]
    text = "1 referral 2018-01-02\n1 exit 2018-05-01 2018-05-03 source=HMRC\n2 referral 2018-02-02"
    csv, parquet = made(text, people), made(text, people)
    for name in ("participants", "events"):
        path = parquet.folder / f"{name}.csv"
        frame = pd.read_csv(path)  # numbers as numbers
        for column in frame.columns.intersection(["event_date", "recorded_date"]):
            frame[column] = pd.to_datetime(frame[column])
        frame.to_parquet(path.with_suffix(".parquet"))
        path.unlink()
    assert parquet.snapshot().equals(csv.snapshot())
    assert parquet.snapshot().fingerprint == csv.snapshot().fingerprint


# ------------------------------------------------------------------------------------------------ months and days


@pytest.mark.parametrize(
    ("month", "known_at", "kind", "message"),
    [
        ("2017-12", None, DataError, r"^events.csv: no referral was recorded by 2017-12-31. Choose a later month, or "),
        ("2017-12", "2018-06-30", ParameterError, r"^month 2017-12: is before the contract's first month, 2018-01\. "),
        (
            "2021-01",
            None,
            ParameterError,
            r"^month 2021-01: is after the extract, which holds what was recorded to 2020",
        ),
        ("2020-6", None, ParameterError, r"^month '2020-6': write it as YYYY-MM"),
        ("June 2020", None, ParameterError, r"^month 'June 2020': write it as YYYY-MM"),
        ("2020-06", "30/06/2020", ParameterError, r"^known_at '30/06/2020': is no date. Write it as 2020-06-30.$"),
        ("2020-06", "2020-05-31", ParameterError, r"^known_at 2020-05-31: is before 2020-06 began, "),
    ],
)
def test_a_month_that_cannot_be_reported_is_one_clear_line(
    month: str, known_at: str | None, kind: type[PerfError], message: str, made: Make
) -> None:
    with pytest.raises(kind, match=message) as error:
        made(TWO).snapshot(month, known_at)
    assert "\n" not in str(error.value)


def test_a_month_before_a_stated_first_day_is_refused(made: Make) -> None:
    it = made(TWO, keys="first_day: 2018-01-15\n")
    with pytest.raises(ParameterError, match=r"^month 2017-12: is before the contract's first month, 2018-01"):
        it.snapshot("2017-12")
    assert it.snapshot("2018-01").first_day.isoformat() == "2018-01-15"


def test_an_unknown_contract_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"^contract 'whp-sampel': .* did you mean 'whp-sample'\?$"):
        load_snapshot("whp-sampel", params=tmp_path)


def test_one_participant_and_no_outcome_is_a_snapshot_not_an_error(made: Make) -> None:
    snapshot = made("R-0001 referral 2018-01-02").snapshot("2018-01")
    assert len(snapshot.journeys) == 1
    assert snapshot.journeys["start"].isna().all()


# ----------------------------------------------------------------------------------------------------- identifiers


CELLS = ["R-0001", " R-0002", "person-of-R-0001", "exit R-0001", "teleported"]


def test_nothing_that_is_set_aside_holds_an_identifier_wherever_it_stands(made: Make) -> None:
    columns = ["event", "event_date", "recorded_date", "action"]
    shifted = [dict(zip(columns, cells, strict=True)) for cells in product(CELLS, repeat=4)]
    people = [
        {"referral_id": "R-0001", "participant_id": "person-of-R-0001", "age": "R-0001", "sex": "person-of-R-0001"},
        {"referral_id": "R-0002", "participant_id": "person-of-R-0002", "age": "30", "sex": "R-0002"},
    ]
    it = made(TWO, people)
    events = pd.read_csv(it.folder / "events.csv", dtype=str).to_dict("records")
    it.write(events=[*events, *({"referral_id": "R-0001"} | row for row in shifted)])
    found = it.snapshot().set_aside
    assert len(found) > len(shifted)
    assert not found["value"].str.contains("|".join(map(re.escape, IDENTIFIERS))).any()
    assert (found["value"] == "teleported").any()  # what is no identifier is still shown


def test_an_identifier_in_a_column_of_free_text_is_not_recorded_and_counted(made: Make) -> None:
    people = [
        {"devolution_area": "R-0002", "subcontractor": "SC01", "centre": "see r-0001, please"},
        {"devolution_area": "", "subcontractor": " person-of-R-0001", "centre": "12"},
    ]
    names = [{"referral_id": f"R-000{i}", "participant_id": f"person-of-R-000{i}"} for i in (1, 2)]
    it = made(
        TWO + "R-0001 exit 2019-01-01 2019-01-01 detail=R-0002",
        [name | person for name, person in zip(names, people, strict=True)],
        "R-0001 subcontractor R-0001 2018-01-02\nR-0002 customer_group ltu 2018-01-02",
        units=[
            {"unit_id": unit, "unit_type": "subcontractor", "from_date": "2018-01-01"} for unit in ("SC01", "R-0002")
        ],
    )
    snapshot = it.snapshot()

    assert snapshot.journeys["devolution_area"].fillna("?").tolist() == ["?", "none"]
    assert snapshot.journeys["subcontractor"].isna().all()
    assert snapshot.journeys["centre"].fillna("?").tolist() == ["?", "12"]
    assert snapshot.journeys["exit"].notna().tolist() == [True, False]  # the event stays
    assert snapshot.events["detail"].isna().all()
    assert snapshot.tables["units"]["unit_id"].tolist() == ["SC01"]
    found = snapshot.set_aside
    assert set(found["reason"]) == {PERSON}
    assert found.drop(columns="reason").to_numpy().tolist() == [
        ["attributes", 2, "value", "", NOT_RECORDED],
        ["events", 6, "detail", "", NOT_RECORDED],
        ["participants", 2, "centre", "", NOT_RECORDED],
        ["participants", 2, "devolution_area", "", NOT_RECORDED],
        ["participants", 3, "subcontractor", "", NOT_RECORDED],
        ["units", 3, "unit_id", "", ROW_NOT_USED],
    ]


def test_numbered_centres_stay_where_referrals_are_numbered_too(made: Make) -> None:
    people = [{"referral_id": "12", "participant_id": "7", "centre": "7", "caseworker": "123456"}]
    people += [{"referral_id": "123456", "participant_id": "8", "centre": "12", "caseworker": "Kim"}]
    journeys = made("12 referral 2018-01-02\n123456 referral 2018-01-02", people).snapshot().journeys
    assert journeys["centre"].tolist() == ["7", "12"]
    assert journeys["caseworker"].fillna("?").tolist() == ["?", "Kim"]  # six digits are somebody


@pytest.mark.parametrize("table", ["participants", "events"])
def test_a_header_row_that_holds_an_identifier_is_never_repeated(table: str, made: Make) -> None:
    lines = {"participants": PEOPLE_CSV, "events": EVENTS_CSV}[table].splitlines()
    with pytest.raises(DataError) as error:
        with_text(made, "\n".join(lines[1:] * 2), table).extract()
    assert not any(name in str(error.value) for name in IDENTIFIERS)


def test_an_absent_column_is_not_recorded_even_where_a_blank_means_something(made: Make) -> None:
    it = made(TWO)
    assert it.snapshot().journeys["devolution_area"].isna().all()  # a blank cell of it would mean "none"
    assert set_aside(it) == []


def test_text_as_categories_and_dates_as_dates_are_read_as_text_is(whp: Programme) -> None:
    text = pd.DataFrame(
        {
            "referral_id": [" A", "B ", None, "A"],
            "event": ["Start", "start ", "teleported", None],
            "event_date": ["2019-01-02", None, "2019-01-03", "1919-01-01"],
            "recorded_date": ["2019-01-01", "2019-01-02", "2019-01-03", "2019-01-03"],
        },
        index=pd.RangeIndex(2, 6, name="row"),
    )
    typed = text.astype({"referral_id": "category", "event": "category"})
    typed = typed.astype(dict.fromkeys(("event_date", "recorded_date"), "datetime64[ms]"))
    (one, faults), (other, others) = (parse("events", raw, "a file", whp) for raw in (text, typed))
    pd.testing.assert_frame_equal(one, other)
    pd.testing.assert_frame_equal(faults.drop(columns="value"), others.drop(columns="value"))
    assert list(zip(faults["row"], faults["column"], faults["reason"], strict=True)) == [
        (2, "event_date", "dated after it was recorded"),
        (3, "event_date", "blank"),
        (4, "event", "not an event of the programme"),
        (4, "referral_id", "blank"),
        (5, "event", "blank"),
        (5, "event_date", OUTSIDE),
    ]
