"""The subcontractor comparison's sentences, tables and figures, and its page, on contracts made here."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup

from perflib import load_snapshot
from perflib.analysis import comparison
from perflib.batch import run
from perflib.disclosure.presenter import Presenter
from perflib.disclosure.rules import Disclosure
from perflib.disclosure.sentences import as_text
from perflib.records.snapshot import Snapshot
from perflib.reporting import subcontractor_comparison
from perflib.reporting.subcontractor_comparison import figures
from perflib.reporting.subcontractor_comparison.tables import names

INSIDE = Disclosure("internal")
OUTSIDE = Disclosure("external", suppress_below=10, round_to=5, names=False)
Tables = Mapping[str, pd.DataFrame]


def contract(folder: Path, tables: Tables, more: str = "") -> None:
    """Write an extract known to September 2019, and its contract."""
    (folder / "contracts").mkdir(parents=True)
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False)
    (folder / "contracts" / "made.yaml").write_text(
        "contract: made\nname: Made for a test\nprogramme: whp\nnation: ENG\n"
        f"source: {{folder: {json.dumps(str(folder))}, known_to: 2019-09-30}}\n"
        "disclosure: {source: made up, invented: true, external: {suppress_below: 10, round_to: 5, names: false}}\n"
        f"releases: [{{through: 2019-09, on: 2019-10-15}}]\n{more}\n",
        encoding="utf-8",
    )


def people(sizes: Mapping[str, int], disabled: Mapping[str, float], odds: Mapping[str, float]) -> Tables:
    """Return starts of 12 months from 2018-01 on; of those who have a disability half as many have first earnings.

    `disabled` is the share of each unit's participants, `odds` multiplies the chance of its own; numbers are exact, not
    drawn, so that units with `odds` of 1 differ in nothing but caseload.
    """
    rows, events = [], []
    for unit, size in sizes.items():
        for i in range(size):
            referral, ill = f"{unit}-{i:04d}", (i * 0.618) % 1 < disabled.get(unit, 0.5)
            start = pd.Timestamp("2018-01-15") + pd.DateOffset(months=i % 12)
            rows.append((referral, referral, unit, "y" if ill else "n", "f" if i % 2 else "m"))
            events += [(referral, "referral", start), (referral, "start", start)]
            if (i * 0.414 + 0.1) % 1 < (0.2 if ill else 0.4) * odds.get(unit, 1):
                events.append((referral, "first_earnings", start + pd.Timedelta(days=100)))
    names = ["referral_id", "participant_id", "subcontractor", "disability", "sex"]
    happened = pd.DataFrame(events, columns=["referral_id", "event", "event_date"])
    return {
        "participants": pd.DataFrame(rows, columns=names).replace("nobody", ""),
        "events": happened.assign(recorded_date=happened["event_date"]),
    }


def roles(**role: str) -> pd.DataFrame:
    table = pd.DataFrame({"unit_id": list(role), "unit_type": "subcontractor", "role": list(role.values())})
    return table.assign(from_date="2018-01-01")


Make = Callable[[Tables], Snapshot]


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    def snapshot(tables: Tables) -> Snapshot:
        folder = tmp_path_factory.mktemp("made")
        contract(folder, tables)
        return load_snapshot("made", "2019-09", params=folder)

    return snapshot


@pytest.fixture(scope="module")
def caseloads(make: Make) -> Snapshot:
    """North and South differ in caseload alone, and East and West in nothing."""
    sizes = dict.fromkeys(["North", "South", "East", "West"], 600)
    return make(people(sizes, {"North": 0.05, "South": 0.95}, {}))


@pytest.fixture(scope="module")
def mixed(make: Make) -> Snapshot:
    """One is weak; others are small, without any, without a name, just begun, or a specialist."""
    sizes = {"Weak": 400, "Large": 600, "Third": 500, "Fourth": 300, "Nought": 60, "One": 1, "nobody": 40}
    tables = dict(people(sizes, {}, {"Weak": 0.5, "Nought": 0}))
    new = people({"New": 40}, {}, {"New": 0})
    new["events"][["event_date", "recorded_date"]] = "2019-09-10"
    return make(
        {name: pd.concat([tables[name], new[name]]) for name in tables}
        | {"units": roles(Large="end_to_end", Gym="specialist")}
    )


def test_units_that_differ_only_in_caseload_are_said_to(caseloads):
    said = as_text(subcontractor_comparison.case_mix_findings(caseloads), INSIDE)
    (both,) = [sentence for sentence in said if "differ only in their caseloads" in sentence]
    assert both.startswith("First earnings: ")
    assert "North" in both
    assert "South" in both
    (north,) = [sentence for sentence in said if "North seemed different" in sentence]
    assert "caseload explains it: the difference is in whom it has, not in what it does" in north
    before, after = map(float, re.findall(r"is (\d\.\d\d) unadjusted and (\d\.\d\d) adjusted", north)[0])
    assert before > 1.15
    assert after == pytest.approx(1, abs=0.08)
    findings = as_text(subcontractor_comparison.findings(caseloads), INSIDE)
    assert findings[0].startswith(
        "No subcontractor differs significantly from the others, and by enough to matter, in: First earnings."
    )
    assert "Differences on these measures are within chance." in findings[0]


def test_a_signal_that_goes_while_the_ratio_stays_is_not_put_down_to_caseload(caseloads, monkeypatch):
    """North a signal unadjusted and none adjusted, its ratio 1.30 and 1.28."""
    plain = pd.DataFrame({"ratio": [1.3, 0.98], "signal": ["above", ""]}, index=["North", "South"])
    adjusted = plain.assign(ratio=[1.28, 0.98], ratio_unadjusted=plain["ratio"], signal="", n=100, observed=50)
    found = adjusted.rename_axis("unit")

    def compare(*named):
        return SimpleNamespace(compared=found, units=plain if named[3:] == ((),) else found)

    monkeypatch.setattr(comparison, "compare", compare)
    said = as_text(subcontractor_comparison.case_mix_findings(caseloads), INSIDE)
    assert not any("caseload explains it" in sentence for sentence in said)
    assert "First earnings: North stands on the border of a signal, and caseload has little to do with it." in said


@pytest.mark.requirement("Q-04", "SES-06", "WHP-26")
def test_what_is_claimed_and_what_is_not(mixed):
    said = as_text(subcontractor_comparison.findings(mixed), INSIDE)
    weak = next(sentence for sentence in said if sentence.startswith("Weak is significantly below"))
    assert re.search(r"First earnings \(\d+, \d+ expected", weak)
    assert [sentence.split()[0] for sentence in said if " is significantly below " in sentence] == ["Nought", "Weak"]
    assert any("a league table would mislead" in sentence for sentence in said)


def test_who_is_not_judged_is_named_with_the_reason(mixed):
    table = subcontractor_comparison.overview(mixed)
    readings = table.frame.set_index("unit")["first_earnings"].to_dict()
    assert readings["New"] == "too soon"
    assert readings["One"] == "too small"
    assert "not recorded" not in readings
    assert any(
        "40 without a recorded unit" in said for said in as_text(subcontractor_comparison.findings(mixed), INSIDE)
    )
    assert readings["Gym"] == "specialist"
    assert readings["Nought"] == "below"
    assert readings["Large"] in ("in line", "above")


@pytest.mark.requirement("SES-33")
@pytest.mark.requirement("KS-26")
def test_places_have_an_interval_and_are_not_bare_ranks(mixed):
    figure = figures.caterpillar(mixed, "subcontractor", "first_earnings", names(mixed))
    assert figure.data.frame["places"].str.fullmatch(r"\d+ to \d+ of \d+").all()
    assert "Gym" not in figure.data.frame["unit"].tolist()


@pytest.mark.requirement("WL-28", "WL-42")
@pytest.mark.requirement("KS-43")
def test_a_sheet_has_kpis_trend_signals_caseload_and_actions(mixed):
    items = Presenter(INSIDE)(subcontractor_comparison.sheets(mixed)).data["items"]
    at = next(place for place, item in enumerate(items) if item.get("caption", "").startswith("Weak: what happened"))
    said, happened, beside = items[at - 1]["sentences"], items[at], items[at + 1]
    assert said[0].startswith("Weak: 400 on the programme on 30 September 2019, 0 of them in work; 0 started")
    assert any(sentence.startswith("Ask first about: First earnings (ratio 0.") for sentence in said)
    assert any(
        sentence.startswith("Trend: First earnings over expected, by quarter of start to December") for sentence in said
    )
    assert "Open actions: not supplied." in said
    rows = {row["KPI"]: row for row in beside["rows"]}
    assert rows["First earnings"]["Reads"] == "below"
    assert rows["First earnings"]["To date"] == sum(
        (i * 0.414 + 0.1) % 1 < (0.1 if (i * 0.618) % 1 < 0.5 else 0.2) for i in range(400)
    )
    assert {row["KPI"]: row["To date"] for row in happened["rows"]}["Starts"] == 400


@pytest.mark.requirement("KS-40")
def test_the_sheet_of_a_specialist_has_no_outcomes(mixed):
    items = Presenter(INSIDE)(subcontractor_comparison.sheets(mixed)).data["items"]
    at = next(place for place, item in enumerate(items) if item.get("caption", "").startswith("Gym: what"))
    assert any("A specialist owns no outcome" in sentence for sentence in items[at - 1]["sentences"])
    assert items[at]["text"] == "Nothing to show: a specialist owns none of it."
    assert all(row["KPI"].startswith("CSS") for row in items[at + 1].get("rows", []))


@pytest.fixture(scope="module")
def managed(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """Two units and a specialist under KS's regime; 30 of Weak's 40 checks pass, 39 of Strong's, and all of Gym's."""
    passed = {"Weak": 30, "Strong": 39, "Gym": 40}
    checks = pd.DataFrame(
        [
            {"check_id": f"{unit}{i}", "kind": "compliance", "unit_type": "subcontractor", "unit_id": unit}
            | {"check_date": "2019-08-05", "result": "pass" if i < passed[unit] else "fail"}
            for unit in passed
            for i in range(40)
        ]
    )
    plan = {"plan_id": "P1", "kind": "pip", "unit_type": "subcontractor", "unit_id": "Weak", "kpi": "compliance"}
    plans = pd.DataFrame(
        [plan | {"expected": "No failed check", "opened_date": "2019-08-19", "due_date": "2019-11-11"}]
    )
    actions = pd.DataFrame(
        [
            {"action_id": "1", "action": "Files checked twice", "owner": "delivery_manager", "due_date": "2019-09-02"},
            {"action_id": "2", "action": "Training", "owner": None, "due_date": "2019-10-07"},
            {
                "action_id": "3",
                "action": "Done already",
                "owner": "x",
                "due_date": "2019-09-02",
                "done_date": "2019-09-01",
            },
        ]
    ).assign(plan_id="P1")
    tables = people({"Weak": 60, "Strong": 60}, {}, {}) | {"units": roles(Gym="specialist")}
    given = {"checks": checks, "plans": plans, "actions": actions}
    tables |= {name: table.assign(recorded_date="2019-09-02") for name, table in given.items()}
    folder = tmp_path_factory.mktemp("managed")
    contract(folder, tables, "management: ks")
    return load_snapshot("made", "2019-09", params=folder)


@pytest.mark.requirement("JII-58")
@pytest.mark.requirement("KS-38b")
@pytest.mark.requirement("KS-40")
def test_the_kpis_of_the_regime_are_counted_by_unit_and_compared(managed):
    ((by_kpi, shares),) = [Presenter(INSIDE)(subcontractor_comparison.kpis(managed)).data["items"]]
    row = next(row for row in by_kpi["rows"] if row["KPI"] == "Compliance and record-keeping")
    assert [row[key] for key in ("Target", "All units: counted", "Of", "Units: hit", "Missed")] == [
        "at least 100%",
        109,
        120,
        1,
        2,
    ]
    shown = {row["Subcontractor"]: row["Compliance and record-keeping"] for row in shares["rows"]}
    assert shown == {"Gym": 1.0, "Strong": 0.975, "Weak": 0.75}
    # of 40 with a chance of 109/120 each, 30 or fewer pass once in more than a thousand times
    assert any(
        "Compliance" in said and "Weak" in said for said in as_text(subcontractor_comparison.findings(managed), INSIDE)
    )


@pytest.mark.requirement("KS-24")
@pytest.mark.requirement("KS-43")
@pytest.mark.requirement("WL-38")
def test_a_sheet_has_the_units_open_actions_with_what_is_late_or_missing(managed):
    items = Presenter(INSIDE)(subcontractor_comparison.sheets(managed)).data["items"]
    at = {item["caption"]: place for place, item in enumerate(items) if "caption" in item}
    said = items[at["Weak: its KPIs"] - 1]["sentences"]
    assert said[-3:] == [
        "Performance Improvement Plan, open since 19 August 2019, due on 11 November 2019: No failed check.",
        "To do: Files checked twice (delivery manager; overdue since 2 September 2019).",
        "To do: Training (nobody is named; by 7 October 2019).",
    ]
    assert "Open actions: no plan is open." in items[at["Strong: its KPIs"] - 1]["sentences"]
    kpis = {row["KPI"]: row for row in items[at["Gym: its KPIs"]]["rows"]}
    assert set(kpis) == {"Compliance and record-keeping", "Participants satisfied"}
    assert kpis["Participants satisfied"]["Result"] == "no data: not supplied"


def test_a_contract_without_a_regime_says_that_it_has_no_kpis(mixed):
    said = Presenter(INSIDE)(subcontractor_comparison.kpis(mixed)).data["sentences"]
    assert said == ["The contract names no regime of management that has KPIs for each subcontractor."]


def numbers(shown: object) -> list[float]:
    """Every count in the tables of what is shown."""
    found = []
    if isinstance(shown, dict):
        columns = {column["header"]: column["kind"] for column in shown.get("columns", [])}
        for row in shown.get("rows", []):
            found += [value for key, value in row.items() if columns[key] == "count" and isinstance(value, int | float)]
        found += [value for item in shown.get("items", []) for value in numbers(item)]
    return found


@pytest.mark.requirement("KS-26", "WL-46")
def test_outside_readers_get_no_name_no_sheet_and_no_small_number(mixed):
    show = Presenter(OUTSIDE)
    shown = [
        show(subcontractor_comparison.funnels(mixed)),
        show(subcontractor_comparison.caterpillars(mixed)),
        show(subcontractor_comparison.case_mix(mixed)),
        show(subcontractor_comparison.trends(mixed)),
        show(subcontractor_comparison.sheets(mixed)),
        show(subcontractor_comparison.findings(mixed)),
        show(subcontractor_comparison.case_mix_findings(mixed)),
        show.table(subcontractor_comparison.overview(mixed)),
        show.table(subcontractor_comparison.by_standard(mixed)),
        show.table(subcontractor_comparison.effects(mixed)),
    ]
    text = json.dumps([item.data for item in shown])
    assert not re.search("Weak|Large|Third|Fourth|New|Gym", text)
    assert "are for internal readers and are not shown here" in text
    counts = [value for item in shown for value in numbers(item.data)]
    assert counts
    assert all(value == 0 or value >= 10 for value in counts)
    assert all(value % 5 == 0 for value in counts)


def test_the_numbers_of_units_outside_are_in_no_order_and_stay(mixed):
    called = names(mixed).outside
    assert sorted(called.values(), key=lambda name: int(name.split()[-1])) == [
        f"Subcontractor {i + 1}" for i in range(len(called))
    ]
    assert called == names(mixed).outside
    assert list(called.values()) != sorted(called.values())


@pytest.mark.parametrize("draw", ["funnel_plot", "caterpillar", "case_mix_shift", "trends"])
def test_every_figure_says_in_words_what_there_is_to_see(mixed, draw):
    figure = getattr(figures, draw)(mixed, "subcontractor", "first_earnings", names(mixed))
    shown = Presenter(INSIDE).figure(figure)
    assert shown.data["kind"] == "figure"
    assert any(name in shown.data["alt"] for name in ("Weak", "Nought", "Fourth"))
    assert "nan" not in shown.data["alt"]


def test_more_units_than_panels_are_said_to_be_left_out(make):
    sizes = {f"U{i:02d}": 40 + i for i in range(26)}
    snapshot = make(people(sizes, {}, {}))
    called = names(snapshot)
    figure = figures.trends(snapshot, "subcontractor", "first_earnings", called)
    assert figure.data.frame["unit"].nunique() == figures.MOST_PANELS
    assert "2 others are not" in figure.data.note
    assert Presenter(INSIDE).figure(figure).data["kind"] == "figure"


def test_a_contract_of_one_unit_says_that_there_is_nobody_to_compare_with(make):
    snapshot = make(people({"Alone": 100}, {}, {}))
    assert as_text(subcontractor_comparison.findings(snapshot), INSIDE) == [
        "No subcontractor is large or old enough to be compared yet: nothing can be said of anybody."
    ]
    assert subcontractor_comparison.overview(snapshot).frame["first_earnings"].tolist() == ["no other unit"]


@pytest.mark.usefixtures("in_process")
def test_the_page_is_made_for_both_audiences(tmp_path, monkeypatch):
    contract(tmp_path / "params", people({"Weak": 300, "Large": 300, "Third": 300}, {}, {"Weak": 0.5}))
    monkeypatch.chdir(tmp_path)
    found = {}
    for audience in ("internal", "external"):
        jobs = run.plan(
            ["made"],
            ["2019-09"],
            run.find_notebooks(["subcontractor_comparison"]),
            known_at="2019-10-15",
            audience=audience,
        )
        (result,) = run.run(jobs, tmp_path / audience, workers=1)
        assert result.error is None
        page = (tmp_path / audience / "made" / "2019-09" / "subcontractor_comparison.html").read_text(encoding="utf-8")
        found[audience] = BeautifulSoup(page, "html.parser").main.get_text(" ", strip=True)
        assert not re.search(r"\b(nan|NaT)\b", found[audience])
    assert "Weak is significantly below" in found["internal"]
    assert "Weak" not in found["external"]
    assert np.all([words in found["internal"] for words in ("Weak: what happened", "A sheet for each meeting")])
