"""Programme files: what they mean, and the one line that says what is wrong with one.

The small programme below is made up; the expected messages are written beside what is done to it.
"""

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from perflib.errors import ParameterError
from perflib.rules.contract import BUILT_IN, load_programme
from perflib.rules.dated import Dated
from perflib.rules.programme import Programme

SMALL = """\
programme: small
name: A small programme
source: made up
events:
  referral: {label: Referrals}
  start: {label: Starts, aliases: [Began, on_board]}
  job: {label: Jobs}
  claim: {label: Claims}
  paid: {label: Claims paid}
  refused: {label: Claims refused}
resolves: [start]
outcomes:
  outcome:
    label: Job outcomes
    source: made up
    routes:
      - event: job
        within_days: {value: 100, from: 2018-01-01, source: made up}
        claim: {submitted: claim, paid: paid, rejected: refused, within_days: {value: 120, from: 2018-01-01, source: x}}
milestones: [job]
measures: [referral, start, outcome]
trends: [{measure: start}]
attributes:
  group:
    label: Group
    codes:
      young: {label: Young, aliases: [Under_25]}
      old: {label: Old}
  area: {label: Area, blank: none}
  age: {label: Age, minimum: 16, maximum: 100, bands: [16, 25]}
group: group
area: area
units: [area]
demographics: [group, age]
targets:
  tmpl1: {name: Everybody, source: made up}
  tmpl2: {name: The young, group: young, source: made up}
"""

Read = Callable[[str], Programme]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "programmes").mkdir()
    return tmp_path / "programmes" / "small.yaml"


@pytest.fixture
def read(path: Path) -> Read:
    def write_and_read(text: str) -> Programme:
        path.write_text(text, encoding="utf-8")
        return load_programme("small", path.parents[1])

    return write_and_read


def test_a_programme_file_is_read(read: Read) -> None:
    programme = read(SMALL)
    assert programme.label("start") == "Starts"
    assert programme.label("outcome") == "Job outcomes"
    assert programme.start_day == 0
    assert programme.attributes["age"].numeric
    assert not programme.attributes["group"].numeric
    assert programme.outcomes["outcome"].routes[0].within_days.on(date(2018, 1, 1)) == 100


def test_codes_and_aliases_are_trimmed_and_casefolded_as_those_of_records_are(read: Read) -> None:
    programme = read(SMALL.replace("young: {label", "' Young': {label").replace("  job: {", "  JOB: {"))
    assert programme.events["start"].aliases == ("began", "on_board")
    assert programme.attributes["group"].codes["young"].aliases == ("under_25",)
    assert "job" in programme.events


def test_every_programme_that_comes_with_perflib_is_sound() -> None:
    names = [file.stem for file in (BUILT_IN / "programmes").glob("*.yaml")]
    assert "whp" in names
    for name in names:
        assert load_programme(name).programme == name


@pytest.mark.requirement("WHP-19")
@pytest.mark.requirement("WHP-20")
def test_the_work_and_health_programmes_windows_are_those_of_its_guidance() -> None:
    # Provider guidance, chapter 16, paragraph 16: 639 days, and 700 for claims of the self-employed.
    outcome = load_programme("whp").outcomes["outcome"]
    day = date(2018, 1, 1)
    assert {route.event: route.within_days.on(day) for route in outcome.routes if route.within_days} == {
        "job_outcome": 639,
        "self_employed_outcome": 639,
    }
    assert {route.event: route.claim.within_days.on(day) for route in outcome.routes if route.claim} == {
        "self_employed_outcome": 700
    }


# What is replaced, by what, the line it then stands in, and what is said. Keys of one line stand in that line.
WRONG = {
    "a misspelt key": (
        "resolves:",
        "resolvs:",
        11,
        "resolvs: unknown key; did you mean 'resolves'? (1 more after this one)",
    ),
    "a misspelt key of an event": (
        "{label: Jobs}",
        "{label: Jobs, repeat: true}",
        7,
        "events.job.repeat: unknown key; did you mean 'repeats'?",
    ),
    "a misspelt key of a window": (
        "{value: 100, from",
        "{valeu: 100, from",
        18,
        "outcomes.outcome.routes[0].within_days.valeu: unknown key; did you mean 'value'? (1 more after this one)",
    ),
    "a key that is like no other": (
        "{label: Jobs}",
        "{label: Jobs, colour: red}",
        7,
        "events.job.colour: unknown key; known: aliases, label, repeats, source.",
    ),
    "a key is missing": (
        "{label: Jobs}",
        "{}",
        7,
        "events.job.label: missing; this key is required, for example label: Job starts.",
    ),
    "a window without source": (
        "from: 2018-01-01, source: made up}",
        "from: 2018-01-01}",
        18,
        "outcomes.outcome.routes[0].within_days.source: missing; this key is required, for example source: Schedule 3.",
    ),
    "a window without from": (
        "{value: 100, from: 2018-01-01,",
        "{value: 100,",
        18,
        "outcomes.outcome.routes[0].within_days.from: missing; this key is required, for example from: 2020-06-30.",
    ),
    "a window that is no number": (
        "value: 100",
        "value: soon",
        18,
        "outcomes.outcome.routes[0].within_days.value: soon is not allowed: write a whole number, for example 5.",
    ),
    "a window from a day that is none": (
        "from: 2018-01-01, source: made up",
        "from: 2018-02-30, source: made up",
        18,
        "outcomes.outcome.routes[0].within_days.from: 2018-02-30 is not allowed: write a date as YYYY-MM-DD, "
        "for example 2020-06-30.",
    ),
    "windows out of order": (
        "{value: 100, from: 2018-01-01, source: made up}",
        "[{value: 1, from: 2019-01-01, source: x}, {value: 2, from: 2018-01-01, source: x}]",
        18,
        "outcomes.outcome.routes[0].within_days: give each value once, in the order of its `from` date.",
    ),
    "an unknown start day": (
        "resolves:",
        "start_day: 2\nresolves:",
        11,
        "start_day: 2 is not allowed: write one of 0, 1.",
    ),
    "an event that is not defined resolves": (
        "[start]",
        "[strat]",
        11,
        "resolves[0]: 'strat' is no event of the programme; did you mean 'start'?",
    ),
    "an event that is not defined is a route": (
        "- event: job",
        "- event: work",
        17,
        "outcomes.outcome.routes[0].event: 'work' is no event of the programme; "
        "known: referral, start, job, claim, paid, refused.",
    ),
    "an event that is not defined is a claim": (
        "paid: paid",
        "paid: payd",
        19,
        "outcomes.outcome.routes[0].claim.paid: 'payd' is no event of the programme; did you mean 'paid'?",
    ),
    "an event that every programme has is not defined": (
        "  referral: {label: Referrals}\n",
        "",
        4,
        "events.referral: 'referral' is no event of the programme; known: start, job, claim, paid, refused.",
    ),
    "an unknown measure": (
        "[referral, start, outcome]",
        "[referral, start, outcmoe]",
        21,
        "measures[2]: 'outcmoe' is no event or outcome of the programme; did you mean 'outcome'?",
    ),
    "an unknown measure in a trend": (
        "{measure: start}",
        "{measure: strat}",
        22,
        "trends[0].measure: 'strat' is no event or outcome of the programme; did you mean 'start'?",
    ),
    "a trend of two kinds": (
        "{measure: start}",
        "{measure: start, per: on_programme, at_age: 12}",
        22,
        "trends[0]: {measure: start, per: on_programme, at_age: 12} is not allowed: give `per` or `at_age`, not both.",
    ),
    "an unknown attribute": (
        "demographics: [group",
        "demographics: [grupo",
        34,
        "demographics[0]: 'grupo' is no attribute of the programme; did you mean 'group'?",
    ),
    "an unknown group in a target": (
        "group: young, source",
        "group: yuong, source",
        37,
        "targets.tmpl2.group: 'yuong' is no customer group of the programme; did you mean 'young'?",
    ),
    "a group attribute that is not defined": (
        "\ngroup: group",
        "\ngroup: groups",
        31,
        "group: 'groups' is no attribute of the programme; did you mean 'group'?",
    ),
    "an outcome named as an event": (
        "outcomes:\n",
        "outcomes:\n  job: {label: J, source: x, routes: [{event: job}]}\n",
        13,
        "outcomes.job: 'job' names both an event and an outcome.",
    ),
    "no outcome of its own": (
        "  outcome:\n",
        "  result:\n",
        21,
        "measures[2]: 'outcome' is no event or outcome of the programme; known: result, referral, start, job, "
        "claim, paid, refused.",
    ),
    "an alias that is another event": (
        "on_board]",
        "job]",
        6,
        "events.start.aliases: 'job' stands for both 'job' and 'start'.",
    ),
    "an alias of two codes": (
        "{label: Old}",
        "{label: Old, aliases: [UNDER_25]}",
        28,
        "attributes.group.codes.old.aliases: 'under_25' stands for both 'young' and 'old'.",
    ),
    "a number without an upper bound": (
        "minimum: 16, maximum: 100, ",
        "minimum: 16, ",
        30,
        "attributes.age: {label: Age, minimum: 16, bands: [16, 25]} is not allowed: "
        "a number needs both `minimum` and `maximum`.",
    ),
    "bands that fall": (
        "bands: [16, 25]",
        "bands: [25, 16]",
        30,
        "attributes.age: {label: Age, minimum: 16, maximum: 100, bands: [25, 16]} is not allowed: `bands` must rise.",
    ),
    "a name that is not the file's": (
        "programme: small",
        "programme: tiny",
        1,
        "programme: 'tiny' is not the file's own name, 'small'.",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_in_one_line_with_file_line_place_and_what_is_allowed(
    case: str, read: Read, path: Path
) -> None:
    old, new, line, message = WRONG[case]
    assert SMALL.count(old) >= 1
    with pytest.raises(ParameterError) as error:
        read(SMALL.replace(old, new, 1))
    assert str(error.value) == f"{path} line {line}: {message}"


def test_a_programme_without_its_own_outcome_is_refused(read: Read, path: Path) -> None:
    text = SMALL.replace("  outcome:\n", "  result:\n").replace("start, outcome]", "start, result]")
    with pytest.raises(ParameterError) as error:
        read(text)
    message = "outcomes: `outcome`, the programme's own measure, must be defined."
    assert str(error.value) == f"{path} line 12: {message}"


def test_further_faults_are_counted_and_a_misspelt_key_comes_before_what_it_leaves_missing(
    read: Read, path: Path
) -> None:
    with pytest.raises(ParameterError) as error:
        read(SMALL.replace("events:\n", "event:\n").replace("group: group\n", ""))
    message = "event: unknown key; did you mean 'events'? (2 more after this one)"
    assert str(error.value) == f"{path} line 4: {message}"


def test_an_unknown_programme_is_named_with_the_one_that_was_meant(tmp_path: Path) -> None:
    with pytest.raises(
        ParameterError, match=r"^programme 'wph': .*programmes has no file wph.yaml; did you mean 'whp'\?$"
    ):
        load_programme("wph", tmp_path)


# -------------------------------------------------------------------------------------------------- dated values


def dated(*values: tuple[float, str]) -> Dated[float]:
    return Dated[float].model_validate([{"value": v, "from": since, "source": "made up"} for v, since in values])


def test_a_dated_value_holds_from_its_day_until_the_next() -> None:
    limit = dated((100, "2018-01-01"), (120, "2019-04-01"))
    days = ["2017-12-31", "2018-01-01", "2019-03-31", "2019-04-01", "2030-01-01"]
    expected = [None, 100, 100, 120, 120]
    assert [limit.on(date.fromisoformat(day)) for day in days] == expected
    np.testing.assert_array_equal(limit.at(np.array(days, dtype="datetime64[D]")), [np.nan, *expected[1:]])


def test_a_missing_day_has_no_value() -> None:
    days = np.array(["NaT", "2018-01-01"], dtype="datetime64[s]")
    np.testing.assert_array_equal(dated((100, "2018-01-01")).at(days), [np.nan, 100])
    assert dated((100, "2018-01-01")).at(np.array([], dtype="datetime64[D]")).shape == (0,)


@pytest.mark.parametrize(
    "values",
    [
        [(1, "2019-01-01"), (2, "2018-01-01")],  # out of order
        [(1, "2018-01-01"), (2, "2018-01-01")],  # two on one day
        [],
    ],
)
def test_dated_values_stand_in_order_each_once(values: list[tuple[float, str]]) -> None:
    with pytest.raises(ValidationError, match=re.escape("give each value once, in the order of its `from` date")):
        dated(*values)


@pytest.mark.requirement("SES-01")
@pytest.mark.requirement("SES-20")
def test_the_rules_of_specialist_support_are_those_for_referrals_from_november_2018() -> None:
    # Provider guidance, chapter 7: the introduction, and paragraph 7.15, 20 working days to recording a start.
    ses = load_programme("ses")
    assert ses.since == date(2018, 11, 1)
    rule = ses.standards["start_recorded"]
    assert (rule.limit, rule.days, rule.recorded, rule.begins, rule.to) == (
        20,
        "working",
        True,
        ("referral",),
        ("start",),
    )
    assert [validity.since for validity in rule.valid] == [date(2018, 11, 1)]


@pytest.mark.requirement("SES-25")
@pytest.mark.requirement("SES-32")
def test_specialist_support_has_the_six_kinds_of_information_that_its_guidance_asks_for_and_two_outcomes() -> None:
    # Paragraph 7.16: referrals, starts, time to start (of these two), leavers, job outcomes, financial claims; 7.23:
    # each outcome by itself. 7.13: time to initial assessment.
    ses = load_programme("ses")
    assert {"referral", "assessment", "start", "exit", "outcome", "sustained", "claim_submitted"} <= set(ses.measures)
    assert [route.event for outcome in ses.outcomes.values() for route in outcome.routes] == [
        "short_outcome",
        "sustained_outcome",
    ]


@pytest.mark.requirement("JII-26")
@pytest.mark.requirement("JII-27")
@pytest.mark.requirement("JII-31")
@pytest.mark.requirement("JII-32")
@pytest.mark.requirement("JII-33")
@pytest.mark.requirement("JII-37")
def test_the_limits_of_group_work_are_those_of_its_guidance() -> None:
    # Provider guidance, chapter 6, paragraphs 6.18 a to e and 6.20: 5, 7, 15, 17, 2 and 5 working days.
    standards = load_programme("jobs2").standards
    asked = {"reception": 5, "result_recorded": 7, "course_day_1": 15, "course_recorded": 17, "exit_recorded": 2}
    assert {name: standards[name].limit for name in (*asked, "wellbeing")} == asked | {"wellbeing": 5}
    assert {standards[name].days for name in asked} == {"working"}
    assert {name for name in asked if standards[name].recorded} == {
        "result_recorded",
        "course_recorded",
        "exit_recorded",
    }
    assert set(standards["reception"].to) == {"acknowledged", "reception_interview"}
    assert standards["reception"].needs == "all"


@pytest.mark.requirement("JII-41")
@pytest.mark.requirement("JII-44")
def test_group_work_counts_what_its_guidance_asks_for_from_the_interview_to_completion() -> None:
    # Paragraph 6.23: who attend the reception interview, agree to start, start and complete.
    jobs2 = load_programme("jobs2")
    steps = ["reception_interview", "start", "course_start", "outcome"]
    assert [name for name in jobs2.measures if name in steps] == steps
    assert [route.event for route in jobs2.outcomes["outcome"].routes] == ["course_complete"]


@pytest.mark.parametrize("programme", ["ses", "jobs2"])
def test_every_standard_and_outcome_says_where_it_is_from(programme: str) -> None:
    rules = load_programme(programme)
    assert all(rule.source.startswith("ch. ") for rule in rules.standards.values())
    assert all(outcome.source.startswith("ch. ") for outcome in rules.outcomes.values())


def test_the_routes_of_a_programme_are_those_of_all_its_outcomes_and_claims_come_with_them() -> None:
    whp, course = load_programme("whp"), load_programme("jobs2")
    assert [route.event for route in whp.routes] == ["job_outcome", "self_employed_outcome"]
    assert whp.claims == ("claim_submitted", "claim_paid", "claim_rejected")
    assert len(course.routes) == sum(len(outcome.routes) for outcome in course.outcomes.values())
    assert course.claims == ()
