"""The report on ratings and plans: what it says, to whom, and with what regime."""

import json
import re
from dataclasses import replace

import pytest

from perflib import load_snapshot
from perflib.disclosure.presenter import Presenter, Shown
from perflib.disclosure.rules import Disclosure
from perflib.disclosure.sentences import as_text
from perflib.records.snapshot import Snapshot
from perflib.reporting import performance_ratings
from perflib.reporting.performance_ratings.tables import NO_RATING, NO_REGIME
from perflib.rules.contract import Contract

INSIDE = Presenter(Disclosure("internal"))
OUTSIDE = Presenter(Disclosure("external", suppress_below=10, round_to=5, names=False))
SECTIONS = (
    performance_ratings.each_kind,
    performance_ratings.transitions,
    performance_ratings.kpis,
    performance_ratings.themes,
)
PLANS = (
    performance_ratings.plans,
    performance_ratings.exceptions,
    performance_ratings.effect,
    performance_ratings.recurrence,
    performance_ratings.ladder,
)


@pytest.fixture(scope="module")
def sample() -> Snapshot:
    return load_snapshot("whp-sample", "2020-09")


@pytest.fixture(scope="module")
def ladder() -> Snapshot:
    return load_snapshot("ses-sample", "2020-09")


def tables(shown: Shown) -> dict[str, list[dict]]:
    """Return the rows of every table that is shown, by caption."""
    items = shown.data.get("items", [shown.data])
    return {item["caption"]: item.get("rows", []) for item in items if "caption" in item}


@pytest.mark.requirement("KS-44")
@pytest.mark.requirement("KS-45")
@pytest.mark.requirement("KS-46")
def test_every_row_of_ratings_follows_the_rule_of_missed_quarters_running(sample: Snapshot) -> None:
    """Amber after Green or after nothing, Red after Amber or Red: read off the page, quarter by quarter."""
    pages = tables(INSIDE(performance_ratings.each_kind(sample)))
    rows = [row for caption, rows in pages.items() if caption.endswith("ratings by quarter") for row in rows]
    assert len(rows) > 60  # the contract, 11 subcontractors, 46 caseworkers, 9 officers of each kind
    steps = set()
    for row in rows:
        held = [value for key, value in row.items() if key.startswith("To ") and value in ("Green", "Amber", "Red")]
        steps |= set(zip(held, held[1:], strict=False))
    assert steps <= {
        ("Green", "Green"),
        ("Green", "Amber"),
        ("Amber", "Green"),
        ("Amber", "Red"),
        ("Red", "Red"),
        ("Red", "Green"),
    }
    assert ("Amber", "Red") in steps


@pytest.mark.requirement("KS-47")
@pytest.mark.requirement("WL-38")
def test_what_is_missing_is_listed(sample: Snapshot) -> None:
    (found,) = tables(INSIDE(performance_ratings.exceptions(sample))).values()
    whats = {row["What"]: row for row in found}
    # params/contracts/whp-sample.yaml: A7 has no owner, A4 no measure; P4's review of 24 August was not held.
    assert whats["Action without an owner"]["Whose"] == "Whole contract"
    assert whats["Action without a measure"]["Whose"] == "SC04"
    assert whats["Review overdue"]["Whose"] == "SC08-1"
    assert whats["Review overdue"]["Days"] == 37  # 24 August to 30 September


@pytest.mark.requirement("KS-55")
@pytest.mark.requirement("WL-40")
def test_the_effect_of_a_plan_comes_with_the_caution_about_the_worst_quarter(sample: Snapshot) -> None:
    shown = INSIDE(performance_ratings.effect(sample))
    assert "worst" in shown.data["items"][0]["sentences"][0]
    row = next(
        row for row in tables(shown)["Before and after each plan that has ended"] if row["Subcontractor"] == "SC04"
    )
    assert row["Reads"] in ("no more than would have come anyway", "more than would have come anyway")
    assert all(re.fullmatch(r"\d+\.\d%", row[name]) for name in ("Before", "After", "Expected anyway"))


@pytest.mark.requirement("WL-42c")
def test_a_ladder_has_its_steps_with_dates_and_the_targets_original_and_revised(ladder: Snapshot) -> None:
    pages = tables(INSIDE(performance_ratings.ladder(ladder)))
    steps = [(row["Partner"], row["Step"], row["State"]) for row in pages["Measures taken with partners"]]
    assert steps == [("SP04", 1, "closed"), ("SP04", 2, "overdue"), ("SP05", 3, "open")]
    (changed,) = pages["Targets that were set for single units"]
    assert (changed["The regime's"], changed["Its own"]) == ("90.0%", "70.0%")
    assert (
        as_text(performance_ratings.findings(ladder), INSIDE.disclosure)[0] == NO_RATING.template
    )  # Working Links' answer has no ratings


@pytest.mark.requirement("KS-52")
def test_outside_readers_get_no_staff_and_no_plan(sample: Snapshot) -> None:
    shown = [OUTSIDE(section(sample)) for section in (*SECTIONS, *PLANS)]
    text = json.dumps([item.data for item in shown] + as_text(performance_ratings.findings(sample), OUTSIDE.disclosure))
    assert not re.search(r"SC\d|SP\d|CW\d|EO\d|AM\d", text)
    assert text.count("are for internal readers") + text.count("is for internal readers") == 5


@pytest.mark.requirement("KS-28")
def test_the_register_has_every_kpi_with_role_target_date_and_source(sample: Snapshot) -> None:
    found = INSIDE.table(performance_ratings.register(sample)).data["rows"]
    names = [row["KPI"] for row in found]
    assert names == [kpi.name for kpi in sample.contract.kpis.values()]
    starts = found[names.index("Starts against profile")]
    assert starts["Who has it"] == "Contract Managers and Engagement Officers"
    assert (starts["Target"], starts["Since"], starts["Source"]) == ("at least 75%", "1 Jan 2018", "sample (invented)")


def test_a_contract_without_a_regime_says_so_in_every_section(sample: Snapshot) -> None:
    bare = Contract.model_validate(
        dict(sample.contract) | {"management": None, "kpis": {}, "rating": None, "standards": {}}
    )
    snapshot = replace(sample, contract=bare)
    assert as_text(performance_ratings.findings(snapshot), INSIDE.disclosure) == [NO_REGIME.template]
    for section in (performance_ratings.each_kind, performance_ratings.kpis):
        assert INSIDE(section(snapshot)).data["sentences"] == [NO_REGIME.template]
    for section in PLANS:
        assert INSIDE(section(snapshot)).data
    assert performance_ratings.conventions(snapshot) == [NO_REGIME]
