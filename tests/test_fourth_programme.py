"""A fourth programme, with other events, outcomes, windows and groups, added by YAML alone.

"Mentoring" is made up. Its referrals are eight, so that every figure can be worked out by hand:

      person  strand   hub    referred  started   met mentor       placed            stayed
R1    P1      young    North   4 Jan    11 Jan    18 Jan, day 7     1 Mar, day 50    26 Apr
R2    P2      young    North   5 Jan    12 Jan     1 Feb, day 20   11 Apr, day 90
R3    P3      parent   South   6 Jan    13 Jan    20 Jan, day 7    13 Apr, day 91
R4    P4      parent   South   7 Jan    declined on 14 Jan
R5    P5      veteran  South   1 Feb     8 Feb    15 Feb, day 7     5 Apr, recorded on 10 May
R6    P6      young    North   2 Feb     9 Feb    never
R7    P4      parent   South   1 Mar     8 Mar    12 Mar, day 4
R8    P8      veteran  North   6 Apr    still open

The start date is day 1, and a placement counts to day 90: R1's is day 50 (1 March less 11 January is 49), R2's is day
90 and counts, R3's day 91 does not. R5's was not yet recorded when April was reported on, the 30th. So two are placed:
R1 at age 2 and R2 at age 3, both of January's three starts.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from perflib.analysis import cohorts, measures, standards
from perflib.disclosure.presenter import MIME
from perflib.disclosure.rules import Disclosure
from perflib.disclosure.sentences import as_text
from perflib.errors import ParameterError
from perflib.records.loading import load_snapshot
from perflib.reporting import data_quality
from perflib.rules.contract import load_contract

NOTEBOOKS = ("cohort_trends", "service_standards", "participant_journey", "performance_summary")

PROGRAMME = """\
programme: mentoring
name: Mentoring
source: made up
terms: {participant: mentee, start: match, outcome: placement}
events:
  referral:    {label: Introductions}
  start:       {label: Matches, aliases: [matched]}
  declined:    {label: Declined}
  mentor_met:  {label: First meetings}
  placed:      {label: Placement starts}
  stayed:      {label: Placements kept}
resolves: [start, declined]
start_day: 1
outcomes:
  outcome:
    label: Placements
    source: made up
    routes: [{event: placed, within_days: {value: 90, from: 2021-01-01, source: made up}}]
  kept:
    label: Placements kept
    source: made up
    routes: [{event: stayed, within_days: {value: 300, from: 2021-01-01, source: made up}}]
milestones: [mentor_met]
measures: [referral, start, declined, mentor_met, outcome, kept]
trends: [{measure: referral}, {measure: outcome, at_age: 2}]
attributes:
  strand:
    label: Strand
    codes: {young: {label: Under 25}, parent: {label: Lone parents}, veteran: {label: Veterans}}
  hub: {label: Hub}
group: strand
units: [hub]
demographics: [strand]
targets:
  whole: {name: "Everybody", source: made up}
  young: {name: "Those under 25", group: young, source: made up}
standards:
  met:
    name: First meeting
    source: made up
    from: start
    to: mentor_met
    applies_to: start
    limit: 10
    days: calendar
    target: {at_least: 0.75}
"""

CONTRACT = """\
contract: mentoring-one
name: Mentoring in one town
programme: mentoring
nation: ENG
source: {folder: ../../extracts/mentoring-one, known_to: 2021-05-31}
recording_allowance: 10
quarter_basis: calendar
profiles:
  - {group: young, from: 2021-01, source: made up, values: [0, 0, 0.3, 0.5]}
  - {from: 2021-01, source: made up, values: [0, 0, 0.2, 0.4]}
  - {measure: kept, from: 2021-01, source: made up, values: [0, 0, 0, 0.25]}
volumes:
  - {measure: start, from: 2021-01, source: made up, values: [4, 3, 2, 1]}
requires:
  kept: {days: 56, source: made up}
disclosure: {source: made up}
"""

PARTICIPANTS = """\
referral_id,participant_id,strand,hub
R1,P1,young,North
R2,P2,Young ,North
R3,P3,parent,South
R4,P4,parent,South
R5,P5,veteran,South
R6,P6,young,North
R7,P4,parent,South
R8,P8,veteran,North
"""

EVENTS = """\
R1 referral 2021-01-04
R1 matched 2021-01-11
R1 mentor_met 2021-01-18
R1 placed 2021-03-01
R1 stayed 2021-04-26
R2 referral 2021-01-05
R2 start 2021-01-12
R2 mentor_met 2021-02-01
R2 placed 2021-04-11
R3 referral 2021-01-06
R3 start 2021-01-13
R3 mentor_met 2021-01-20
R3 placed 2021-04-13
R4 referral 2021-01-07
R4 declined 2021-01-14
R5 referral 2021-02-01
R5 start 2021-02-08
R5 mentor_met 2021-02-15
R5 placed 2021-04-05 2021-05-10
R6 referral 2021-02-02
R6 start 2021-02-09
R7 referral 2021-03-01
R7 start 2021-03-08
R7 mentor_met 2021-03-12
R8 referral 2021-04-06
"""


@pytest.fixture
def town(place):
    """A folder with the three files: nothing else is needed."""
    files = {
        "params/programmes/mentoring.yaml": PROGRAMME,
        "params/contracts/mentoring-one.yaml": CONTRACT,
        "extracts/mentoring-one/participants.csv": PARTICIPANTS,
        "extracts/mentoring-one/events.csv": "referral_id,event,event_date,recorded_date\n"
        + "".join(",".join([*line.split(), line.split()[-1]][:4]) + "\n" for line in EVENTS.splitlines()),
    }
    for name, text in files.items():
        path = place.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return place


@pytest.fixture
def snapshot(town):
    return load_snapshot("mentoring-one", "2021-04", params=town.params)


def test_starts_and_outcomes_by_cohort_and_age_are_those_worked_out_by_hand(snapshot):
    t = cohorts.triangle(snapshot)
    assert t.starts.tolist() == [3, 2, 1, 0]
    assert t.counts.loc["2021-01"].tolist() == [0, 0, 1, 2]
    assert t.counts.loc["2021-02"].dropna().tolist() == [0, 0, 0]
    assert measures.excluded(snapshot).to_dict() == {"after the window": 1}
    assert measures.first(snapshot, "kept")["event"].notna().sum() == 1


def test_what_was_promised_is_of_the_group_where_it_has_a_profile_and_else_of_all(snapshot):
    # January at age 3: two young at .5, a parent at .4: 1.4. February at age 2: a veteran at .2, one young at .3: .5.
    # March at age 1 and April: nothing.
    frame = cohorts.against_profile(cohorts.triangle(snapshot), snapshot.contract)
    assert frame["expected"].tolist() == pytest.approx([1.4, 0.5, 0, 0])
    levels = cohorts.conversion(snapshot).set_index("target")
    assert levels["starts"].to_dict() == {"whole": 6, "young": 3}
    assert levels["observed"].to_dict() == {"whole": 2, "young": 2}
    assert levels["expected"].to_dict() == pytest.approx({"whole": 1.9, "young": 1.3})


def test_a_cohort_is_final_when_the_90th_day_and_the_allowance_are_over(snapshot):
    # 31 January is day 1 of the last start; day 90 is 30 April, and ten days more are 10 May.
    assert str(cohorts.final_from(snapshot)["2021-01"].date()) == "2021-05-10"


def test_its_standard_is_met_by_four_of_six_and_so_is_missed(snapshot):
    # R2 took 20 days; R6 has been waiting since 9 February. 4 of 6 are fewer than 75 %.
    (row,) = standards.measure(snapshot).to_dict("records")
    assert (row["met"], row["not_met"], row["open_late"], row["status"]) == (4, 1, 1, "not_met")


def pages(perflib) -> tuple[dict[str, list[dict]], dict[str, str]]:
    """What each notebook shows, by its name, and the pages themselves."""
    asked = [word for name in NOTEBOOKS for word in ("--notebook", name)]
    said = perflib("run", "--contract", "mentoring-one", "--month", "2021-04", "--workers", 1, *asked)
    assert said.status == 0, said.err
    folder = Path("reports/mentoring-one/2021-04")
    shown = {name: list(outputs(folder / f"{name}.ipynb")) for name in NOTEBOOKS}
    return shown, {name: (folder / f"{name}.html").read_text(encoding="utf-8") for name in NOTEBOOKS}


def outputs(path: Path) -> Iterator[dict]:
    """Everything that an executed notebook displays, as data; of several things shown at once each one."""
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        for output in cell.get("outputs", []):
            data = output["data"].get(MIME, {})
            yield from data.get("items", [data])


def sentences(shown: list[dict]) -> list[str]:
    return [sentence for item in shown if item.get("kind") == "text" for sentence in item["sentences"]]


def table(shown: list[dict], caption: str) -> list[dict]:
    tables = [item for item in shown if item.get("kind") == "table"]
    (rows,) = (item["rows"] for item in tables if item["caption"].startswith(caption))
    return rows


@pytest.mark.usefixtures("in_process", "town")
def test_the_notebooks_say_what_was_worked_out_by_hand_in_the_programmes_own_words(perflib):
    shown, html = pages(perflib)
    said = sentences(shown["cohort_trends"])
    assert "8 referrals of 7 people since 4 January 2021; 6 starts of 6 people." in said
    assert "1 referrals are still open." in said
    # The last quarter ended is January to March: R1 to R7 were introduced, six matched, where 4 + 3 + 2 were promised.
    assert "January to March 2021, first partial: 7 introductions recorded and 6 matches recorded (9 expected)." in said
    # Two recorded of 1.9 expected: 5 % above, from the counts as they are.
    (outcome,) = (sentence for sentence in said if sentence.startswith("Placements are"))
    assert outcome == "Placements are 5% above profile so far: 2 recorded, 2 expected (in line)."
    # January's three starts at .25 by age 3: .75, which is 1 in whole participants.
    (kept,) = (sentence for sentence in said if sentence.startswith("Placements kept are"))
    assert "so far: 1 recorded, 1 expected" in kept
    assert "Mentoring has no areas, jobs or claims: nothing here rests on them." in said
    assert "Placements kept: a job that has lasted 56 days (made up)." in said
    assert "The start date is day 1. Counted: placement starts to day 90; both ends inclusive." in said

    flows = {row["Measure"]: row for row in table(shown["cohort_trends"], "What happened, by period")}
    month, three = (next(key for key in flows["Matches"] if key.startswith(name)) for name in ("In month", "Rolling 3"))
    assert {name: (row[month], row[three]) for name, row in flows.items()} == {
        "Introductions": (1, 4),  # R8; R5 to R8
        "Matches": (0, 3),  # R5 to R7
        "Declined": (0, 0),
        "First meetings": (0, 3),  # R2, R5 and R7
        "Placements": (1, 2),  # R2; R1 and R2
        "Placements kept": (1, 1),
    }
    january = table(shown["cohort_trends"], "Placements of each cohort to date")[0]
    assert (january["Starts"], january["Recorded"], january["Expected so far"]) == (3, 2, 1.4)
    (standard,) = table(shown["service_standards"], "The standards since day one")
    assert (standard["Standard"], standard["Met"], standard["Status"]) == ("First meeting", 4, "not met")
    doors = {row["Measure"]: row for row in table(shown["performance_summary"], "Scores on the doors")}
    assert doors["Introductions"]["Since day one"] == 8
    assert doors["Placements"]["Since day one"] == 2
    steps = {row["Step"]: row for row in table(shown["participant_journey"], "How long each step takes")}
    assert steps["Matches to placements"]["Reached it"] == 2
    for page in html.values():
        assert "Mentoring in one town" in page
        for word in ("Work and Health", "Job outcomes", "job outcomes", "Employed", "HMRC", "CSS"):
            assert word not in page


def rewrite(path: Path, *replacements: tuple[str, str]) -> None:
    text = path.read_text(encoding="utf-8")
    for old, new in replacements:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")


@pytest.mark.requirement("SES-29")
def test_without_a_last_day_the_end_of_a_cohort_is_that_everybody_has_left_it(town):
    # R1, R2 and R3, who are January's starts, leave; of February's, R5 does and R6 does not. R3's placement counts now
    # that there is no 90th day: three of January's three.
    rewrite(
        town.params / "programmes" / "mentoring.yaml",
        (", within_days: {value: 90, from: 2021-01-01, source: made up}", ""),
        ("  stayed:  ", "  exit:        {label: Leavers}\n  stayed:  "),
        ("source: made up\nterms", "source: made up\nfrom: 2021-02-01\nterms"),
    )
    with (town.root / "extracts" / "mentoring-one" / "events.csv").open("a", encoding="utf-8") as events:
        events.write(
            "".join(f"{name},exit,2021-04-2{name[1]},2021-04-2{name[1]}\n" for name in ("R1", "R2", "R3", "R5"))
        )
    snapshot = load_snapshot("mentoring-one", "2021-04", params=town.params)
    assert cohorts.all_left(snapshot).tolist() == [True, False, False, False]
    assert as_text(data_quality.too_young(snapshot), Disclosure())[0] == (
        "Mentoring gives no last day for placements, so no cohort is final by a date. Everybody has left 1 of 4 "
        "cohorts: of 3 starts in these, 3 reached placements, 100%."
    )
    said = as_text(data_quality.data_quality(snapshot), Disclosure())
    # R1 to R4 were introduced in January, before these rules.
    assert any(
        sentence.startswith("4 referrals were made before 1 February 2021: they follow earlier") for sentence in said
    )
    assert "Mentoring has no areas, jobs, claims or last day for an outcome: nothing here rests on them." in said
    assert data_quality.maturity(snapshot).empty.startswith("Mentoring gives no last day")
    assert data_quality.maturity(snapshot).frame.empty


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("{source: made up}", "give `days` or `sessions`"),
        ("{days: 3, sessions: 4, source: made up}", "give `days` or `sessions`"),
        ("{days: 0, source: made up}", "requires.kept.days: 0 is not allowed"),
        ("{days: 3}", "requires.kept.source: missing"),
    ],
)
def test_what_an_outcome_takes_is_days_or_sessions_with_a_source(town, given, said):
    path = town.params / "contracts" / "mentoring-one.yaml"
    rewrite(path, ("{days: 56, source: made up}", given))
    with pytest.raises(ParameterError) as error:
        load_contract("mentoring-one", town.params)
    assert said in str(error.value)


def test_only_an_outcome_of_the_programme_may_take_something(town):
    rewrite(town.params / "contracts" / "mentoring-one.yaml", ("  kept: {days", "  ketp: {days"))
    with pytest.raises(ParameterError, match=r"'ketp' is no outcome of the programme; did you mean 'kept'\?"):
        load_contract("mentoring-one", town.params)
