"""KPIs by unit and period: every figure worked by hand, the target in force, and what is said where there is none."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from perflib.analysis import kpis
from perflib.errors import ParameterError
from perflib.records.schemas import TABLES
from perflib.records.snapshot import Snapshot
from perflib.rules.contract import Contract, load_management, load_programme
from perflib.rules.programme import RecordingDelay

Make = Callable[..., Snapshot]

# Two subcontractors. SC1: A, B, C referred, A and B started, A had a job in February. SC2: D, referred and started.
JOURNEYS = """\
A referral=2018-01-02 start=2018-01-10 job_start=2018-02-05 subcontractor=SC1 caseworker=CW1 customer_group=ltu
B referral=2018-01-03 start=2018-01-12 exit=2018-03-01 subcontractor=SC1 caseworker=CW2 customer_group=ltu
C referral=2018-02-05 did_not_attend=2018-02-08 subcontractor=SC1 caseworker=CW1 customer_group=ltu
D referral=2018-02-06 start=2018-02-20 subcontractor=SC2 caseworker=CW3 customer_group=ltu
"""
PROMISED = {
    "profiles": [{"group": "ltu", "from": "2018-01", "source": "made up", "values": [0, 0.5, 1]}],
    "volumes": [
        {"measure": "referral", "from": "2018-01", "source": "made up", "values": [4, 4, 4, 4]},
        {"measure": "start", "from": "2018-01", "source": "made up", "values": [2, 2, 2, 2]},
    ],
}


def kpi(kind: str = "count", **keys: Any) -> dict[str, Any]:
    """Return a KPI of subcontractors and of the contract, with a target where one is given."""
    target = keys.pop("target", None)
    dated = {"target": [{"value": target, "from": "2018-01-01", "source": "made up"}]} if target else {}
    return {"name": "K", "source": "made up", "kind": kind, "roles": ["caseworker", "contract_manager"]} | keys | dated


def figures(snapshot: Snapshot, unit: str, name: str = "k", basis: kpis.Basis = "quarter") -> dict[str, list[Any]]:
    found = kpis.scores(snapshot, unit, basis)
    found = found[found["kpi"] == name]
    shown = found[["numerator", "denominator", "result"]].astype(object).where(found.notna(), None)
    return {f"{row.unit} {row.period}": list(shown.loc[row.Index]) for row in found.itertuples()}


@pytest.mark.requirement("KS-33")
def test_job_starts_of_participants_on_the_programme_on_the_first_of_each_month(supplied: Make) -> None:
    # SC1: nobody on 1 January; A and B on 1 February; on 1 March B has left: 0 + 2 + 1. SC2: D on 1 March.
    rules = {"k": kpi(of="job_start", per="on_programme", target={"at_least": 0.3})}
    snapshot = supplied(JOURNEYS, kpis=rules)
    assert figures(snapshot, "subcontractor") == {
        "SC1 2018-03": [1, 3, "hit"],  # a third
        "SC2 2018-03": [0, 1, "not_clear"],
    }
    assert figures(snapshot, "contract") == {"made-here 2018-03": [1, 4, "not_clear"]}
    assert figures(snapshot, "caseworker")["CW1 2018-03"] == [1, 2, "hit"]


@pytest.mark.requirement("KS-29")
@pytest.mark.requirement("KS-38a")
def test_starts_of_those_promised_a_units_promise_following_from_its_own_referrals(supplied: Make) -> None:
    # Half of the referrals are promised to start. SC1 has 3 referrals: 1.5; SC2 has 1: 0.5. The contract: 2 a month.
    snapshot = supplied(JOURNEYS, kpis={"k": kpi("profile", of="start", target={"at_least": 1})}, **PROMISED)
    assert figures(snapshot, "subcontractor") == {"SC1 2018-03": [2, 1.5, "hit"], "SC2 2018-03": [1, 0.5, "hit"]}
    assert figures(snapshot, "contract") == {"made-here 2018-03": [3, 6, "not_clear"]}


@pytest.mark.requirement("KS-39")
def test_outcomes_of_those_promised_to_a_units_own_starts(supplied: Make) -> None:
    # SC1: two starts in January: 0, 1, 1 promised in January, February, March. SC2: one in February: 0, 0.5.
    lines = JOURNEYS.replace("job_start=2018-02-05", "job_outcome=2018-03-05")
    snapshot = supplied(lines, kpis={"k": kpi("profile", of="outcome", target={"at_least": 0.5})}, **PROMISED)
    assert figures(snapshot, "subcontractor") == {"SC1 2018-03": [1, 2, "hit"], "SC2 2018-03": [0, 0.5, "not_clear"]}
    assert figures(snapshot, "subcontractor", basis="month") == {
        "SC1 2018-01": [0, 0, "no_data"],
        "SC1 2018-02": [0, 1, "not_clear"],
        "SC1 2018-03": [1, 1, "hit"],
        "SC2 2018-02": [0, 0, "no_data"],
        "SC2 2018-03": [0, 0.5, "not_clear"],
    }


def test_a_standards_share_is_that_of_its_own_analysis(supplied: Make) -> None:
    # Within 10 working days of the referral: A by day 6, B by 7, C by 3, D (6 to 20 February) by day 10: all four.
    snapshot = supplied(JOURNEYS, kpis={"k": kpi("standard", standard="css1a", target={"at_least": 1})})
    assert figures(snapshot, "subcontractor") == {"SC1 2018-03": [3, 3, "hit"], "SC2 2018-03": [1, 1, "hit"]}
    assert figures(snapshot, "contract") == {"made-here 2018-03": [4, 4, "hit"]}


@pytest.mark.requirement("KS-34")
def test_complaints_of_participants_on_the_programme(supplied: Make) -> None:
    row = {"feedback_id": "F1", "kind": "complaint", "referral_id": "A", "received_date": "2018-03-09"}
    rules = {"k": kpi(table="feedback", where={"kind": ["complaint"]}, per="on_programme", target={"at_most": 0.5})}
    snapshot = supplied(JOURNEYS, kpis=rules, feedback=[row | {"recorded_date": "2018-03-09"}])
    assert figures(snapshot, "subcontractor") == {"SC1 2018-03": [1, 3, "hit"], "SC2 2018-03": [0, 1, "hit"]}
    assert figures(supplied(JOURNEYS, kpis=rules), "subcontractor")["SC1 2018-03"] == [None, None, "no_data"]


@pytest.mark.requirement("KS-30")
@pytest.mark.requirement("KS-37a")
def test_activities_are_added_up_and_a_bare_count_has_no_denominator(supplied: Make) -> None:
    rows = [
        {"activity_id": "1", "kind": "placement", "unit_type": "subcontractor", "unit_id": "SC1", "date": "2018-02-01"},
        {"activity_id": "2", "kind": "placement", "unit_type": "subcontractor", "unit_id": "SC1", "date": "2018-02-02"},
    ]
    rows = [row | {"number": number, "recorded_date": row["date"]} for row, number in zip(rows, [3, None], strict=True)]
    rules = {"k": kpi(table="activities", where={"kind": ["placement"]}, adds="number", target={"at_least": 4})}
    found = figures(supplied(JOURNEYS, kpis=rules, activities=rows), "subcontractor")
    assert found == {"SC1 2018-03": [4, None, "hit"], "SC2 2018-03": [0, None, "missed"]}  # a blank number is one


def rows_of(table: str, *kinds: str, **columns: Any) -> list[dict[str, Any]]:
    """Return a row of a table for each kind, of SC1 on 5 February 2018."""
    key, day = {"activities": ("activity_id", "date"), "checks": ("check_id", "check_date")}[table]
    row = {"unit_type": "subcontractor", "unit_id": "SC1", day: "2018-02-05", "recorded_date": "2018-02-05"}
    return [row | {key: f"{kind}{n}", "kind": kind} | columns for n, kind in enumerate(kinds)]


@pytest.mark.requirement("KS-30", "KS-37a", "KS-37b", "KS-37d")
@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("eligibility_checks", ["eligibility_check"]),
        ("placements", ["work_taster", "placement", "work_experience"]),
        ("employer_meetings", ["employer_meeting"]),
        ("sessions", ["session"]),
    ],
)
def test_the_regimes_own_counts_are_of_their_own_kinds(supplied: Make, name: str, kinds: list[str]) -> None:
    every = ["eligibility_check", "work_taster", "placement", "work_experience", "employer_meeting", "session"]
    rows = rows_of("activities", *every, *every, number=3)
    found = figures(supplied(JOURNEYS, activities=rows), "subcontractor", name)
    assert found == {"SC1 2018-03": [6 * len(kinds), None, "no_target"], "SC2 2018-03": [0, None, "no_target"]}


@pytest.mark.requirement("KS-31", "KS-32", "WL-16", "WL-28", "WL-33")
@pytest.mark.parametrize(
    ("regime", "name", "kind"),
    [
        ("ks", "referrals_accepted", "submission"),
        ("ks", "evidence_quality", "evidence"),
        ("wl", "claims_checked", "claim_evidence"),
        ("wl", "sample_checks", "audit"),
    ],
)
def test_the_regimes_own_shares_are_of_what_is_decided(supplied: Make, regime: str, name: str, kind: str) -> None:
    # Three pass, one does not, one is pending: 3 of 4. One of another kind is none of its own.
    rows = [*rows_of("checks", kind, kind, kind, "other", result="pass")]
    rows += [row | {"check_id": f"no {row['check_id']}"} for row in rows_of("checks", kind, result="fail")]
    rows += [row | {"check_id": f"not {row['check_id']}"} for row in rows_of("checks", kind, result="pending")]
    snapshot = supplied(JOURNEYS, management=load_management(regime), checks=rows)
    assert figures(snapshot, "subcontractor", name)["SC1 2018-03"][:2] == [3, 4]
    assert figures(snapshot, "subcontractor", name)["SC2 2018-03"] == [None, None, "no_data"]


@pytest.mark.requirement("KS-35", "KS-38c")
def test_satisfaction_of_just_the_target_is_not_more_than_it(supplied: Make) -> None:
    # Four of five score 4 or more: 80 %, where more than 80 % is asked. One complaint of 0 + 2 + 2 on the programme.
    row = {"unit_type": "contract", "received_date": "2018-02-05", "recorded_date": "2018-02-05"}
    answers = [
        row | {"feedback_id": f"{n}", "kind": "survey", "score": score} for n, score in enumerate([4, 5, 4, 5, 3])
    ]
    complaint = row | {"feedback_id": "C", "kind": "complaint"}
    snapshot = supplied(JOURNEYS, feedback=[*answers, complaint])
    assert figures(snapshot, "contract", "satisfaction") == {"made-here 2018-03": [4, 5, "not_clear"]}
    assert figures(snapshot, "contract", "complaints") == {"made-here 2018-03": [1, 4, "not_clear"]}
    more = [*answers, answers[0] | {"feedback_id": "5"}]
    assert figures(supplied(JOURNEYS, feedback=more), "contract", "satisfaction") == {
        "made-here 2018-03": [5, 6, "hit"]
    }


@pytest.mark.requirement("WL-24")
def test_complaints_and_answers_month_by_month(supplied: Make) -> None:
    row = {"unit_type": "contract", "kind": "complaint"}
    days = ["2018-02-05", "2018-02-06", "2018-03-05"]
    feedback = [row | {"feedback_id": day, "received_date": day, "recorded_date": day} for day in days]
    feedback += [row | {"feedback_id": f"S{row['feedback_id']}", "kind": "survey", "score": 5} for row in feedback]
    snapshot = supplied(JOURNEYS, management=load_management("wl"), feedback=feedback)
    # on the programme on the first of the month: nobody, A and B, A and D
    assert figures(snapshot, "contract", "complaints", "month") == {
        "made-here 2018-01": [0, 0, "no_data"],
        "made-here 2018-02": [2, 2, "no_target"],
        "made-here 2018-03": [1, 2, "no_target"],
    }
    satisfied = figures(snapshot, "contract", "satisfaction", "month")
    assert [satisfied[f"made-here 2018-0{month}"][:2] for month in (2, 3)] == [[2, 2], [1, 1]]


@pytest.mark.requirement("KS-37c")
def test_short_and_sustained_outcomes_are_held_to_what_was_promised_of_each(supplied: Make) -> None:
    # SC1 has two starts in January, SC2 one in February; promised by age: short .5, 1; sustained 0, .5, .5.
    lines = JOURNEYS.replace("job_start=2018-02-05", "job_start=2018-02-05 short_outcome=2018-03-05")
    lines = lines.replace(" customer_group=ltu", "")
    promised = {"short_outcome": [0.5, 1], "sustained_outcome": [0, 0.5]}
    profiles = [
        {"measure": name, "from": "2018-01", "source": "made up", "values": values} for name, values in promised.items()
    ]
    snapshot = supplied(lines, programme=load_programme("ses"), profiles=profiles)
    assert figures(snapshot, "subcontractor", "job_starts")["SC1 2018-03"][:2] == [1, 3]
    assert figures(snapshot, "subcontractor", "short_outcomes") == {
        "SC1 2018-03": [1, 2, "not_clear"],
        "SC2 2018-03": [0, 1, "not_clear"],
    }
    assert figures(snapshot, "subcontractor", "sustained_outcomes") == {
        "SC1 2018-03": [0, 1, "not_clear"],
        "SC2 2018-03": [0, 0.5, "not_clear"],
    }


SUSTAINED = [
    {"measure": "outcome", "from": "2018-01", "source": "made up", "values": [0.5, 1]},
    {"measure": "sustained", "from": "2018-01", "source": "made up", "values": [0, 0.5]},
]


@pytest.mark.requirement("KS-19", "KS-33", "KS-37c", "KS-38a")
@pytest.mark.parametrize("unit", ["contract", "subcontractor"])
def test_short_and_sustained_outcomes_have_figures_where_the_contract_promises_the_programmes_measure(
    supplied: Make, unit: str
) -> None:
    """Promised by measure (`outcome`, `sustained`), not by event: two starts in January, one in February."""
    lines = JOURNEYS.replace("job_start=2018-02-05", "job_start=2018-02-05 short_outcome=2018-03-05")
    lines = lines.replace(" customer_group=ltu", "")
    at_once = RecordingDelay(values=(1.0,), source="none: journeys written by hand")
    programme = load_programme("ses").model_copy(update={"recording_delay": (at_once,)})
    snapshot = supplied(lines, programme=programme, profiles=SUSTAINED)
    if unit == "contract":
        # short outcomes are of the account managers' role, not of the contract's
        assert figures(snapshot, unit, "outcomes") == {"made-here 2018-03": [1, 3, "not_clear"]}
        assert figures(snapshot, unit, "sustained_outcomes") == {"made-here 2018-03": [0, 1.5, "not_clear"]}
    else:
        assert figures(snapshot, unit, "short_outcomes")["SC1 2018-03"] == [1, 2, "not_clear"]
        assert figures(snapshot, unit, "sustained_outcomes")["SC2 2018-03"] == [0, 0.5, "not_clear"]


@pytest.mark.parametrize(
    ("programme", "absent"),
    [
        ("whp", ["short_outcomes", "sustained_outcomes"]),
        ("ses", []),
        ("jobs2", ["job_starts", "short_outcomes", "sustained_outcomes"]),
    ],
)
def test_kpis_of_what_a_programme_does_not_have_are_named(supplied: Make, programme: str, absent: list[str]) -> None:
    snapshot = supplied("A start=2018-01-05", programme=load_programme(programme))
    assert kpis.not_in_programme(snapshot) == absent


@pytest.mark.requirement("KS-29")
def test_a_start_is_the_officers_who_submitted_the_referral(supplied: Make) -> None:
    """A and B were submitted by EO1 (B looked at again by EO2), D by EO2; C by nobody. Promised: three a month."""
    row = {"unit_type": "engagement_officer", "kind": "submission", "result": "pass"}
    told = [("A", "EO1", "01-02"), ("B", "EO1", "01-03"), ("B", "EO2", "01-20"), ("D", "EO2", "02-01")]
    checks = [
        row
        | {"check_id": f"{n}", "referral_id": name, "unit_id": officer}
        | {"check_date": f"2018-{day}", "recorded_date": f"2018-{day}"}
        for n, (name, officer, day) in enumerate(told)
    ]
    lines = "A start=2018-01-08\nB start=2018-01-09\nC start=2018-01-10\nD start=2018-02-05"
    volumes = [
        {"measure": name, "from": "2018-01", "source": "made up", "values": [4, 4, 4]} for name in ("referral", "start")
    ]
    found = figures(supplied(lines, checks=checks, volumes=volumes), "engagement_officer", "starts")
    assert {name: numbers[0] for name, numbers in found.items()} == {"EO1 2018-03": 2, "EO2 2018-03": 1}


@pytest.mark.requirement("KS-41")
@pytest.mark.parametrize("regime", ["ks", "wl"])
def test_every_kpi_of_a_regime_is_of_what_the_data_dictionary_has(regime: str) -> None:
    rules = load_management(regime)
    programmes = [load_programme(name) for name in ("whp", "ses", "jobs2")]
    known = {name for programme in programmes for name in (*programme.events, *programme.outcomes, *rules.events)}
    for name, rule in rules.kpis.items():
        assert rule.of is None or rule.of in known, name
        assert rule.standard is None or rule.standard in rules.standards, name
        columns = {*rule.where, *rule.passes, *rule.fails, *rule.least, *rule.more_than} | {rule.adds} - {None}
        assert not columns or columns <= TABLES[str(rule.table)].keys(), name
        assert rule.of or rule.standard or rule.table or rule.kind == "advances", name


@pytest.mark.requirement("KS-18")
@pytest.mark.requirement("KS-36")
def test_moves_through_the_peer_groups_need_placements(supplied: Make) -> None:
    rules = {"k": kpi("advances", target={"at_least": 0})}
    assert figures(supplied(JOURNEYS, kpis=rules), "subcontractor")["SC1 2018-03"] == [None, None, "no_data"]


@pytest.mark.requirement("KS-01", "KS-39", "KS-40")
def test_a_specialist_has_its_own_kpis_and_no_others(supplied: Make) -> None:
    units = [{"unit_id": "SP1", "unit_type": "subcontractor", "role": "specialist", "from_date": "2018-01-01"}]
    found = kpis.scores(supplied(JOURNEYS, units=units), "subcontractor")
    held = found.groupby(["unit", "role"])["kpi"].unique().map(list)
    assert held["SP1", "specialist"] == ["compliance", "satisfaction"]
    assert len(held["SC1", "end_to_end"]) == len(load_management("ks").kpis)  # KS-39: the same as all the roles


@pytest.mark.requirement("KS-28")
@pytest.mark.requirement("WL-32")
@pytest.mark.requirement("WL-42c")
def test_the_target_of_a_period_is_the_one_in_force_on_its_first_day_and_the_original_is_kept(
    supplied: Make,
) -> None:
    revised = {"unit_type": "subcontractor", "unit_id": "SC1", "kpi": "k", "target": 0.1, "from_date": "2018-05-01"}
    rules = {"k": kpi(of="start", per="referral", target={"at_least": 0.9})}
    snapshot = supplied(JOURNEYS, "2018-09", kpis=rules, targets=[revised | {"recorded_date": "2018-04-20"}])
    found = kpis.scores(snapshot, "subcontractor").query("kpi == 'k' and unit == 'SC1'")
    assert found["period"].astype(str).tolist() == ["2018-03", "2018-06", "2018-09"]
    assert found["target"].tolist() == [0.9, 0.9, 0.1]  # from 1 May: not yet for the quarter that began on 1 April
    assert found["original"].tolist() == [0.9, 0.9, 0.9]


@pytest.mark.requirement("KS-39")
def test_a_unit_that_changes_its_role_keeps_the_kpis_that_it_had_in_the_quarters_before(supplied: Make) -> None:
    unit = {"unit_id": "SC1", "unit_type": "subcontractor"}
    units = [
        unit | {"role": "end_to_end", "from_date": "2018-01-01", "to_date": "2018-05-31"},
        unit | {"role": "specialist", "from_date": "2018-06-01"},
    ]
    found = kpis.scores(supplied(JOURNEYS, "2018-06", units=units), "subcontractor").query("unit == 'SC1'")
    assert found.groupby("period")["role"].unique().map(list).tolist() == [["end_to_end"], ["specialist"]]
    assert found.loc[found["period"] == "2018-06", "kpi"].tolist() == ["compliance", "satisfaction"]


def test_a_unit_is_not_scored_after_its_last_month(supplied: Make) -> None:
    units = [{"unit_id": "SC1", "unit_type": "subcontractor", "from_date": "2018-01-01", "to_date": "2018-04-30"}]
    snapshot = supplied(JOURNEYS, "2018-09", units=units, kpis={"k": kpi(of="referral")})
    found = kpis.scores(snapshot, "subcontractor").query("kpi == 'k' and unit == 'SC1'")
    shown = [(str(row.period), row.months, row.whole) for row in found.itertuples()]
    assert shown == [("2018-03", 3, True), ("2018-06", 1, False)]


def test_in_the_middle_of_a_month_only_the_running_quarter_is_not_whole(supplied: Make) -> None:
    snapshot = supplied(JOURNEYS, "2018-06", known_at="2018-06-15", kpis={"k": kpi(of="referral")})
    found = kpis.scores(snapshot, "contract").query("kpi == 'k'")
    assert found["whole"].tolist() == [True, False]


def test_quarters_months_and_what_is_whole(supplied: Make) -> None:
    rules = {"k": kpi(of="referral")}
    found = kpis.scores(supplied(JOURNEYS, "2018-04", kpis=rules), "subcontractor").query("kpi == 'k'")
    shown = {f"{row.unit} {row.period}": (row.months, row.whole) for row in found.itertuples()}
    assert shown == {
        "SC1 2018-03": (3, True),
        "SC1 2018-06": (1, False),  # so far
        "SC2 2018-03": (2, False),  # its first referral was in February
        "SC2 2018-06": (1, False),
    }
    late = kpis.scores(supplied(JOURNEYS, kpis=rules, first_day="2018-01-02"), "contract").query("kpi == 'k'")
    assert late["whole"].tolist() == [False]  # the contract was not there on 1 January


def test_what_the_programme_does_not_record_has_no_data_and_says_why(supplied: Make) -> None:
    rules = {
        "a": kpi(of="sustained_outcome", target={"at_least": 1}),
        "b": kpi(of="job_start", target={"at_least": 1}),
        "c": kpi("profile", of="outcome", target={"at_least": 1}),
    }
    snapshot = supplied(JOURNEYS.replace("job_start=2018-02-05", ""), kpis=rules)
    found = kpis.scores(snapshot, "contract").set_index("kpi")
    assert found.loc[["a", "b", "c", "compliance"], "why"].tolist() == [
        "not in the programme",
        "none recorded",
        "nothing promised",
        "not supplied",
    ]
    assert set(found.loc[["a", "b", "c"], "result"]) == {"no_data"}


def test_months_add_up_to_quarters_and_units_to_the_contract(town_snapshot: Snapshot) -> None:
    regime = load_management("ks")
    contract = Contract.model_validate(dict(town_snapshot.contract) | {"management": regime, "kpis": {}})
    snapshot = take_like(town_snapshot, contract)
    quarters, months = (kpis.scores(snapshot, "subcontractor", basis) for basis in ("quarter", "month"))
    for name in ("referrals", "starts", "job_starts", "outcomes"):
        by_quarter, by_month = (
            frame[frame["kpi"] == name].groupby("unit")[["numerator", "denominator"]].sum()
            for frame in (quarters, months)
        )
        pd.testing.assert_frame_equal(by_quarter, by_month)
        whole = kpis.scores(snapshot, "contract", "quarter").query("kpi == @name")
        assert by_quarter["numerator"].sum() == whole["numerator"].sum()


def take_like(snapshot: Snapshot, contract: Contract) -> Snapshot:
    return Snapshot(
        contract,
        snapshot.month,
        snapshot.known_at,
        snapshot.first_day,
        snapshot.journeys,
        snapshot.events,
        snapshot.set_aside,
        snapshot.tables,
    )


def test_a_contract_without_a_regime_and_a_unit_without_a_role_are_refused_in_a_line(
    supplied: Make, make: Make
) -> None:
    with pytest.raises(ParameterError, match=r"names no regime of management.*Add `management: ks`"):
        kpis.scores(make(JOURNEYS, "2018-03"))
    with pytest.raises(ParameterError, match=r"unit='region': KS has no role for it; it has contract, "):
        kpis.scores(supplied(JOURNEYS), "region")


# Judged only on what could have been recorded

AT_ONCE, LATE = {"values": (1.0,), "source": "made up"}, {"values": (0.5, 0.9, 1.0), "source": "made up"}


def test_what_goes_by_the_day_it_happened_is_judged_once_19_in_20_are_recorded(supplied: Make) -> None:
    """Half at once, nine in ten by the next month: January to March stand at .8 in March, .967 in April."""
    rules = {"k": kpi(of="job_start", target={"at_least": 1})}
    for known_at, share, result in (("2018-03-31", 0.8, "so_far"), ("2018-04-29", 0.8, "so_far")):
        snapshot = supplied(JOURNEYS, known_at=known_at, kpis=rules, recording_delay=[LATE])
        row = kpis.scores(snapshot, "contract").set_index("kpi").loc["k"]
        assert row["recorded_share"] == pytest.approx(share)
        assert (row["result"], row["judged_on"]) == (result, pd.Timestamp("2018-04-30"))
    april = supplied(JOURNEYS, "2018-04", kpis=rules, recording_delay=[LATE])
    rows = kpis.scores(april, "contract").set_index(["kpi", "period"]).loc["k"]
    assert rows["result"].tolist() == ["hit", "so_far"]
    assert rows["recorded_share"].iloc[0] == pytest.approx((1 + 1 + 0.9) / 3)


def test_a_kpi_of_a_profile_is_judged_at_the_quarters_end_on_what_was_recorded(supplied: Make) -> None:
    """A and B started in January: by the end of March both are profiled, 1.45 expected to be recorded, one is."""
    rules = {"k": kpi("profile", of="outcome", target={"at_least": 0.95})}
    lines = """
    A start=2018-01-10 customer_group=ltu job_outcome=2018-03-20/2018-04-02
    B start=2018-01-12 customer_group=ltu job_outcome=2018-02-20/2018-03-02
    """
    rows = []
    for known_at in ("2018-03-31", "2018-09-30"):
        snapshot = supplied(lines, known_at=known_at, kpis=rules, recording_delay=[LATE], **PROMISED)
        rows.append(kpis.scores(snapshot, "contract").set_index("kpi").loc["k"])
    # of each start .5 in February and .5 in March: .45 and .25 recorded by the end of March
    assert rows[0][["numerator", "result"]].tolist() == [1, "not_clear"]
    assert rows[0]["denominator"] == pytest.approx(2 * (0.5 * 0.9 + 0.5 * 0.5))
    assert rows[0]["judged_on"] == pd.Timestamp("2018-03-31")
    assert (
        rows[0][["numerator", "denominator", "result"]].tolist()
        == rows[1][["numerator", "denominator", "result"]].tolist()
    )


def test_short_by_more_than_the_interval_is_missed(supplied: Make) -> None:
    lines = [f"P{n} start=2018-01-10 customer_group=ltu" for n in range(40)]
    rules = {"k": kpi("profile", of="outcome", target={"at_least": 0.95})}
    snapshot = supplied("\n".join(lines), kpis=rules, recording_delay=[AT_ONCE], **PROMISED)
    assert figures(snapshot, "contract") == {"made-here 2018-03": [0, 40, "missed"]}
