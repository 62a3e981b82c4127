"""An attribute that only one contract's extract has: named in its YAML, read, checked, cut by, and shown."""

import pandas as pd
import pytest

from perflib import load_snapshot
from perflib.analysis import cohorts, counts, cuts, standards
from perflib.errors import ParameterError

MONTH, PUBLISHED = "2020-03", "2020-05-28"
OWN = """
attributes:
  housing:
    label: Housing
    codes: {owned: {label: Owns a home}, rented: {label: Rents}, none: {label: No fixed home, aliases: [homeless]}}
  dependants: {label: Dependants, minimum: 0, maximum: 20, bands: [0, 1, 3]}
"""
CUTS = "cuts: {cohort_trends: [housing]}\n"


@pytest.fixture
def housed(place):
    """The contract `town`, of which the extract has two more columns."""
    file = place.extract() / "participants.csv"
    people = pd.read_csv(file)
    number = pd.Series(range(len(people)), index=people.index)
    people["housing"] = number.map(lambda n: ["owned", "Rented", "homeless", ""][n % 4])
    people["dependants"] = number % 5
    people.loc[people.index[0], "dependants"] = 99
    place.contract(more=OWN + CUTS)
    people.to_csv(file, index=False)
    return load_snapshot("town", MONTH, PUBLISHED, place.params), people.set_index("referral_id")


def test_it_is_read_by_its_codes_and_bounds_and_what_is_unusable_is_set_aside(housed):
    snapshot, people = housed
    found = snapshot.journeys.set_index(snapshot.journeys["referral_id"].astype("str"))["housing"]
    plain = people["housing"].str.lower().replace({"homeless": "none"}).reindex(found.index)
    assert found.astype("str").fillna("").tolist() == plain.tolist()
    aside = snapshot.set_aside[snapshot.set_aside["column"] == "dependants"]
    assert len(aside) == 1


def test_everything_can_be_cut_by_it(housed):
    snapshot, _ = housed
    started = snapshot.journeys.dropna(subset="start")
    plain = started["housing"].astype("str").fillna("not recorded").value_counts().to_dict()
    found = cohorts.triangle(snapshot, by="housing").starts.groupby(level=0).sum()
    assert found.to_dict() == plain
    assert cuts.mask(snapshot, {"housing": "Rents"}).sum() == (snapshot.journeys["housing"] == "rented").sum()
    assert cuts.mask(snapshot, {"dependants": "3 and over"}).sum() == (snapshot.journeys["dependants"] >= 3).sum()
    assert "housing" in standards.measure(snapshot, by="housing")


def test_cuts_says_which_report_shows_it(housed):
    snapshot, _ = housed
    assert "housing" in snapshot.contract.shows("cohort_trends")
    assert "housing" not in snapshot.contract.shows("performance_summary")
    shown = counts.demographics(snapshot, snapshot.contract.shows("cohort_trends"))
    assert {"Rents", "Owns a home", "No fixed home"} <= set(shown.loc[shown["attribute"] == "Housing", "value"])


@pytest.mark.usefixtures("housed", "in_process")
def test_the_report_shows_it(place, perflib):
    said = perflib(
        "run", "--contract", "town", "--month", MONTH, "--known-at", PUBLISHED, "--notebook", "cohort_trends"
    )
    assert said.status == 0, said.err
    assert "No fixed home" in (place.root / "reports/town" / MONTH / "cohort_trends.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ("attributes: {age: {label: Age}}\n", "'age' is a column or an event already"),
        ("attributes: {start: {label: Start}}\n", "'start' is a column or an event already"),
        ("attributes: {participant_id: {label: Who}}\n", "is a column or an event already"),
        ("attributes: {housing: {lable: Housing}}\n", "label"),
        ("cuts: {cohort_trends: [housing]}\n", "housing"),
        ("cuts: {cohort_trend: [sex]}\n", "cohort_trend"),
    ],
)
def test_what_is_wrong_in_the_file_is_said(place, more, says):
    place.contract(more=f"\n{more}")
    with pytest.raises(ParameterError, match=says):
        load_snapshot("town", MONTH, params=place.params)
