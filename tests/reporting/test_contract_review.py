"""The pack for the contract review: its headings, what is in them, and what is said where nothing was supplied."""

import json
import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from perflib import load_snapshot
from perflib.analysis import cohorts
from perflib.batch import run
from perflib.batch.index_page import Entry, Standing, write_index
from perflib.disclosure.presenter import Presenter, Shown
from perflib.disclosure.rules import Disclosure
from perflib.disclosure.sentences import as_text
from perflib.records.snapshot import Snapshot
from perflib.reporting import contract_review as review
from perflib.reporting import performance_ratings
from perflib.reporting.contract_review import evidence

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "contract_review.ipynb"
INSIDE = Presenter(Disclosure("internal"))
OUTSIDE = Presenter(Disclosure("external", suppress_below=10, round_to=5, names=False))

# Work and Health Programme provider guidance, ch. 16 para 24, in its order.
HEADINGS = [
    "Outstanding action points",
    "Performance",
    "Expected future performance",
    "Action Plan review",
    "Sub-contractor and supply chain performance",
    "Employer engagement",
    "Collaborative working",
    "Decision Making and Appeals",
    "Participant experience",
    "Compliance Monitoring",
    "Performance Manager checks",
    "Exit feedback, CV and references",
    "DWP policy changes",
]


@pytest.fixture(scope="module")
def sample() -> Snapshot:
    return load_snapshot("whp-sample", "2020-09")


def rows(shown: Shown, caption: str = "") -> list[dict]:
    """Return the rows of the table whose caption begins so, of what is shown."""
    tables = [item for item in shown.data.get("items", [shown.data]) if item.get("caption", "").startswith(caption)]
    return tables[0]["rows"]


def sentences(shown: Shown) -> list[str]:
    return [said for item in shown.data.get("items", [shown.data]) for said in item.get("sentences", [])]


@pytest.mark.requirement("WHP-28")
def test_all_thirteen_headings_are_there_in_the_order_of_the_guidance() -> None:
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    sources = ["".join(cell["source"]) for cell in cells]
    found = [source.splitlines()[0].removeprefix("## ") for source in sources if source.startswith("## ")]
    assert found[1:14] == HEADINGS


@pytest.mark.requirement("WHP-28")
def test_what_was_not_supplied_is_said_to_be_and_is_never_a_zero(town_snapshot: Snapshot) -> None:
    for show in (INSIDE, OUTSIDE):
        for section in (
            review.outstanding,
            review.action_plan,
            review.department_levels,
            review.notices,
            review.calendar,
        ):
            assert sentences(show(section(town_snapshot)))[0].startswith("Not supplied: the extract has no table")
        shown = [
            show(evidence.notes(town_snapshot, "policy")),
            show(evidence.activities(town_snapshot, "employer_meeting")),
            show(evidence.experience(town_snapshot)),
            show(evidence.checks(town_snapshot, "compliance")),
            show(evidence.assurance(town_snapshot)),
        ]
        assert all(sentences(item)[0].startswith("Not supplied") for item in shown)
        assert sentences(show(review.supply_chain(town_snapshot))) == [
            "Not rated: the contract names no regime of management with ratings for its units."
        ]


@pytest.mark.requirement("WHP-28")
@pytest.mark.requirement("WHP-10")
def test_actions_that_are_not_done_are_listed_with_owner_date_and_state(sample: Snapshot) -> None:
    # params/contracts/whp-sample.yaml: A3, A5 and A7 are not done; A7 has no owner. A4 and A6 were done in August.
    found = rows(INSIDE(review.outstanding(sample)))
    assert [(row["Action"], row["Due"], row["State"]) for row in found] == [
        ("Weekly meetings with local employers", "7 Sep 2020", "overdue"),
        ("Employer account managers in every centre", "30 Oct 2020", "open"),
        ("Fund for travel to interviews", "30 Nov 2020", "open"),
    ]
    assert [row["Owner"] for row in found] == ["delivery manager", "contract manager", None]  # "nobody is named"


@pytest.mark.requirement("WHP-10")
def test_the_action_plan_has_its_five_parts(sample: Snapshot) -> None:
    shown = INSIDE(review.action_plan(sample))
    said = sentences(shown)
    # P6 and P7 answer a warning and are open: actions agreed, improvement expected, reviews.
    assert said[0] == (
        "Performance Action Plan, open since 15 June 2020, due on 31 December 2020. Improvement expected: Forty first "
        "earnings a month by December 2020; the profile met again for starts of 2020. Actions done: 1 of 2. Reviews "
        "held: 3 of 3."
    )
    assert [row["Found"] for row in rows(shown, "Dates of review")] == ["unchanged", "improved", "improved"]
    leading = rows(shown, "What leads to outcomes")
    assert [row["Month"] for row in leading] == ["Apr 2020", "May 2020", "Jun 2020", "Jul 2020", "Aug 2020", "Sep 2020"]
    started = sample.journeys["start_recorded"].dt.to_period("M").astype(str)
    assert [row["Starts"] for row in leading] == [int((started == f"2020-{n:02d}").sum()) for n in range(4, 10)]


@pytest.mark.requirement("WHP-35")
def test_the_devolved_area_stands_by_itself_and_within_the_whole_and_nobody_is_counted_twice(sample: Snapshot) -> None:
    inside, outside, whole = rows(INSIDE.table(review.areas(sample)))
    area = (sample.journeys["devolution_area"] == "GM") & sample.journeys["start"].notna()
    assert inside["Starts"] == area.sum()
    for column in ("Starts", "Recorded"):
        assert inside[column] + outside[column] == whole[column]
    assert inside["Expected so far"] + outside["Expected so far"] == pytest.approx(whole["Expected so far"], abs=0.11)


@pytest.mark.requirement("KS-52")
@pytest.mark.requirement("WL-36")
def test_plans_of_single_members_of_staff_are_not_in_the_pack(sample: Snapshot) -> None:
    # Of eight plans two are closed: P3 to P8 are left, P4 overdue. P5 is a caseworker's.
    counted = "Plans and notices open: 6, of them overdue: 1. Actions overdue: 1."
    said = as_text(review.findings(sample), INSIDE.disclosure)
    assert f"{counted} Of single members of staff, and not in this pack: 1." in said
    assert counted in as_text(performance_ratings.findings(sample), INSIDE.disclosure)
    shown = json.dumps([INSIDE(review.outstanding(sample)).data, INSIDE(review.action_plan(sample)).data])
    assert "SC02-CW1" not in shown
    assert "CW1" not in shown


@pytest.mark.requirement("WHP-56")
@pytest.mark.requirement("WHP-60")
@pytest.mark.requirement("WHP-47")
@pytest.mark.requirement("WHP-58")
def test_checks_are_counted_apart_by_who_checked(sample: Snapshot) -> None:
    table = sample.tables["checks"]
    decided = table[table["result"].isin(["pass", "fail"]) & (table["checked_by"] == "compliance")]
    found = {row["What was checked"]: row for row in rows(INSIDE(evidence.checks(sample, "compliance")))}
    for kind, mine in decided.groupby("kind"):
        row, passed = found[str(kind).capitalize()], int((mine["result"] == "pass").sum())
        assert [row["To date"], row["Passed to date"]] == [len(mine), passed]
        assert row["95% from"] < row["Share"] <= row["95% to"]
    text = INSIDE(evidence.checks(sample, "performance")).data["text"]
    assert text == "Nothing to show: no check by the department's performance managers is recorded."


@pytest.mark.requirement("WL-24")
def test_feedback_and_complaints_on_each_period_basis(sample: Snapshot) -> None:
    table = sample.tables["feedback"]
    september = table["received_date"].dt.to_period("M").astype(str) == "2020-09"
    scores = table.loc[september & (table["kind"] == "survey"), "score"]
    row = rows(INSIDE(evidence.experience(sample)))[0]
    assert row["Answered"] == len(scores)
    assert row["Satisfied"] == (scores >= 4).sum()
    assert row["Complaints"] == (september & (table["kind"] == "complaint")).sum()


@pytest.mark.requirement("WHP-65")
@pytest.mark.requirement("WHP-67a")
def test_assurance_reviews_with_what_may_lead_to_remedial_action(sample: Snapshot) -> None:
    first, second = rows(INSIDE(evidence.assurance(sample)))
    assert (first["Rating"], first["What may lead to remedial action"]) == ("Limited", None)
    assert second["What may lead to remedial action"].startswith("limited, then limited: for the same reasons")


@pytest.mark.requirement("KS-43")
def test_the_rating_that_each_unit_holds_stands_beside_what_it_missed(sample: Snapshot) -> None:
    found = {row["Subcontractor"]: row for row in rows(INSIDE(review.supply_chain(sample)))}
    assert set(found) == {*(f"SC{n:02d}" for n in range(1, 10)), "SP01", "SP02"}
    assert {row["Rating"] for row in found.values()} <= {"Green", "Amber", "Red"}
    assert found["SC04"]["Plans open"] == 1
    assert not re.search(r"SC\d|SP\d", json.dumps(OUTSIDE(review.supply_chain(sample)).data))


def test_outside_readers_see_no_small_number(sample: Snapshot) -> None:
    shown = [
        OUTSIDE(evidence.experience(sample)),
        OUTSIDE(evidence.checks(sample, "compliance")),
        OUTSIDE.table(evidence.leavers(sample)),
        OUTSIDE.table(review.areas(sample)),
        OUTSIDE.table(review.performance_return(sample)),
    ]
    for item in shown:
        kinds = {column["header"]: column["kind"] for column in item.data["columns"]}
        counts = [
            value
            for row in item.data["rows"]
            for key, value in row.items()
            if kinds[key] == "count" and isinstance(value, int | float)
        ]
        assert counts
        assert all(value == 0 or (value >= 10 and value % 5 == 0) for value in counts)


@pytest.mark.requirement("WHP-24")
def test_the_performance_return_counts_by_the_month_in_which_it_was_recorded(sample: Snapshot) -> None:
    found = {row["Measure"]: row for row in INSIDE.table(review.performance_return(sample)).data["rows"]}
    for label, event in (("Referrals", "referral"), ("Starts", "start"), ("Leavers", "exit")):
        months = sample.journeys[f"{event}_recorded"].dt.to_period("M").astype(str)
        assert found[label]["Aug 2020"] == (months == "2020-08").sum()
    assert found["Starts"]["Expected in the last month"] == 176  # the contract's volume for September 2020


@pytest.mark.requirement("WHP-07")
def test_what_was_written_under_a_heading_for_the_month_is_repeated(sample: Snapshot) -> None:
    assert sentences(OUTSIDE(evidence.notes(sample, "policy"))) == [
        "Reviews by telephone count as reviews until further notice."
    ]
    nothing = "Nothing was written under this heading for September 2020."
    assert sentences(INSIDE(evidence.notes(sample, "decision_making"))) == [nothing]


@pytest.mark.requirement("WHP-22")
def test_the_planted_differences_with_the_mi_pack_are_said_and_the_rest_is_explained(sample: Snapshot) -> None:
    # params/contracts/whp-sample.yaml, `off`: two starts fewer in June 2020, one employed outcome more in August.
    shown = INSIDE(review.mi_pack(sample))
    left = [said for said in sentences(shown) if said.startswith("Not explained")]
    assert left == [
        "Not explained: Employed outcomes, August 2020: 1 more in the pack than in our records.",
        "Not explained: Starts, June 2020: 2 fewer in the pack than in our records.",
    ]
    for row in rows(shown, "Where the MI pack differs"):
        assert row["Pack"] - row["Ours"] == row["Pack less ours"] == row["Explained"] + row["Left"]


@pytest.mark.requirement("WL-25")
def test_the_labour_market_is_shown_as_last_published(sample: Snapshot) -> None:
    found = {row["Month"]: row for row in rows(INSIDE(review.labour_market(sample)))}
    assert (found["Jun 2020"]["Value"], found["Jun 2020"]["Revised"]) == (64400, 1)  # 65,100 at first


@pytest.mark.requirement("WL-31")
def test_key_figures_hold_the_contract_to_its_own_promises(sample: Snapshot) -> None:
    shown = INSIDE.tiles(review.key_figures(sample)).data
    level = cohorts.conversion(sample).iloc[0]
    assert shown["values"]["outcomes_for_100"] == round(100 * level["observed"] / level["expected"])
    begun = sample.journeys["start_recorded"].dt.to_period("M").astype(str)
    expected = sample.contract.volume("start", sample.months)[
        -12:
    ].sum()  # the same in every month: delays move nothing
    assert shown["values"]["starts_for_100"] == round(100 * begun.between("2019-10", "2020-09").sum() / expected)


@pytest.mark.requirement("KS-25")
@pytest.mark.requirement("WL-29")
@pytest.mark.requirement("SES-09")
@pytest.mark.requirement("JII-09")
@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize("contract", ["whp-sample", "ses-sample", "jobs2-sample"])
def test_the_pack_is_made_for_each_programme_with_its_forecast(
    contract: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    month = "2018-03" if contract == "jobs2-sample" else "2020-09"
    (result,) = run.run(run.plan([contract], [month], run.find_notebooks(["contract_review"])), tmp_path / "out")
    assert result.error is None
    page = (tmp_path / "out" / contract / month / "contract_review.html").read_text(encoding="utf-8")
    text = BeautifulSoup(page, "html.parser").main.get_text(" ", strip=True)
    assert all(heading in text for heading in HEADINGS)
    assert not re.search(r"\b(nan|NaT)\b", text)


@pytest.mark.requirement("WL-31")
def test_contracts_stand_beside_each_other_in_the_index_in_no_order_of_merit(tmp_path: Path) -> None:
    entry = Entry("b", "2020-06", "contract_review", "Contract review", "made", "b/2020-06/contract_review.html")
    standings = [
        Standing("b", "2020-06", "b/2020-06/contract_review.html", {"Outcomes for each 100 promised": "91"}),
        Standing("a", "2020-05", "a/2020-05/contract_review.html", {"Outcomes for each 100 promised": "not shown"}),
    ]
    write_index(tmp_path / "index.html", [entry], standings)
    page = BeautifulSoup((tmp_path / "index.html").read_text(encoding="utf-8"), "html.parser")
    table = page.find("h2", id="standings").find_next("table")
    cells = [[cell.get_text(strip=True) for cell in row.find_all(["th", "td"])] for row in table.find_all("tr")]
    assert cells == [
        ["Contract", "Month", "Outcomes for each 100 promised"],
        ["a", "May 2020", "not shown"],
        ["b", "Jun 2020", "91"],
    ]
    write_index(tmp_path / "index.html", [entry], standings[:1])
    assert "standings" not in (tmp_path / "index.html").read_text(encoding="utf-8")
