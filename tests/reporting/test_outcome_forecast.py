"""What the outcome forecast says, held against the forecast itself and the contract's promises."""

import re
from dataclasses import replace
from functools import partial

import pytest

from perflib.analysis.forecast import early_warning
from perflib.analysis.forecast import outcomes as by_any_model
from perflib.analysis.forecast.backtest import backtest
from perflib.disclosure.presenter import Presenter
from perflib.disclosure.rules import Disclosure
from perflib.disclosure.sentences import as_text
from perflib.reporting import outcome_forecast
from perflib.reporting.outcome_forecast import tables

INTERNAL = Disclosure()
outcomes = partial(by_any_model, model="hazard")
levels_of = partial(early_warning.levels, model="hazard")
EXTERNAL = Disclosure("external", suppress_below=10, round_to=5, names=False)


def numbers(sentence):
    """Return the numbers of a sentence, in their order."""
    return [float(found.replace(",", "")) for found in re.findall(r"\d[\d,]*(?:\.\d+)?", sentence)]


@pytest.fixture(scope="module", autouse=True)
def quick():
    """A method that is fitted in no time, for the page and its backtest; test_notebooks has the default one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "MODEL", "hazard")
        scored = partial(backtest, models=("hazard", "profile"))
        patch.setattr(tables, "BACKTEST_DRAWS", 50)
        patch.setattr(tables, "backtest", scored)
        yield


@pytest.fixture(scope="module")
def said(town_snapshot):
    return as_text(outcome_forecast.findings(town_snapshot), INTERNAL)


def test_the_first_sentence_is_what_is_expected_how_sure_and_what_was_promised(town_snapshot, said):
    found = outcomes(town_snapshot)
    total, starts = found.total.iloc[0], town_snapshot.journeys["start"].notna().sum()
    promised = levels_of(town_snapshot)["promised"].iloc[0]
    expected, of, _, _, low, high, recorded, promise = numbers(said[0])
    assert (expected, of) == (round(total["expected"]), starts)
    assert (low, high) == (total["lower_95"], total["upper_95"])
    by_then = town_snapshot.journeys["job_outcome_recorded"] <= "2020-03-31"  # what came later is not in the forecast
    assert recorded == by_then.sum()
    assert promise == round(promised)


def test_a_level_in_danger_is_named_with_its_chance_and_what_would_mend_it(town_snapshot):
    """With a promise of four times as much everything is missed."""
    profiles = tuple(
        item.model_copy(update={"values": tuple(4 * value for value in item.values)})
        for item in town_snapshot.contract.profiles
    )
    short = replace(town_snapshot, contract=town_snapshot.contract.model_copy(update={"profiles": profiles}))
    sentences = as_text(outcome_forecast.findings(short), INTERNAL)
    (danger,) = (sentence for sentence in sentences if sentence.startswith("At risk"))
    assert re.search(r"tMPL 1(, |: contract package area \()(9\d|over 99)%", danger)
    (mend,) = (sentence for sentence in sentences if "if nothing else changes" in sentence)
    table = early_warning.needed(short, outcomes(short)).set_index("measure")
    assert f"{table.loc['outcome', 'needed']:,.0f} job outcomes a month" in mend


@pytest.mark.parametrize(
    ("probability", "words"),
    [(0.0, "under 1%"), (0.005, "under 1%"), (0.25, "25%"), (1.0, "over 99%")],
)
def test_a_probability_is_never_said_to_be_nothing_or_certain(probability, words):
    assert tables.chance(probability) == words


@pytest.mark.requirement("KS-27")
def test_the_table_of_levels_has_a_warning_in_words(town_snapshot):
    rows = Presenter(INTERNAL).table(outcome_forecast.levels(town_snapshot)).data["rows"]
    assert {row["Early warning"] for row in rows} <= set(tables.STATUSES.values())
    assert [row["Level"] for row in rows] == levels_of(town_snapshot)["name"].tolist()


def test_outside_no_number_rests_on_a_few_people(town_snapshot):
    """Levels and cohorts with one to nine outcomes recorded: everything that is made of them is hidden."""
    show = Presenter(EXTERNAL)
    cohorts = outcomes(town_snapshot).development.recorded
    rows = show.table(outcome_forecast.cohort_table(town_snapshot)).data["rows"]
    few = {f"{month:%b %Y}" for month, count in cohorts.items() if 0 < count < 10}
    assert few
    for row in rows:
        if row["Cohort"] in few:
            assert {row["Recorded"], row["Expected in the end"], row["Chance of fewer"]} == {"[c]"}
    levels = levels_of(town_snapshot)
    hidden = levels[(levels["recorded"] > 0) & (levels["recorded"] < 10)]["name"]
    shown = show.table(outcome_forecast.levels(town_snapshot)).data["rows"]
    for row in shown:
        if row["Level"] in set(hidden):
            assert row["Chance of missing it"] == row["Early warning"] == "[c]"


def test_the_fan_is_of_what_was_recorded_then_of_what_is_expected(town_snapshot):
    figure = outcome_forecast.fan(town_snapshot)
    found = outcomes(town_snapshot)
    rows = Presenter(INTERNAL).figure(figure).data["rows"]
    past = [row["Recorded"] for row in rows if row["Recorded"] is not None]
    coming = [row["Expected"] for row in rows if row["Expected"] is not None]
    assert past[-1] == found.development.recorded.sum()
    assert past == sorted(past)
    assert coming == sorted(coming)
    assert coming[0] == round(past[-1] + found.months["expected"].iloc[0])


def test_the_pipeline_has_everybody_who_may_still_have_an_outcome_and_all_outcomes_to_come(town_snapshot):
    found = outcomes(town_snapshot)
    part = found.development
    rows = Presenter(INTERNAL).figure(outcome_forecast.pipeline(town_snapshot)).data["rows"]
    open_still = part.age < part.last
    assert sum(row["People"] for row in rows) == (part.starts - part.recorded)[open_still].sum()
    to_come = sum(row["Outcomes to come"] for row in rows)
    assert to_come == pytest.approx(found.paths.sum(axis=(1, 2)).mean(), abs=0.05 * len(rows))


def test_scenarios_begin_with_the_forecast_itself(town_snapshot):
    rows = Presenter(INTERNAL).table(outcome_forecast.scenarios(town_snapshot)).data["rows"]
    assert rows[0]["If"] == "As forecast, starts going on as now"
    assert rows[0]["Difference"] == 0
    assert [row["If"] for row in rows[1:3]] == ["Job entry 20% lower", "Job entry 20% higher"]


def test_it_says_how_good_forecasts_have_been_here_and_from_how_many_months(town_snapshot):
    sentences = as_text(outcome_forecast.verdict(town_snapshot), INTERNAL)
    assert re.match(
        r"Tested on 6 earlier months, .* was the most accurate( each time|\. It beat .*, the second, in \d of 6)\.",
        sentences[0],
    )
    assert "95% interval held what came in" in sentences[1]
    assert "So few tests cannot check an interval" in sentences[1]


def test_of_a_source_that_forgets_no_forecast_is_judged(town_snapshot):
    contract = town_snapshot.contract.model_copy(update={"history": "overwritten"})
    (sentence,) = as_text(outcome_forecast.verdict(replace(town_snapshot, contract=contract)), INTERNAL)
    assert "the source is overwritten" in sentence
