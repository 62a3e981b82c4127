"""Management regimes: what comes with perflib, how a contract takes one on, and what a wrong one is told."""

from pathlib import Path

import pytest

from perflib.errors import ParameterError
from perflib.rules.contract import Contract, load_contract, load_management, load_programme

CONTRACT = """\
contract: made-here
name: Made for a test
programme: {programme}
nation: ENG
source: extract
disclosure: {{source: none, invented: true}}
{more}
"""


def contract(folder: Path, more: str, programme: str = "whp") -> Contract:
    path = folder / "contracts" / "made-here.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(CONTRACT.format(programme=programme, more=more), encoding="utf-8")
    return load_contract("made-here", folder)


@pytest.mark.requirement("WL-04")
@pytest.mark.requirement("WL-08")
@pytest.mark.requirement("WL-19")
@pytest.mark.requirement("WL-45")
def test_every_number_that_working_links_answer_blacks_out_is_marked_as_invented() -> None:
    # S1 lines 45 to 55, 69, 86 and 169: all of them are redacted
    standards = load_management("wl").standards
    assert {name for name, rule in standards.items() if rule.invented} == {
        *("mpl1", "mpl2", "mpl3", "mpl4", "mpl5"),
        *("wl_updates", "wl_plan_sent", "wl_notices"),
    }
    assert set(standards) == {name for name, rule in standards.items() if "redacted" in rule.source}


@pytest.mark.requirement("KS-06")
@pytest.mark.requirement("KS-56")
def test_what_ks_answer_says_is_not_invented_and_what_it_does_not_say_is() -> None:
    # S0 lines 46 to 48: "at least monthly"; lines 155 and 156: "immediately", without a number
    standards = load_management("ks").standards
    assert {name: rule.invented for name, rule in standards.items()} == {"ks_reviews": False, "ks_red_flags": True}
    assert standards["ks_reviews"].asks([]) == "review in every calendar month, from start to exit"
    assert standards["ks_red_flags"].asks([]) == "identified date to notified date: within 0 working days"


@pytest.mark.requirement("Q-02", "KS-20", "KS-21", "KS-22", "KS-26")
@pytest.mark.requirement("WL-17", "WL-20", "WL-21", "WL-27", "WL-33", "WL-42a", "WHP-08", "WHP-27", "JII-46")
def test_reports_come_as_often_as_the_documents_say() -> None:
    # S0 lines 81 to 90 and 122; S1 lines 68, 86 to 92 and 151; WHP ch. 16 paras 7, 17 and 23; SES ch. 7, 7.07; Group
    # Work ch. 6, 6.10 and 6.27
    ks, wl = load_management("ks").reports, load_management("wl").reports
    assert {name: rule.every for name, rule in ks.items()} == {
        "scores_on_the_doors": "day",
        "team_tables": "day",
        "weekly_management": "week",
        "quarterly_trends": "quarter",
        "contract_review": "month",
        "unit_meetings": "month",
    }
    said = {"caseload_review": "day", "prap_export": "day", "partner_calls": "week"}
    named_so = {"performance_summary": "week", "performance_report": "month"}
    assert {name: wl[name].every for name in said | named_so} == said | named_so
    assert {name for name in wl if not wl[name].invented} == said.keys()  # all others are redacted
    assert "site_visits" in wl
    assert {name for name, rule in (ks | wl).items() if rule.reviewed} == {  # S0 lines 82 to 86, S1 lines 82 to 92
        *("weekly_management", "quarterly_trends", "performance_summary", "performance_report")
    }
    whp, ses, jobs2 = (load_programme(name).reports for name in ("whp", "ses", "jobs2"))
    assert {name: rule.every for name, rule in whp.items() if not rule.invented} == {
        "cpr_mi": "month",
        "mi_pack": "month",
        "review": "month",
    }
    assert (ses["review"].every, ses["review"].invented) == ("month", True)  # "regular"
    assert {name: rule.every for name, rule in jobs2.items()} == dict.fromkeys(
        ("course_starts", "consented_dataset"), "month"
    )


def test_a_contracts_standards_are_the_programmes_then_the_regimes_then_its_own(tmp_path: Path) -> None:
    found = contract(
        tmp_path,
        """\
management: wl
standards:
  mpl1: {target: {at_least: 0.93}, source: Schedule 2}
  tcss1: {name: "tCSS 1", source: Schedule 2, to: assessment, limit: 15}
""",
    )
    assert found.management is not None
    assert found.management.name == "Working Links"
    assert list(found.standards) == [*load_programme("whp").standards, *load_management("wl").standards, "tcss1"]
    assert (found.standards["mpl1"].promises, found.standards["mpl1"].invented) == ("at least 93 %", False)
    assert "limits of some service standards" in found.invented


def test_without_a_regime_nothing_is_added(tmp_path: Path) -> None:
    found = contract(tmp_path, "")
    assert found.management is None
    assert found.standards == load_programme("whp").standards


@pytest.mark.requirement("KS-06")
def test_a_regime_brings_the_events_that_the_programme_does_not_have_and_changes_no_others(tmp_path: Path) -> None:
    group_work, whp = load_programme("jobs2"), load_programme("whp")
    assert "review" not in group_work.events
    found = contract(tmp_path, "management: ks", programme="jobs2").programme
    assert found.events["review"].repeats
    assert found.events == {**found.events, **group_work.events}
    assert load_management("ks").extend(whp).events.keys() == whp.events.keys()
    assert load_management("ks").extend(whp).events["review"] == whp.events["review"]


def test_an_own_regime_stands_beside_those_that_come_with_perflib(tmp_path: Path) -> None:
    own = tmp_path / "management" / "ours.yaml"
    own.parent.mkdir()
    own.write_text(
        "management: ours\nname: Ours\nsource: handbook\nstandards:\n"
        "  seen: {name: Seen, source: handbook, to: appointment, limit: 3}\n",
        encoding="utf-8",
    )
    assert list(contract(tmp_path, "management: ours").standards)[-1] == "seen"
    assert load_management("ks", tmp_path).name == "KS"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("management: kss", "line 7: management: management 'kss': "),
        ("management: kss", "did you mean 'ks'?"),
        ("management: [ks]", "line 7: management: [ks] is not allowed: name a management, for example ks."),
        ("management:", "line 7: management: missing; name a management, for example management: ks."),
        ("management: bad", "line 4: standards.seen.limt: unknown key; did you mean 'limit'?"),
        ("management: unheard", "'heard' is no event of the programme"),
    ],
)
def test_a_wrong_regime_is_told_in_one_line_where_it_stands(tmp_path: Path, more: str, message: str) -> None:
    for name, rule in {"bad": "limt: 3", "unheard": "to: heard"}.items():
        path = tmp_path / "management" / f"{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(
            f"management: {name}\nname: Ours\nsource: handbook\nstandards: {{seen: {{name: S, source: b, {rule}}}}}\n",
            encoding="utf-8",
        )
    with pytest.raises(ParameterError) as error:
        contract(tmp_path, more)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
