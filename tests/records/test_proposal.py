"""What `perflib new --from` makes of extracts that nobody has described."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl  # type: ignore[import-untyped]
import pytest

from perflib.analysis import measures
from perflib.errors import DataError
from perflib.records.loading import load_snapshot
from perflib.records.proposal import propose
from perflib.records.proposal.names import alike, words
from perflib.rules.contract import load_contract, load_programme

CENTRAL = Path(__file__).parents[1] / "answers" / "whp-central-part"
"""The journeys of a provider's workbook that were referred in its first half year, in the two sheets it has: a row a
referral, and jobs. The last of what is in it was recorded on 9 July 2020.
"""


def source(folder: Path, *programmes: str) -> str:
    return propose(folder, [load_programme(name) for name in programmes or ("whp",)], "here").source


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


# -------------------------------------------------------------------------------------------------------------- central


@pytest.fixture
def central(place: Any, perflib: Callable[..., Any]) -> Any:
    """Return a place whose contract was written by looking at the extract, and was not edited."""
    place.params.mkdir()
    said = perflib("new", "whp-central", "--programme", "whp", "--from", CENTRAL)
    assert said.status == 0, said.err
    return place


def in_the_workbook(sheet: str) -> list[dict[str, Any]]:
    """Read a sheet with openpyxl alone."""
    header, *rows = openpyxl.load_workbook(CENTRAL / "referrals.xlsx")[sheet].iter_rows(values_only=True)
    return [dict(zip(header, row, strict=True)) for row in rows]


def day(cell: str) -> date:
    return date(*reversed([int(part) for part in cell.split("/")]))


def test_a_crm_workbook_read_as_proposed_counts_what_it_holds(central: Any) -> None:
    """Starts by month, outcomes and job starts: counted here in the cells of the workbook, without perflib."""
    snapshot = load_snapshot("whp-central", "2020-06", "2020-07-31", central.params)
    rows = in_the_workbook("Referrals")
    end = date(2020, 6, 30)
    starts = [row["Start Date"] and day(row["Start Date"]) for row in rows]
    by_month = Counter(f"{start:%Y-%m}" for start in starts if start and start <= end)
    assert snapshot.journeys["start"].dropna().dt.strftime("%Y-%m").value_counts().to_dict() == by_month
    jobs = [row for row in in_the_workbook("Jobs") if row["Type"] == "job_start" and day(row["Date"]) <= end]
    assert (snapshot.events["event"] == "job_start").sum() == len(jobs)
    reached = 0
    for row, start in zip(rows, starts, strict=True):  # no claims are in the extract: both routes count as they stand
        dates = [day(row[name]) for name in ("Job Outcome Date", "SE Outcome Date") if row[name]]
        reached += any(start and when <= end and (when - start).days <= 639 for when in dates)
    assert len(measures.occurrences(snapshot, "outcome")) == reached > 10
    groups = Counter(row["Eligibility Group"].casefold().replace(" ", "_") for row in rows)
    assert snapshot.journeys["customer_group"].value_counts().to_dict() == groups
    assert len(snapshot.set_aside) == 0


def test_what_a_crm_workbook_does_not_say_is_written_beside_the_guess(central: Any) -> None:
    path = central.params / "contracts" / "whp-central.yaml"
    text = path.read_text(encoding="utf-8")
    assert "referral: {date: Referral Date, recorded: event_date}  # " in text
    assert "start: {date: Start Date, recorded: Start Recorded}  # " in text
    assert "history: overwritten  # ? assumed" in text
    assert "early access: early_access  # " in text
    assert load_contract("whp-central", central.params).history == "overwritten"


# ---------------------------------------------------------------------------------------------------------- other forms

PEOPLE = "referral_id,participant_id,customer_group\n" + "".join(f"R{i},P{i},ltu\n" for i in range(9))
EVENTS = "referral_id,event,event_date,recorded_date\n" + "".join(
    f"R{i},referral,0{i + 1}/01/2019,2019-02-01\n" for i in range(9)
)


def test_an_extract_in_our_own_columns_needs_no_mapping(tmp_path: Path) -> None:
    lines = source(write(tmp_path, participants=PEOPLE, events=EVENTS)).splitlines()
    assert lines[:2] == ["source:", "  folder: here"]
    assert all(line.lstrip().startswith("#") for line in lines[2:])


def test_part_files_by_month_are_one_pattern(tmp_path: Path) -> None:
    half = EVENTS.replace("event_date", "Date").replace("event", "Type").replace("recorded_date", "Keyed")
    (tmp_path / "feed").mkdir()
    for month in ("2019-01", "2019-02"):
        (tmp_path / "feed" / f"events_{month}.csv").write_text(half, encoding="utf-8")
    text = source(write(tmp_path / "feed", participants=PEOPLE))
    assert "- file: events_*.csv  # 18 rows" in text
    assert [line.split("  #")[0].strip() for line in text.splitlines() if ": Type" in line or ": Keyed" in line] == [
        "event: Type",
        "recorded_date: Keyed",
    ]


def test_an_encoding_other_than_utf_8_and_months_first_are_seen(tmp_path: Path) -> None:
    write(tmp_path, participants=PEOPLE)
    events = EVENTS.replace("referral_id,event", "Réf,Type")
    for i in range(9):
        events = events.replace(f"0{i + 1}/01/2019", f"01/{i + 14}/2019")
    (tmp_path / "log.csv").write_text(events, encoding="cp1252")
    text = source(tmp_path)
    assert "  encoding: cp1252  # " in text
    assert "  dates: month_first  # " in text


def test_what_cannot_be_guessed_is_asked(tmp_path: Path) -> None:
    log = "PRaP Ref,Type,Date,Seen by\n" + "".join(
        f"R{i},{'zebra' if i % 2 else 'Referred'},01/0{i + 1}/2019,X\n" for i in range(9)
    )
    log += "R1,zebra,03/01/2019,X\n"
    people = "PRaP Ref,Group\n" + "".join(f"R{i},ltu\n" for i in range(9))
    proposal = propose(write(tmp_path, log=log, people=people, other="a,b\n1,2\n"), [load_programme("whp")], "here")
    assert "participant_id: which column?" in proposal.questions
    assert "event: what do these mean: zebra?" in proposal.questions
    assert "other.csv (1 row) is not read. Its columns: a, b" in proposal.questions
    assert "recorded_date: event_date  # no recorded column" in proposal.source
    assert all(f"# ? {question}" in proposal.source for question in proposal.questions)


def test_a_row_of_data_in_place_of_a_header_is_never_written_down(tmp_path: Path) -> None:
    headless = "R1,Ann Example,01/02/2019\nR2,Bo Example,02/02/2019\n"
    proposal = propose(write(tmp_path, secret=headless), [load_programme("whp")], "here")
    assert "Example" not in proposal.source
    assert "secret.csv (1 row) is not read. Its columns: without names" in proposal.questions


@pytest.mark.parametrize("programme", ["whp", "ses", "jobs2"])
def test_the_programme_that_knows_most_of_the_events_is_chosen(programme: str, tmp_path: Path) -> None:
    rules = load_programme(programme)
    events = "".join(f"R{i},{name},2019-01-01,2019-01-02\n" for i, name in enumerate(rules.events))
    people = PEOPLE.replace("ltu", next(iter(rules.attributes[rules.group].codes)))
    write(tmp_path, participants=people, events="referral_id,event,event_date,recorded_date\n" + events)
    programmes = [load_programme(name) for name in ("jobs2", "ses", "whp")]
    assert propose(tmp_path, programmes, "here").programme.programme == programme


def test_between_programmes_that_fit_equally_well_none_is_chosen(tmp_path: Path) -> None:
    write(tmp_path, participants=PEOPLE.replace(",customer_group", ",x"), events=EVENTS)
    with pytest.raises(DataError, match=r"fits jobs2 and ses and whp equally well. Say which with --programme.$"):
        propose(tmp_path, [load_programme(name) for name in ("jobs2", "ses", "whp")], "here")


def test_a_folder_without_files_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds no CSV, Parquet or Excel \(.xlsx\) file.$"):
        source(tmp_path)
    with pytest.raises(DataError, match=r"nowhere: is no folder"):
        source(tmp_path / "nowhere")


# ---------------------------------------------------------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("one", "other", "least", "most"),
    [
        ("Start Date", "start_date", 1, 1),
        ("DateOfStart", "start of date", 0.95, 0.95),
        ("£1,000 Earnings", "1000 earning", 1, 1),
        ("PRaP Ref", "prap_ref", 1, 1),
        ("Subcontracter", "Subcontractor", 0.8, 0.99),
        ("Outcome", "Job outcome", 0.75, 0.75),
        ("Start Date", "Leave Date", 0, 0.7),
        ("", "start", 0, 0),
    ],
)
def test_names_agree_by_their_words(one: str, other: str, least: float, most: float) -> None:
    assert least <= alike(words(one), words(other)) <= most
    assert alike(words(one), words(other)) == alike(words(other), words(one))


def log_of(dates: Sequence[tuple[str, str]], ids: str = "R{}") -> str:
    lines = [f"{ids.format(i)},referral,{happened},{recorded}\n" for i, (happened, recorded) in enumerate(dates)]
    return "referral_id,event,event_date,recorded_date\n" + "".join(lines)


@pytest.mark.parametrize(
    ("dates", "lines"),
    [
        ([("2019-01-02", "01/31/2019"), ("2019-01-02", "02/03/2019")], ["  dates: month_first"]),
        ([("01/14/2019", "01/31/2019"), ("01/02/2019", "02/03/2019")], ["  dates: month_first"]),
        ([("14/01/2019", "01/31/2019")], ["    events.recorded_date: month_first"]),
        ([("43101", "2018-01-01")], ["    events.event_date: excel_serial"]),
        ([("14/01/2019", "31/01/2019")], []),
    ],
)
def test_whole_columns_show_the_order_of_day_and_month(
    dates: list[tuple[str, str]], lines: list[str], tmp_path: Path
) -> None:
    people = "referral_id,participant_id\nR0,P0\nR1,P1\n"
    text = propose(write(tmp_path, participants=people, events=log_of(dates)), [load_programme("whp")], "here").source
    forms = ("month_first", "excel_serial", "day_first")
    assert [line.split("  #")[0] for line in text.splitlines() if any(form in line for form in forms)] == lines


def test_what_columns_do_not_show_or_contradict_is_asked(tmp_path: Path) -> None:
    dates = [("01/14/2019", "01/02/2019"), ("14/01/2019", "01/02/2019")]
    people = "referral_id,participant_id\n00000,P0\n00001,P1\n"
    folder = write(tmp_path, participants=people, events=log_of(dates, "{}"))
    questions = "\n".join(propose(folder, [load_programme("whp")], "here").questions)
    assert "events.event_date: 1 cell can be a date only with the day first, 1 only with the month first" in questions
    assert "events.recorded_date: no cell shows whether day or month comes first" in questions
    assert "2 of 2 different referral_id are not the participants': one digit here, five digits there" in questions


def test_instants_with_a_zone_are_told(tmp_path: Path) -> None:
    people = "referral_id,participant_id\nR0,P0\n"
    log = log_of([("2019-06-30T23:30:00Z", "2019-07-01")])
    text = propose(write(tmp_path, participants=people, events=log), [load_programme("whp")], "here").source
    assert "  # events.event_date: 1 instant with a zone: the day in the nation counts" in text
