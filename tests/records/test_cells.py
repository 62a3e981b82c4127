"""What a cell means, the same for every source; each expectation is stated by hand."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from perflib.errors import DataError
from perflib.records.cells import MISSING_WORDS, Reading, cut_short, form_of, read_dates
from perflib.records.snapshot import load_extract, take_snapshot
from perflib.records.source_reader import read_source
from perflib.rules.contract import load_contract

Made = Callable[..., Any]

DAYS = {
    "2020-12-31": "2020-12-31",
    "2020-12-31T24:00:00": "2021-01-01",  # ISO 8601: the end of the day is the beginning of the next
    "2020-12-31 24:00": "2021-01-01",
    "2020-12-31T24:00:00Z": "2021-01-01",
    "2020-06-30T23:30:00Z": "2020-07-01",  # summer time
    "2020-12-30T23:30:00Z": "2020-12-30",  # winter time
    "2020-06-30 23:30:00+00": "2020-07-01",
    "2020-06-30T23:30:00+0100": "2020-06-30",
    "2020-07-01T00:30:00+02:00": "2020-06-30",
    "2020-03-29T00:59:59Z": "2020-03-29",
    "2020-01-01 05:30 UTC": "2020-01-01",
    "02/01/2020 00:00": "2020-01-02",
    "2/1/2020 23:59:59": "2020-01-02",
    "02/01/2020 24:00": "2020-01-03",
    "02/01/2020 11:30 PM": "2020-01-02",
    "5 Feb 2018 09:00": "2018-02-05",
    "1950-01-01": "1950-01-01",
}

NO_DAYS = {
    "2020-12-31T24:30:00": "not a date",
    "2020-12-31T25:00": "not a date",
    "2020-12-31T10:61": "not a date",
    "31/02/2020 10:00": "not a date",
    "12/31/2020": "a date only with the month first",
    "12/31/2020 09:30": "a date only with the month first",
    "43101": "a day number of Excel, not a date",
    "43101.5": "a day number of Excel, not a date",
    "31/12/20": "a year of two figures",
    "7": "not a date",
    "20200101": "not a date",
}


@pytest.mark.parametrize("text", DAYS)
def test_a_cell_is_a_day(text: str) -> None:
    days, reasons = read_dates(pd.Series([text]))
    assert (days.dt.strftime("%Y-%m-%d").tolist(), reasons) == ([DAYS[text]], {})


@pytest.mark.parametrize("text", NO_DAYS)
def test_a_cell_that_is_no_day_says_what_it_is(text: str) -> None:
    days, reasons = read_dates(pd.Series(["2020-01-01", text]))
    assert days.isna().tolist() == [False, True]
    assert reasons == {1: NO_DAYS[text]}


@pytest.mark.parametrize(
    ("form", "text", "day"),
    [
        ("month_first", "03/04/2020", "2020-03-04"),
        ("month_first", "12/31/2020 09:30", "2020-12-31"),
        ("month_first", "2020-04-03", "2020-04-03"),
        ("day_first", "03/04/2020", "2020-04-03"),
        ("excel_serial", "43101", "2018-01-01"),  # Microsoft: DATEVALUE("1/1/2018")
        ("excel_serial", "43101.75", "2018-01-01"),
        ("excel_serial", "2018-01-01", "2018-01-01"),
        ("excel_serial_1904", "41639", "2018-01-01"),  # 1,462 days less
    ],
)
def test_dates_in_figures_are_read_as_the_contract_says(form: Any, text: str, day: str) -> None:
    assert read_dates(pd.Series([text]), form)[0].tolist() == [pd.Timestamp(day)]


def test_between_day_numbers_a_date_with_slashes_is_never_guessed() -> None:
    assert read_dates(pd.Series(["03/04/2020"]), "excel_serial")[1] == {0: "not a date"}


def test_instants_with_a_zone_are_the_day_in_the_nation() -> None:
    instants = pd.Series(pd.to_datetime(["2020-05-31T23:00", "2020-12-31T23:00"], utc=True))
    assert read_dates(instants)[0].tolist() == [pd.Timestamp("2020-06-01"), pd.Timestamp("2020-12-31")]


@pytest.mark.parametrize(
    "word",
    ["NULL", "null", " Null ", "\\N", "NaN", "None", "N/A", "n/a", "#N/A", "#REF!", "#DIV/0!", "-", "\u2013", ""],
)
def test_words_that_stand_for_a_blank_are_blank(word: str) -> None:
    assert (
        Reading().blank(pd.Series([word, "NULLABLE", "A-1", "Nan's", "none of these"])).tolist() == [True] + [False] * 4
    )


def test_the_contract_adds_words_and_takes_them_away() -> None:
    reading = Reading(missing=MISSING_WORDS.union(["unknown"]).difference(["-"]))
    assert reading.blank(pd.Series(["Unknown", "-", "NULL"])).tolist() == [True, False, True]


def test_a_word_that_is_a_code_of_the_column_is_that_code() -> None:
    assert Reading().blank(pd.Series(["None", "N/A"]), "priority_group", {"none"}).tolist() == [False, True]


@pytest.mark.parametrize(
    ("cell", "is_cut"),
    [("1.23457E+15", True), ("1,2E15", True), ("1E+15", True), ("12E4", False), ("5E10", False), ("R1.2E3", False)],
)
def test_a_number_that_a_spreadsheet_cut_short_is_no_identifier(cell: str, is_cut: bool) -> None:
    assert (len(cut_short(pd.Series(["A", cell]))) == 1) is is_cut


def test_a_form_says_nothing_of_what_stands_there() -> None:
    assert form_of(["00012", "00013"]) == "five digits"
    assert form_of(["r-1", "r-2", "12"]) == "one small letter, one hyphen, one digit (most)"


# ------------------------------------------------------------------------------------------------- in whole extracts

PEOPLE = [{"referral_id": f"R{number}", "participant_id": f"P{number}"} for number in (1, 2)]
EVENTS = "R1 referral 2020-01-02\nR1 start 2020-01-11\nR2 referral 2020-01-03\n"


def aside(snapshot: Any) -> list[tuple[Any, ...]]:
    return list(snapshot.set_aside[["table", "row", "column", "value", "reason"]].itertuples(index=False, name=None))


def test_null_as_ref_is_no_ref(made: Made) -> None:
    text = EVENTS + "R1 job_start 2020-02-03 2020-02-04 ref=NULL\nR1 job_start 2020-03-09 ref=\\N\n"
    snapshot = made(text, PEOPLE).snapshot()
    assert snapshot.events["ref"].isna().all()
    assert snapshot.journeys["job_start"].tolist()[0] == pd.Timestamp("2020-02-03")
    assert (snapshot.events["event"] == "job_start").sum() == 2


@pytest.mark.parametrize("word", ["-", "N/A", "#N/A", "NULL"])
def test_a_word_for_a_blank_is_no_subcontractor_and_no_area(word: str, made: Made) -> None:
    people = [one | {"subcontractor": word, "devolution_area": word} for one in PEOPLE]
    snapshot = made(EVENTS, people).snapshot()
    assert snapshot.journeys["subcontractor"].isna().all()
    assert snapshot.journeys["devolution_area"].tolist() == ["none", "none"]  # as the programme says of a blank
    assert [row[-1] for row in aside(snapshot)] == ["blank", "blank"]


def test_the_contract_takes_a_word_back(made: Made) -> None:
    people = [one | {"subcontractor": "N/A"} for one in PEOPLE]
    it = made(EVENTS, people)
    source = type(it.contract.source).model_validate(
        {"folder": "extract", "known_to": date(2020, 12, 31), "missing": {"remove": ["N/A"], "add": ["P1"]}}
    )
    contract = it.contract.model_copy(update={"source": source})
    snapshot = type(it)(contract).snapshot()
    assert snapshot.journeys["subcontractor"].tolist() == ["N/A", "N/A"]
    assert snapshot.journeys["participant_id"].tolist() == ["P1", "P2"]  # listed, so an identifier


def test_an_identifier_that_is_such_a_word_stands_where_it_is_listed(made: Made) -> None:
    people = [*PEOPLE, {"referral_id": "NaN", "participant_id": "P3"}]
    text = EVENTS + "NaN referral 2020-01-03\nnull referral 2020-01-03\n"
    snapshot = made(text, people).snapshot()
    assert "NaN" in snapshot.journeys["referral_id"].tolist()
    assert aside(snapshot) == [("events", 6, "referral_id", "", "blank")]


def test_cut_person_ids_are_nobodys_and_told(made: Made) -> None:
    people = [one | {"participant_id": "1.23457E+15"} for one in PEOPLE]
    snapshot = made(EVENTS, people).snapshot()
    assert snapshot.journeys["participant_id"].isna().all()
    assert {row[-1] for row in aside(snapshot)} == {"a number that a spreadsheet cut short"}


@pytest.mark.parametrize(
    ("dates", "started"),
    [
        ("day_first", "2020-02-01"),
        ("month_first", "2020-01-02"),
        ("{events.event_date: month_first, events.recorded_date: day_first}", "2020-01-02"),
        ("{events: month_first}", "2020-01-02"),
        ("{default: month_first, events: day_first}", "2020-02-01"),
    ],
)
def test_dates_are_read_by_table_and_column(dates: str, started: str, tmp_path: Path) -> None:
    contract = written(
        tmp_path,
        f", dates: {dates}",
        "R1,referral,01/01/2020,01/01/2020\nR1,start,01/02/2020,03/03/2020\n",
    )
    snapshot = take_snapshot(load_extract(contract), "2020-12")
    assert snapshot.journeys["start"].tolist() == [pd.Timestamp(started)]


def test_a_table_or_column_that_is_none_is_refused_under_dates(tmp_path: Path) -> None:
    contract = written(tmp_path, ", dates: {events.recorded: month_first}", "R1,referral,01/01/2020,01/01/2020\n")
    with pytest.raises(DataError, match=r"source\.dates\.events\.recorded: .* did you mean 'events\.recorded_date'\?"):
        read_source(contract)


def written(folder: Path, source: str, events: str) -> Any:
    (folder / "contracts").mkdir()
    (folder / "extract").mkdir()
    (folder / "extract" / "participants.csv").write_text("referral_id,participant_id\nR1,P1\n")
    (folder / "extract" / "events.csv").write_text(f"referral_id,event,event_date,recorded_date\n{events}")
    (folder / "contracts" / "made-here.yaml").write_text(
        "contract: made-here\nname: x\nprogramme: whp\nnation: ENG\ndisclosure: {source: none, invented: true}\n"
        f"source: {{folder: ../extract, known_to: 2020-12-31{source}}}\n"
    )
    return load_contract("made-here", folder)
