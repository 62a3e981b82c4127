"""How every report opens and closes, and who may see it."""

import platform
import re
from dataclasses import replace
from datetime import date
from importlib.metadata import version

import pandas as pd
import pytest

from perflib.disclosure import audience
from perflib.disclosure.presenter import Presenter
from perflib.disclosure.rules import Disclosure
from perflib.disclosure.sentences import as_text
from perflib.errors import DisclosureError, ParameterError
from perflib.records.loading import PARAMETERS, load_snapshot
from perflib.reporting import data_quality, front_matter, open_report, release
from perflib.reporting.cohort_trends import figures, tables
from perflib.rules.data_source import FolderSource

INTERNAL = Presenter(Disclosure())


def notices(snapshot):
    data = INTERNAL(front_matter.front(snapshot)).data
    items = data.get("items", [data])
    return {item["heading"]: item["text"] for item in items if item["kind"] == "notice"}


def with_(snapshot, **keys):
    """Return a snapshot of a contract with other keys."""
    return replace(snapshot, contract=snapshot.contract.model_copy(update=keys))


def test_a_report_is_for_internal_readers_unless_the_run_says_otherwise(town_snapshot, monkeypatch):
    monkeypatch.delenv(audience.AUDIENCE, raising=False)
    assert open_report(town_snapshot).disclosure == Disclosure("internal", 0, 1, True)
    monkeypatch.setenv(audience.AUDIENCE, "external")
    assert open_report(town_snapshot).disclosure == Disclosure("external", 10, 5, False)
    assert open_report(town_snapshot, "internal").disclosure.audience == "internal"


def test_the_rule_for_each_audience_is_the_contracts(town_snapshot):
    rules = town_snapshot.contract.disclosure
    internal = rules.internal.model_copy(update={"suppress_below": 3, "names": False})
    external = rules.external.model_copy(update={"suppress_below": 20, "round_to": 10})
    snapshot = with_(town_snapshot, disclosure=rules.model_copy(update={"internal": internal, "external": external}))
    assert open_report(snapshot, "internal").disclosure == Disclosure("internal", 3, 1, False)
    assert open_report(snapshot, "external").disclosure == Disclosure("external", 20, 10, False)


def test_there_is_no_other_audience(town_snapshot):
    with pytest.raises(ParameterError, match="audience 'public': give internal or external"):
        open_report(town_snapshot, "public")


@pytest.mark.requirement("SES-34", "JII-56")
@pytest.mark.parametrize(
    ("month", "known_at", "says"),
    [("2020-03", "2020-05-27", "published on 2020-05-28"), ("2020-04", "2020-06-30", "no release covers 2020-04")],
)
def test_an_outside_audience_is_refused_what_is_not_published(month, known_at, says, town_place):
    snapshot = load_snapshot("town", month, known_at, town_place.params)
    with pytest.raises(DisclosureError, match=says):
        open_report(snapshot, "external")


@pytest.mark.requirement("SES-34", "JII-17", "JII-56")
def test_a_month_is_published_on_the_day_of_the_first_release_that_covers_it(town_place):
    released = load_snapshot("town", "2020-02", "2020-05-28", town_place.params)
    assert release.published(released)
    assert open_report(released, "external").disclosure.audience == "external"
    assert not release.published(load_snapshot("town", "2020-02", "2020-05-27", town_place.params))


def test_a_report_says_which_contract_month_and_day_it_is_of(town_snapshot):
    first = INTERNAL(front_matter.front(town_snapshot)).data
    assert first["sentences"] == [
        "town. Work and Health Programme: March 2020, as known on 28 May 2020. Quarters are financial quarters."
    ]


@pytest.mark.requirement("SES-34", "JII-56", "JII-57")
def test_what_is_not_published_carries_the_restriction(town_place, town_snapshot):
    assert "Not published." not in notices(town_snapshot)
    early = load_snapshot("town", "2020-03", params=town_place.params)
    assert notices(early)["Not published."] == early.contract.restriction
    assert notices(with_(early, restriction="Ask first."))["Not published."] == "Ask first."


def test_placeholders_are_said_to_be_placeholders(town_snapshot):
    assert "Placeholders." not in notices(town_snapshot)
    invented = tuple(item.model_copy(update={"invented": True}) for item in town_snapshot.contract.profiles)
    said = notices(with_(town_snapshot, profiles=invented))["Placeholders."]
    assert said.startswith("The profiles in the contract file are placeholders")
    assert "Please note" in notices(with_(town_snapshot, notice="A notice of its own."))


def test_a_source_that_is_overwritten_is_said_to_forget(town_snapshot):
    assert not any("overwritten" in text for text in notices(town_snapshot).values())
    forgetting = with_(town_snapshot, history="overwritten")
    assert any("overwritten" in text for text in notices(forgetting).values())
    assert notices(forgetting)["The extract."].endswith(
        "This report is made from the export of 30 June 2020, less what it says was recorded after 28 May 2020: what "
        "was corrected since stands here as corrected."
    )
    latest = replace(forgetting, known_at=forgetting.known_to)
    assert notices(latest)["The extract."].endswith("what was known earlier cannot be told from it.")


def test_events_without_a_recorded_date_are_named(town_snapshot):
    events = {
        "review": ({"date": "Review", "recorded": "event_date"},),
        "exit": ({"date": "Left", "recorded": "Keyed"},),
    }
    source = FolderSource(folder="x", tables={"events": {"file": "crm.csv", "events": events}})
    assert notices(with_(town_snapshot, source=source))["The extract."].startswith(
        "It does not say when these were recorded: Action Plan reviews. They are taken as recorded on the day"
    )


@pytest.mark.parametrize("name", ["mnth", "contracts", "knownat", "Month", "audience"])
@pytest.mark.parametrize("value", ["2020-03", 5, 1.5, ["a"], {"a": 1}, True, None])
def test_a_parameter_that_a_notebook_does_not_have_is_refused(name, value):
    with pytest.raises(ParameterError, match=f"'{name}' is no parameter of this notebook"):
        front_matter.check_parameters({"contract": "town", "month": None, name: value})


def test_a_misspelt_parameter_is_told_from_an_unknown_one():
    with pytest.raises(ParameterError, match=r"did you mean 'month'\?"):
        front_matter.check_parameters({"mnth": "2020-03"})
    with pytest.raises(ParameterError, match="it has contract, month, known_at, params"):
        front_matter.check_parameters({"zone": "2020-03"})


def test_what_python_and_jupyter_put_into_a_notebook_is_no_parameter():
    names = {"__name__": "__main__", "_i1": "month = 1", "In": ["a"], "Out": {1: 2}, "exit": "x", "pd": pd}
    front_matter.check_parameters(names | dict.fromkeys(PARAMETERS, "2020-03"))


def test_there_is_a_chart_of_every_measure_that_the_programme_charts(town_snapshot):
    items = INTERNAL(figures.control_charts(town_snapshot)).data["items"]
    labels = [town_snapshot.programme.label(rule.measure) for rule in town_snapshot.programme.trends]
    assert [item["caption"].startswith(label) for item, label in zip(items, labels, strict=True)] == [True] * 5


def test_without_a_trend_that_is_said(town_snapshot):
    programme = town_snapshot.programme.model_copy(update={"trends": ()})
    shown = INTERNAL(figures.control_charts(with_(town_snapshot, programme=programme)))
    assert shown.data["sentences"] == ["No month is complete yet, so there is no trend to show."]


@pytest.mark.requirement("SES-07", "JII-13")
def test_provenance_is_what_is_needed_to_make_the_report_again(town_snapshot):
    shown = dict(zip(*(front_matter.provenance(town_snapshot).frame[name] for name in ("what", "value")), strict=True))
    assert shown["Contract"] == "town"
    assert shown["Month"] == "2020-03"
    assert shown["As known on"] == "2020-05-28"
    assert shown["Day one"] == "2019-01-01"
    assert shown["Last day recorded in the rows used"] == f"{town_snapshot.events['recorded_date'].max().date()}"
    assert shown["Programme rules"] == town_snapshot.programme.source
    assert shown["Data fingerprint (SHA-256 of the rows used)"] == town_snapshot.fingerprint
    assert shown["Versions"].startswith(f"perflib {version('perflib')}, pandas {pd.__version__}")
    assert shown["Versions"].endswith(f"Python {platform.python_version()}")


def test_provenance_holds_no_count_which_no_audience_rule_would_reach(town_snapshot):
    values = front_matter.provenance(town_snapshot).frame["value"]
    assert not [value for value in values if re.fullmatch(r"[\d,]+", value)]


def test_conventions_are_those_of_the_contracts_own_rules(town_snapshot):
    said = " ".join(
        as_text(front_matter.conventions(with_(town_snapshot, quarter_basis="department")), INTERNAL.disclosure)
    )
    assert "employed outcomes to day 639" in said
    assert "self-employed outcomes to day 639, claimed by day 700" in said
    assert "starts, did not attend and did not start" in said
    assert "Quarters are department quarters" in said


def test_outside_each_count_is_the_internal_one_rounded_or_it_is_hidden(town_snapshot):
    inside, outside = (open_report(town_snapshot, audience) for audience in ("internal", "external"))
    pairs = []
    for table in (tables.flow_table, tables.referral_results, tables.positions, data_quality.completeness):
        exact, told = (show.table(table(town_snapshot)).data["rows"] for show in (inside, outside))
        for one, other in zip(exact, told, strict=True):
            pairs += [(value, other[header]) for header, value in one.items() if isinstance(value, int)]
    assert all(told in ("[c]", 5 * int(exact / 5 + 0.5)) for exact, told in pairs)
    assert {"[c]", 0, 15} <= {told for _, told in pairs}
    assert all(told == "[c]" for exact, told in pairs if 0 < exact < 10)


def test_a_report_says_when_the_extract_ends_before_the_day_it_is_made_for(town_snapshot):
    # Town is asked for as known on 28 May 2020, a Thursday.
    assert "Extract ends earlier." not in notices(replace(town_snapshot, known_to=town_snapshot.known_at))
    said = notices(replace(town_snapshot, known_to=date(2020, 5, 26)))["Extract ends earlier."]
    assert "recorded to 26 May 2020" in said
    assert "as known on 28 May 2020" in said
