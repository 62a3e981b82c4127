"""Plans, levels, notices, assurance, ladders and calendars: cases worked by hand, and what chance alone does.

Dates of worked cases were counted on a calendar. The rules are those of the sources: S0 lines 134 to 156 (plans, red
flags), S1 lines 127 to 172 (plans, ladder, notices), the guidance's chapter 16, paragraphs 4 to 13 and 61 to 63.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perflib.analysis import oversight
from perflib.analysis.forecast import early_warning
from perflib.analysis.oversight import effects
from perflib.analysis.oversight.improvement import EXCEPTIONS
from perflib.analysis.ratings import COLUMNS as RATED
from perflib.analysis.supporting_tables import above
from perflib.records.schemas import TABLES
from perflib.records.snapshot import Snapshot
from perflib.rules.contract import load_management, load_programme

Make = Callable[..., Snapshot]
Supply = Callable[..., Snapshot]
Rows = list[dict[str, Any]]

# The contract of most tests is seen on 30 September 2020, a Wednesday.
MONTH = "2020-09"


def table(name: str, rows: Rows) -> pd.DataFrame:
    """Return a table as an extract would have it; what was not said when it was recorded was recorded long ago."""
    frame = pd.DataFrame(rows, columns=list(TABLES[name]))
    for column, meaning in TABLES[name].items():
        if meaning.kind == "date":
            frame[column] = pd.to_datetime(frame[column]).astype("datetime64[s]")
        else:
            frame[column] = frame[column].astype("float64" if meaning.kind == "integer" else "str")
    if "recorded_date" in frame:
        frame["recorded_date"] = frame["recorded_date"].fillna(pd.Timestamp("2018-01-01"))
    return frame


@pytest.fixture(scope="module")
def supply(make: Make) -> Supply:
    """Return a function that makes a snapshot with the tables that are given, a list of rows each."""

    wl = load_management("wl")
    ordinary = cache(lambda *of: make(*of, management=wl))

    def snapshot(
        month: str = MONTH, known_at: str | None = None, lines: str = "A start=2020-01-06", **given: Any
    ) -> Snapshot:
        tables = {name: given.pop(name) for name in list(given) if name in TABLES}
        of = (lines, month, known_at)
        made = make(*of, **({"management": wl} | given)) if given else ordinary(*of)
        at = pd.Timestamp(made.known_at)
        frames = {name: table(name, rows) for name, rows in tables.items()}
        known = {
            name: frame[frame["recorded_date"] <= at] if "recorded_date" in frame else frame
            for name, frame in frames.items()
        }
        return replace(made, tables={**made.tables, **known})

    return snapshot


def plan(plan_id: str, opened: str, kind: str = "pip", **more: Any) -> dict[str, Any]:
    return {
        "plan_id": plan_id,
        "kind": kind,
        "opened_date": opened,
        "unit_type": "subcontractor",
        "unit_id": "SC1",
    } | more


def rated(**ratings: str) -> pd.DataFrame:
    """Return ratings: a letter (g, a, r, or - for none) a quarter, the last of them July to September 2020."""
    rows = [
        {
            "unit": unit,
            "role": "",
            "period": pd.Period("2020-09", "M") - 3 * (len(letters) - 1 - place),
            "so_far": False,
            "rating": {"g": "green", "a": "amber", "r": "red", "-": ""}[letter],
            "why_not": "no data" if letter == "-" else "",
            "missed_kpis": (),
        }
        for unit, letters in ratings.items()
        for place, letter in enumerate(letters)
    ]
    return pd.DataFrame(rows).assign(run=0, consistent=False, changed_hands=False).reindex(columns=RATED)


def scored(results: dict[str, str], kpi: str = "jobs") -> pd.DataFrame:
    """Return scores of one KPI: a letter (h, m, or n for no data) a quarter from January to March 2019 on."""
    rows = [
        {
            "unit": unit,
            "period": pd.Period("2019-03", "M") + 3 * place,
            "whole": True,
            "kpi": kpi,
            "name": "Job starts",
            "result": {"h": "hit", "m": "missed", "n": "no_data"}[letter],
        }
        for unit, letters in results.items()
        for place, letter in enumerate(letters)
    ]
    return pd.DataFrame(rows)


# ------------------------------------------------------------------------------------------------------- what is absent


def test_a_table_that_is_not_supplied_is_none_and_an_empty_one_has_no_rows(supply: Supply) -> None:
    without, empty = supply(), supply(plans=[], notices=[], assurance=[], targets=[], issued_reports=[])
    calls: list[Callable[[Snapshot], pd.DataFrame | None]] = [
        oversight.plans,
        oversight.by_theme,
        oversight.levels,
        oversight.level_history,
        oversight.ladder,
        oversight.targets,
        oversight.notices,
        oversight.notice_counts,
        oversight.assurance,
        oversight.calendar,
        oversight.periods,
        oversight.effect,
        lambda snapshot: oversight.exceptions(snapshot, rated(SC1="a")),
        lambda snapshot: oversight.recurrence(snapshot, scored({"SC1": "h"})),
    ]
    for call in calls:
        assert call(without) is None
        assert isinstance(call(empty), pd.DataFrame)


# ---------------------------------------------------------------------------------------------------------------- plans


@pytest.mark.requirement("KS-47")
@pytest.mark.requirement("WL-35")
@pytest.mark.parametrize(
    ("dates", "state", "days"),
    [
        ({"opened_date": "2020-08-31"}, "open", 30),
        ({"opened_date": "2020-07-07"}, "overdue", 85),  # 12 weeks from a Tuesday: 29 September, the day before
        ({"opened_date": "2020-07-08"}, "open", 84),  # 12 weeks to the day itself: not overdue yet
        ({"opened_date": "2020-07-07", "due_date": "2020-12-31"}, "open", 85),  # the recorded date stands first
        ({"opened_date": "2020-08-31", "closed_date": "2020-09-14"}, "closed", 14),
        ({"opened_date": "2020-08-31", "closed_date": "2020-10-14"}, "open", 30),  # had not been closed then
        ({"opened_date": "2020-10-01"}, "not yet", None),
    ],
)
def test_a_plan_is_what_it_was_at_the_periods_end(
    supply: Supply, dates: dict[str, str], state: str, days: float | None
) -> None:
    found = oversight.plans(supply(known_at="2020-12-31", plans=[plan("P1", "2020-01-01") | dates]))
    assert found is not None
    assert found["state"].tolist() == [state]
    assert found["days_open"].tolist() == [days] if days is not None else found["days_open"].isna().all()


@pytest.mark.requirement("KS-47")
def test_what_was_recorded_after_the_report_is_not_known_and_a_later_row_corrects(supply: Supply) -> None:
    rows = [plan("P1", "2020-08-03"), plan("P1", "2020-08-03", closed_date="2020-09-07", recorded_date="2020-10-05")]
    for known_at, state in (("2020-09-30", "open"), ("2020-10-05", "closed")):
        found = oversight.plans(supply(known_at=known_at, plans=rows))
        assert found is not None
        assert found["state"].tolist() == [state]


@pytest.mark.requirement("KS-50")
@pytest.mark.requirement("KS-51")
@pytest.mark.requirement("WL-37")
@pytest.mark.requirement("WL-42b")
@pytest.mark.requirement("KS-48")
@pytest.mark.requirement("KS-49")
def test_plans_are_for_a_contract_a_centre_a_subcontractor_or_a_member_of_staff(supply: Supply) -> None:
    rows = [
        plan("P1", "2020-08-01", unit_type=None, unit_id=None, owner="regional_operations_manager"),
        plan("P2", "2020-08-02", unit_type="centre", unit_id="Leeds"),
        plan("P3", "2020-08-03"),
        plan("P4", "2020-08-04", unit_type="caseworker", unit_id="CW7"),
        plan("P5", "2020-08-05", unit_type=None, unit_id="Leeds"),
        plan("P6", "2020-08-06", kind="own_kind"),
    ]
    units = [{"unit_id": "Leeds", "unit_type": "centre", "parent": "SC1", "from_date": "2019-01-01"}]
    found = oversight.plans(supply(plans=rows, units=units))
    assert found is not None
    assert list(zip(found["unit_type"], found["unit"], strict=True)) == [
        ("contract", "made-here"),
        ("centre", "Leeds"),
        ("subcontractor", "SC1"),
        ("caseworker", "CW7"),
        ("centre", "Leeds"),
        ("subcontractor", "SC1"),
    ]
    assert found["name"].tolist() == ["Performance Improvement Plan"] * 5 + ["own_kind"]
    assert found["owner"].iloc[0] == "regional_operations_manager"
    assert found["answers_rating"].tolist() == [True] * 5 + [False]


@pytest.mark.requirement("WL-39")
def test_reviews_are_those_listed_or_else_one_every_so_many_weeks(supply: Supply) -> None:
    # S1 line 135: the rhythm is redacted; four weeks here. From 1 June: 29 June, 27 July, 24 August, 21 September
    rows = [
        plan("listed", "2020-06-01"),
        plan("rhythm", "2020-06-01"),
        plan("over", "2020-06-01", closed_date="2020-08-03"),
    ]
    reviews = [
        {"plan_id": "listed", "due_date": "2020-07-01", "held_date": "2020-07-03", "result": "improved"},
        {"plan_id": "listed", "due_date": "2020-08-01"},
        {"plan_id": "listed", "due_date": "2020-09-30"},  # due on the day itself
        {"plan_id": "listed", "due_date": "2020-11-01", "held_date": "2020-09-28"},  # held early
        {"plan_id": "listed", "due_date": "2020-12-01", "held_date": "2020-12-01"},
    ]
    found = oversight.plans(supply(plans=rows, reviews=reviews))
    assert found is not None
    found = found.set_index("plan_id").loc[["listed", "rhythm", "over"]]
    assert found["reviews_due"].tolist() == [3, 4, 2]
    assert found["reviews_held"].tolist() == [2, 0, 0]
    assert found["reviews_missed"].tolist() == [1, 4, 2]
    assert found["first_missed"].dt.date.astype("str").fillna("").tolist() == ["2020-08-01", "2020-06-29", "2020-06-29"]
    assert found["next_review"].astype("str").fillna("").tolist() == ["2020-09-30", "2020-10-19", ""]


def test_without_a_table_of_reviews_or_actions_what_was_held_or_done_is_not_known(supply: Supply) -> None:
    found = oversight.plans(supply(plans=[plan("P1", "2020-06-01")]))
    assert found is not None
    assert found["reviews_due"].tolist() == [4]
    assert found[["reviews_held", "reviews_missed", "actions", "without_owner"]].isna().all(axis=None)


@pytest.mark.requirement("WL-38")
@pytest.mark.requirement("WHP-11")
def test_actions_are_counted_with_what_they_lack(supply: Supply) -> None:
    whole = {"plan_id": "P1", "owner": "pm", "due_date": "2020-09-01", "measure": "20 a week"}
    actions = [
        whole | {"action_id": "1", "done_date": "2020-08-20"},
        whole | {"action_id": "2"},
        whole | {"action_id": "3", "done_date": "2020-10-02"},  # done after the period
        whole | {"action_id": "4", "owner": None, "due_date": "2020-12-01"},
        whole | {"action_id": "5", "due_date": None, "measure": None},
    ]
    found = oversight.plans(supply(plans=[plan("P1", "2020-06-01"), plan("P2", "2020-06-02")], actions=actions))
    assert found is not None
    names = ["actions", "actions_done", "actions_overdue", "without_owner", "without_due_date", "without_measure"]
    assert found[names].to_numpy().tolist() == [[5, 1, 2, 1, 1, 1], [0] * 6]


@pytest.mark.requirement("WHP-10")
def test_open_actions_are_those_not_done_of_plans_that_are_open_the_first_due_first(supply: Supply) -> None:
    rows = [
        {"action_id": "A1", "plan_id": "P1", "due_date": "2020-10-01"},  # after September
        {"action_id": "A2", "plan_id": "P1", "due_date": "2020-09-29"},
        {"action_id": "A3", "plan_id": "P1"},
        {"action_id": "A4", "plan_id": "P1", "due_date": "2020-09-01", "done_date": "2020-09-20"},
        {"action_id": "A5", "plan_id": "P2", "due_date": "2020-09-01"},  # of a plan that is closed
    ]
    rows = [row | {"recorded_date": "2020-09-20"} for row in rows]
    plans = [plan("P1", "2020-08-03"), plan("P2", "2020-08-03", closed_date="2020-09-10")]
    found = oversight.open_actions(supply(plans=plans, actions=rows))
    assert found is not None
    assert list(zip(found["action_id"], found["state"], strict=True)) == [
        ("A2", "overdue"),
        ("A1", "open"),
        ("A3", "no date"),
    ]
    assert oversight.open_actions(supply(plans=plans)) is None


# ----------------------------------------------------------------------------------------------------------- exceptions


def bare(snapshot: Snapshot, ratings: pd.DataFrame) -> dict[str, tuple[str, ...]]:
    """Units rated Amber or Red without an open plan, with those above them that have one."""
    found = oversight.exceptions(snapshot, ratings)
    assert found is not None
    mine = found[found["what"] == EXCEPTIONS[0]]
    return dict(zip(mine["unit"], mine["nested"], strict=True))


@pytest.mark.requirement("KS-45")
@pytest.mark.requirement("KS-47")
def test_an_amber_or_red_without_an_open_plan_is_an_exception(supply: Supply) -> None:
    ratings = rated(SC1="ga", SC2="ar", SC3="rg", SC4="a-", SC5="--")
    assert set(bare(supply(plans=[]), ratings)) == {"SC1", "SC2", "SC4"}
    assert set(bare(supply(plans=[plan("P1", "2020-09-20", unit_id="SC2")]), ratings)) == {"SC1", "SC4"}


@pytest.mark.requirement("KS-47")
def test_a_plan_opened_before_the_rating_answers_it(supply: Supply) -> None:
    assert not bare(supply(plans=[plan("P1", "2020-05-04")]), rated(SC1="ga"))  # overdue, but open


@pytest.mark.requirement("KS-47")
@pytest.mark.parametrize(
    "more",
    [
        {"closed_date": "2020-09-10"},
        {"opened_date": "2020-10-02"},
        {"kind": "partner_ladder"},
        {"kind": "own_kind"},
        {"unit_id": "SC2"},
    ],
    ids=["closed", "not yet", "answers no rating", "unknown", "another unit's"],
)
def test_what_is_no_open_plan_of_its_own_does_not_answer_a_rating(supply: Supply, more: dict[str, Any]) -> None:
    assert set(bare(supply(plans=[plan("P1", "2020-08-03") | more]), rated(SC1="ga"))) == {"SC1"}


@pytest.mark.requirement("KS-48")
def test_a_plan_for_a_unit_around_it_is_shown_beside_the_rating_and_does_not_answer_it(supply: Supply) -> None:
    units = [
        {"unit_id": "Leeds", "unit_type": "centre", "parent": "SC2", "from_date": "2019-01-01"},
        {"unit_id": "Leeds", "unit_type": "centre", "parent": "SC1", "from_date": "2020-07-01"},
    ]
    whole = plan("P2", "2020-08-03", unit_type=None, unit_id=None)
    snapshot = supply(plans=[plan("P1", "2020-08-03"), whole], units=units)
    assert bare(snapshot, rated(Leeds="a", York="a")) == {"Leeds": ("SC1", "made-here"), "York": ("made-here",)}
    assert above("a", {"a": "b", "b": "a"}) == ["b", "a"]  # a table that goes round in a circle


@pytest.mark.requirement("WL-26")
@pytest.mark.requirement("KS-49")
@pytest.mark.requirement("WL-38")
@pytest.mark.requirement("WL-39")
def test_what_open_plans_lack_is_listed(supply: Supply) -> None:
    rows = [
        plan("P1", "2020-09-07"),
        plan("P2", "2020-09-02", closed_date="2020-09-20"),
        plan("P3", "2020-09-03", unit_type=None, unit_id=None),
        plan("P4", "2020-09-04", unit_type=None, unit_id=None, shared_date="2020-09-10"),
        plan("P5", "2020-09-05", unit_type=None, unit_id=None, kind="management_letter"),
    ]
    whole = {"owner": "pm", "due_date": "2020-12-01", "measure": "20 a week"}
    actions = [
        {"action_id": "1", "plan_id": "P3"} | whole | {"owner": None, "measure": None},
        {"action_id": "2", "plan_id": "P4"} | whole,
        {"action_id": "3", "plan_id": "P4"} | whole | {"due_date": None},
        {"action_id": "4", "plan_id": "P2"} | whole | {"due_date": None},  # of a closed plan; P5, a letter, needs none
    ]
    reviews = [{"plan_id": "P4", "due_date": "2020-09-15"}, {"plan_id": "P2", "due_date": "2020-09-15"}]
    found = oversight.exceptions(supply(plans=rows, actions=actions, reviews=reviews), rated(SC1="g"))
    assert found is not None
    assert list(zip(found["what"], found["plan_id"], strict=True)) == [
        ("plan without actions", "P1"),
        ("action without an owner", "P3"),
        ("action without a date", "P4"),
        ("action without a measure", "P3"),
        ("review overdue", "P4"),
        ("contract plan not shared with the department", "P3"),
    ]
    assert found["days"].tolist() == [23, 27, 26, 27, 15, 27]


# ----------------------------------------------------------------------------------------------- recurrence and themes


@pytest.mark.requirement("Q-03")
@pytest.mark.parametrize(
    ("results", "closed", "state", "after"),
    [
        # closed in July to September 2019, the third quarter; the fourth to the seventh are looked at
        ("hhmhmhh", "2019-08-15", "missed again", 2),
        ("hmmhhhh", "2019-08-15", "not missed again", None),
        ("hmmmhhh", "2019-08-15", "missed again", 1),
        ("hmnnnnn", "2019-08-15", "not measured", None),
        ("hmhhhhh", "2020-02-15", "being watched", None),
        ("hmhhhhm", "2020-02-15", "missed again", 2),
        ("hmhhmhh", "2020-02-15", "being watched", None),  # missed in the very quarter in which it was closed
    ],
)
def test_a_kpi_missed_again_by_the_same_unit_within_four_quarters_is_a_recurrence(
    supply: Supply, results: str, closed: str, state: str, after: float | None
) -> None:
    rows = [plan("P1", "2019-04-15", closed_date=closed, kpi="jobs")]
    found = oversight.recurrence(supply(plans=rows), scored({"SC1": results, "SC2": "mmmmmmm"}))
    assert found is not None
    assert found["state"].tolist() == [state]
    if after is not None:
        assert found["quarters"].tolist() == [after]


@pytest.mark.requirement("Q-03")
def test_what_a_plan_is_not_about_does_not_recur(supply: Supply) -> None:
    rows = [
        plan("other KPI", "2019-04-15", closed_date="2019-08-15", kpi="complaints"),
        plan("no KPI", "2019-04-16", closed_date="2019-08-15"),
        plan("other unit", "2019-04-17", closed_date="2019-08-15", kpi="jobs", unit_id="renamed"),
        plan("open", "2019-04-18", kpi="jobs"),
    ]
    found = oversight.recurrence(supply(plans=rows), scored({"SC1": "mmmmmmm"}))
    assert found is not None
    assert found["plan_id"].tolist() == ["other KPI", "no KPI", "other unit"]
    assert set(found["state"]) == {"not measured"}


@pytest.mark.requirement("KS-54")
def test_themes_are_the_kpis_that_many_units_miss_and_the_plans_about_them(supply: Supply) -> None:
    scores = pd.concat([scored({"SC1": "mm", "SC2": "hm", "SC3": "hn"}), scored({"SC1": "hh"}, "complaints")])
    rows = [
        plan("P1", "2019-05-06", kpi="jobs", theme="vacancies"),
        plan("P2", "2019-06-03", kpi="jobs", theme="caseloads", unit_id="SC2"),
        plan("P3", "2019-02-04", kpi="jobs", closed_date="2019-08-01"),
    ]
    found = oversight.themes(supply(plans=rows), scores)
    # the later quarter first: jobs missed by both that were judged; in the first one by one of three
    assert found[["kpi", "judged", "missed", "units", "plans"]].to_numpy().tolist() == [
        ["jobs", 2, 2, ("SC1", "SC2"), 2],
        ["complaints", 1, 0, (), 0],
        ["jobs", 3, 1, ("SC1",), 1],
        ["complaints", 1, 0, (), 0],
    ]
    assert found["themes"].tolist() == [("caseloads", "vacancies"), (), (), ()]
    assert oversight.themes(supply(), scores)["plans"].isna().all()
    counted = oversight.by_theme(supply(plans=rows))
    assert counted is not None
    assert counted.to_numpy().tolist() == [
        ["caseloads", 1, 1, 0, 1, 1],
        ["vacancies", 1, 1, 0, 1, 1],
        ["not given", 1, 0, 1, 1, 1],
    ]


# --------------------------------------------------------------------------------------------------- before and after


def quarterly(values: np.ndarray, people: float = 200.0) -> pd.DataFrame:
    """Return scores of a share, from an array of quarters by units; quarters from January to March 2015 on."""
    place, unit = (axis.ravel() for axis in np.indices(values.shape))
    first = pd.Period("2015-03", "M").ordinal
    return pd.DataFrame(
        {
            "unit": [f"U{number:02d}" for number in unit],
            "period": [pd.Period(ordinal=int(first + 3 * number), freq="M") for number in place],
            "whole": True,
            "kpi": "jobs",
            "rule": "at least",
            "numerator": values.ravel() * people,
            "denominator": people,
            "value": values.ravel(),
        }
    )


def day(quarter: int, month: int = 0) -> pd.Timestamp:
    """Return the 15th of a month of a quarter, both counted from 0 at January 2015."""
    return (pd.Period("2015-01", "M") + 3 * quarter + month).start_time + pd.Timedelta(days=14)


PLAN = ["plan_id", "name", "unit", "kpi", "opened", "ended"]


def programme(random: np.random.Generator, works: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the scores and plans of 40 units that differ a little, and in a quarter by chance much more.

    The first time that a unit falls below 15 % (from the third quarter on) it gets a plan for the next quarter, and is
    `works` better from the one after it on.
    """
    values = random.normal(0.2, 0.02, 40) + random.normal(0, 0.04, (16, 40)) + random.normal(0, 0.02, (16, 1))
    plans = []
    for unit in range(40):
        low = np.flatnonzero(values[2:-3, unit] < 0.15)
        if len(low):
            at = int(low[0]) + 3
            values[at + 1 :, unit] += works
            plans.append((f"P{unit:02d}", "Plan", f"U{unit:02d}", "jobs", day(at), day(at, 2)))
    return quarterly(values), pd.DataFrame(plans, columns=PLAN)


@pytest.mark.slow
@pytest.mark.requirement("WL-40")
@pytest.mark.requirement("KS-55")
@pytest.mark.parametrize("works", [0.0, 0.03])
def test_what_is_beyond_the_expectation_is_what_plans_did_and_the_change_is_not(works: float) -> None:
    random = np.random.default_rng(20200930)
    found = [
        effects(plans, scores).dropna(subset="beyond")
        for scores, plans in (programme(random, works) for _ in range(30))
    ]
    means = np.array([[frame["change"].mean(), frame["beyond"].mean()] for frame in found])
    (change, beyond), (_, error) = means.mean(axis=0), means.std(axis=0, ddof=1) / np.sqrt(len(means))
    assert change > works + 0.01  # regression to the mean alone: more than a percentage point
    assert abs(beyond - works) < 3 * error + 0.15 * works
    assert error < 0.002  # so that the test could fail
    if works == 0:
        every = pd.concat(found)
        inside = every["after"].between(every["lower"], every["upper"]).mean()
        assert 0.93 < inside < 0.97


@pytest.mark.requirement("WL-40")
def test_the_expectation_is_the_line_through_units_without_a_plan_worked_by_an_independent_fit() -> None:
    random = np.random.default_rng(5)
    values = random.normal(0.2, 0.03, (10, 6))
    one = pd.DataFrame(
        [("P", "Plan", "U02", "jobs", day(4), day(5))],
        columns=PLAN,
    )
    found = effects(one, quarterly(values)).iloc[0]
    # before: quarters 2 and 3; after: 6 and 7. Of others: two quarters, and two that begin three after the last of them
    x, y = [], []
    for last in range(1, 6):
        before, after = values[last - 1 : last + 1].mean(axis=0), values[last + 3 : last + 5].mean(axis=0)
        free = [unit for unit in range(6) if unit != 2 or last + 3 <= 4]  # its plan was opened in quarter 4
        x += (before[free] - before[free].mean()).tolist()
        y += (after[free] - after[free].mean()).tolist()
    slope = np.linalg.lstsq(np.array(x)[:, None], np.array(y))[0][0]
    before, after = values[2:4].mean(axis=0), values[6:8].mean(axis=0)
    assert found["before"] == pytest.approx(before[2])
    assert found["after"] == pytest.approx(after[2])
    others = [0, 1, 3, 4, 5]
    assert found["expected"] == pytest.approx(after[others].mean() + slope * (before[2] - before[others].mean()))
    assert found["beyond"] == pytest.approx(found["after"] - found["expected"])
    assert (found["slope"], found["pairs"]) == (pytest.approx(slope), len(x))


def test_where_figures_are_missing_it_is_said_why() -> None:
    values = np.random.default_rng(1).normal(0.2, 0.03, (10, 8))
    rows = [
        ("early", "Plan", "U00", "jobs", day(1), day(2)),
        ("late", "Plan", "U01", "jobs", day(7), day(9)),
        ("once", "Plan", "U02", "jobs", day(6), day(8)),
        ("running", "Plan", "U03", "jobs", day(5), pd.NaT),
        ("other", "Plan", "U04", "complaints", day(3), day(4)),
    ]
    found = effects(pd.DataFrame(rows, columns=PLAN), quarterly(values)).set_index("plan_id")
    assert found["why_not"].to_dict() == {
        "early": "no figures before it",
        "late": "no whole quarter after it yet",
        "once": "",
    }
    assert found["quarters_after"].to_dict() == {"early": 2, "late": 0, "once": 1}
    alone = effects(pd.DataFrame(rows[2:3], columns=PLAN), quarterly(values[:, :1]).assign(unit="U02"))
    assert alone["why_not"].tolist() == ["too few to compare with"]
    assert alone["change"].notna().all()


@pytest.mark.parametrize(("others", "why_not"), [(2, "too few to compare with"), (3, "")])
def test_a_plan_is_compared_with_three_units_or_more_and_not_with_two(others: int, why_not: str) -> None:
    """The plan is of quarter 8, so that until then the unit itself is one of three without a plan: there is a line."""
    values = np.random.default_rng(3).normal(0.2, 0.03, (14, others + 1))
    one = pd.DataFrame([("P", "Plan", "U00", "jobs", day(8), day(9))], columns=PLAN)
    found = effects(one, quarterly(values)).iloc[0]
    assert found["why_not"] == why_not
    assert pd.isna(found["expected"]) == (why_not != "")


def test_a_quarter_with_two_units_without_a_plan_gives_the_line_no_pair() -> None:
    """Before: quarters 6 and 7; after: 10 and 11. U02 and U03 have figures from quarter 4 on.

    Pairs three quarters apart, by the last quarter before: 1 to 4 with U00 and U01 alone, which do not count; 5 with
    all four, U00 having no plan before quarter 8; 6 to 9 with the other three.
    """
    values = np.random.default_rng(3).normal(0.2, 0.03, (14, 4))
    values[:4, 2:] = np.nan
    one = pd.DataFrame([("P", "Plan", "U00", "jobs", day(8), day(9))], columns=PLAN)
    assert effects(one, quarterly(values).dropna(subset="value"))["pairs"].tolist() == [4 + 4 * 3]


def test_quarters_of_a_share_are_pooled_and_those_of_a_bare_count_averaged() -> None:
    scores = quarterly(np.array([[0.1, 0.2, 0.3, 0.4]] * 8))
    scores["denominator"] = np.where(scores["period"] == pd.Period("2015-03", "M"), 100.0, 300.0)
    scores["numerator"] = scores["value"] * scores["denominator"]
    scores.loc[scores["period"] == pd.Period("2015-06", "M"), ["numerator", "value"]] += [30.0, 0.1]
    one = pd.DataFrame(
        [("P", "Plan", "U00", "jobs", day(2), day(2))],
        columns=PLAN,
    )
    assert effects(one, scores)["before"].iloc[0] == pytest.approx((10 + 60) / 400)
    counts = scores.assign(numerator=scores["value"], denominator=np.nan)
    assert effects(one, counts)["before"].iloc[0] == pytest.approx((0.1 + 0.2) / 2)


@pytest.mark.requirement("WL-40")
def test_of_a_snapshot_the_contracts_own_scores_are_compared(supply: Supply) -> None:
    lines = "\n".join(
        f"{unit}-{month} subcontractor={unit} referral=2019-{month:02d}-01 start=2019-{month:02d}-01"
        for unit in ("SC1", "SC2", "SC3")
        for month in range(1, 13)
    )
    rows = [
        plan("P1", "2019-07-15", kpi="results", closed_date="2019-09-30"),
        plan("P2", "2019-07-15", kpi="results", due_date="2019-12-31", unit_id="SC2"),  # overdue
        plan("P3", "2020-09-15", kpi="results", unit_id="SC3"),  # still open
    ]
    found = oversight.effect(supply(lines=lines, plans=rows, first_day="2019-01-01"))
    assert found is not None
    assert found["plan_id"].tolist() == ["P1", "P2"]
    assert found["before"].tolist() == [1, 1]  # each of six referrals had a result on the day it was made
    assert found["ended"].dt.date.astype("str").fillna("").tolist() == ["2019-09-30", "2019-12-31"]
    assert "mostly chance" in oversight.CAUTION


# --------------------------------------------------------------------------------------------------- the department


@pytest.mark.requirement("WHP-12")
@pytest.mark.requirement("WHP-05")
@pytest.mark.requirement("WHP-13")
@pytest.mark.requirement("WHP-14")
def test_levels_run_beside_each_other_and_the_fourth_needs_neither_second_nor_third(supply: Supply) -> None:
    found = oversight.levels(supply(plans=[plan("P1", "2020-03-02", kind="formal_action")]))
    assert found is not None
    assert found["level"].tolist() == [1, 2, 3, 4]
    assert found["running"].tolist() == [True, False, False, True]
    assert found["since"].astype("str").fillna("").tolist() == ["2018-01-01", "", "", "2020-03-02"]
    assert found["instruments"].iloc[3] == ("Formal action under the contract",)

    rows = [
        plan("P1", "2020-03-02", kind="formal_action", closed_date="2020-04-01"),
        plan("P2", "2020-05-04", kind="action_plan"),
        plan("P3", "2020-02-03", kind="action_plan", due_date="2020-06-30"),  # overdue, still open
        plan("P4", "2020-11-02", kind="management_letter"),  # not yet
    ]
    several = supply(known_at="2020-12-01", plans=rows)
    found, history = oversight.levels(several), oversight.level_history(several)
    assert found is not None
    assert history is not None
    assert found["running"].tolist() == [True, True, False, False]
    assert found["open"].tolist() == [0, 2, 0, 0]
    assert found["times"].tolist() == [0, 2, 0, 1]
    assert found["since"].astype("str").fillna("").tolist()[1] == "2020-02-03"
    assert found["last_closed"].astype("str").fillna("").tolist()[3] == "2020-04-01"
    assert history["level"].tolist() == [2, 4, 2, 3]


def test_a_programme_without_levels_has_none(make: Make) -> None:
    made = make("A start=2020-01-06", MONTH, programme=load_programme("ses"))
    assert not made.programme.levels
    found = oversight.levels(replace(made, tables={**made.tables, "plans": table("plans", [])}))
    assert found is not None
    assert found.empty


@pytest.mark.requirement("WHP-09")
@pytest.mark.requirement("WHP-16")
def test_an_indicator_points_to_a_miss_and_says_whether_notice_was_given(
    supply: Supply, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = pd.DataFrame(
        {
            "level": ["tmpl1", "tmpl2", ""],
            "kind": ["contract", "group", "area"],
            "name": ["All", "Disability", "Elsewhere"],
            "promised": [40.0, 20.0, 3.0],
            "expected": [30.0, 25.0, 2.0],
            "miss": [0.8, 0.1, 0.6],
            "status": ["may be missed", "on course", "too few"],
        }
    )
    monkeypatch.setattr("perflib.analysis.oversight.department.early_warning.levels", lambda _: ahead)
    rows = [
        plan("P1", "2020-06-01", kind="course_of_action", kpi="tmpl2"),
        plan("P2", "2020-07-01", kind="course_of_action", kpi="tmpl1", closed_date="2020-08-01"),
        plan("P3", "2020-07-01", kind="pip", kpi="tmpl1"),
    ]
    found = oversight.indicators(supply(plans=rows))
    assert found["points"].tolist() == [True, False, False]
    assert found["answered"].tolist() == [False, True, False]
    assert found["notices"].tolist() == [0, 1, 0]
    whole = oversight.indicators(supply(plans=[plan("P4", "2020-06-01", kind="action_plan")]))
    assert whole["answered"].all()
    assert whole["names"].tolist() == [("Performance Action Plan",)] * 3
    assert oversight.indicators(supply())["notices"].isna().all()


@pytest.mark.requirement("WHP-16")
def test_indicators_come_from_the_contracts_own_forecast(
    town_snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = partial(early_warning.levels, draws=100)  # for speed
    monkeypatch.setattr("perflib.analysis.oversight.department.early_warning.levels", few)
    found = oversight.indicators(town_snapshot)
    assert set(found["level"]) >= {"tmpl1", "tmpl2"}
    assert (found["points"] <= (found["miss"] >= found["threshold"])).all()


@pytest.mark.requirement("Q-05")
@pytest.mark.requirement("WL-44")
@pytest.mark.requirement("WL-45")
def test_notices_are_in_time_late_or_open_and_lack_texts(supply: Supply) -> None:
    # within 5 working days of a Monday: the Monday after. 31 August 2020 was a bank holiday.
    texts = {"summary": "s", "remedy": "r", "prevention": "p"}
    rows: Rows = [
        {"notice_id": "N1", "identified_date": "2020-09-07", "notified_date": "2020-09-14"} | texts,
        {"notice_id": "N2", "identified_date": "2020-09-07", "notified_date": "2020-09-15"} | texts | {"remedy": None},
        {"notice_id": "N3", "identified_date": "2020-08-24", "kind": "red_flag"},
        {"notice_id": "N4", "identified_date": "2020-09-28", "kind": "urgent", "summary": "s"},
        {"notice_id": "N5", "identified_date": "2020-09-21", "notified_date": "2020-10-02", "kind": "urgent"} | texts,
        {"notice_id": "N6", "identified_date": "2020-10-01"},
    ]
    snapshot = supply(known_at="2020-12-31", notices=rows)
    found = oversight.notices(snapshot)
    assert found is not None
    assert found["notice_id"].tolist() == ["N3", "N1", "N2", "N5", "N4"]
    found = found.set_index("notice_id").sort_index()
    assert found["state"].tolist() == ["sent", "late", "open late", "open", "open late"]
    assert found["due"].dt.date.astype("str").fillna("").tolist()[:3] == ["2020-09-14", "2020-09-14", "2020-09-01"]
    assert found["days"].tolist() == [5, 6, 26, 2, 7]
    assert found["lacks"].tolist() == [(), ("remedy",), (), ("support",), ("support",)]

    counts = oversight.notice_counts(snapshot)
    assert counts is not None
    names = ["kind", "notices", "sent", "late", "open", "open_late", "complete"]
    assert counts[names].to_numpy().tolist() == [
        ["issue", 2, 1, 1, 0, 0, 1],
        ["red_flag", 1, 0, 0, 0, 1, 1],
        ["urgent", 2, 0, 0, 1, 1, 0],
    ]


@pytest.mark.requirement("KS-56")
def test_red_flags_are_to_be_told_on_the_day_and_without_a_standard_nothing_is_late(supply: Supply) -> None:
    rows: Rows = [
        {"notice_id": "N1", "kind": "red_flag", "identified_date": "2020-09-25", "notified_date": "2020-09-25"},
        {"notice_id": "N2", "kind": "red_flag", "identified_date": "2020-09-25", "notified_date": "2020-09-28"},
        {"notice_id": "N3", "kind": "red_flag", "identified_date": "2020-09-25"},
    ]
    for regime, states in (("ks", ["sent", "late", "open late"]), (None, ["sent", "sent", "open"])):
        found = oversight.notices(supply(notices=rows, management=regime and load_management(regime)))
        assert found is not None
        assert found["state"].tolist() == states


# ------------------------------------------------------------------------------------------------------------ assurance


def reviews(*ratings: str, reasons: tuple[str | None, ...] | None = None) -> Rows:
    """Return reviews a year apart from 2012 on, each of ten weeks."""
    why = reasons or ("records",) * len(ratings)
    return [
        {
            "review_id": f"R{number}",
            "start_date": f"{2012 + number}-03-02",
            "end_date": f"{2012 + number}-05-11",
            "rating": rating or None,
            "reasons": why[number],
        }
        for number, rating in enumerate(ratings)
    ]


def triggers(snapshot: Snapshot, name: str) -> list[bool]:
    found = oversight.assurance(snapshot)
    assert found is not None
    return found[name].tolist()


@pytest.mark.requirement("WHP-65")
@pytest.mark.requirement("WHP-66")
def test_the_history_of_ratings_is_in_order_with_what_each_review_took(supply: Supply) -> None:
    rows = [*reviews("limited", "strong", "", "poor"), {"review_id": "R9", "start_date": "2020-12-01"}]
    rows[2]["end_date"] = None
    rows[1]["reasons"] = "records; Claims ;records"
    found = oversight.assurance(supply(known_at="2020-12-31", assurance=rows[::-1]))
    assert found is not None
    assert found["review_id"].tolist() == ["R0", "R1", "R2", "R3"]  # what began after the period had not
    assert found["rating"].tolist() == ["limited", "strong", "", ""]
    assert found["state"].tolist() == ["rated", "rated", "not rated yet", "not a rating of the programme"]
    assert found["weeks"].iloc[0] == 10
    assert found["reasons"].iloc[1] == ("Claims", "records")
    assert found["poor"].tolist() == [True, False, False, False]
    assert found["before"].tolist() == ["", "limited", "", ""]


def test_a_rating_that_was_given_after_the_period_had_not_been_given_then(supply: Supply) -> None:
    row = {"review_id": "R1", "start_date": "2020-08-03", "end_date": "2020-10-12", "rating": "weak"}
    found = oversight.assurance(supply(known_at="2020-12-31", assurance=[row]))
    assert found is not None
    assert found["state"].tolist() == ["not rated yet"]
    assert found["weeks"].iloc[0] == pytest.approx(58 / 7)  # 3 August to 30 September


@pytest.mark.requirement("WHP-67a")
@pytest.mark.parametrize(
    ("ratings", "expected"),
    [
        (("limited", "weak"), True),  # worse
        (("weak", "weak"), True),  # the same
        (("limited", "limited"), True),
        (("weak", "limited"), False),  # better
        (("reasonable", "weak"), False),  # worse, but the one before was not poor
        (("weak", "reasonable"), False),
        (("weak", "", "weak"), True),  # one that has no rating yet is passed over
        (("weak", "strong", "weak"), False),
    ],
)
def test_the_same_or_worse_after_a_poor_rating_for_the_same_reasons(
    supply: Supply, ratings: tuple[str, ...], expected: bool
) -> None:
    assert triggers(supply(assurance=reviews(*ratings)), "same_again")[-1] is expected


@pytest.mark.requirement("WHP-67a")
@pytest.mark.parametrize(
    ("reasons", "any_", "all_"),
    [
        (("records", "records"), True, True),
        (("records;claims", "claims;security"), True, False),
        (("records;claims", "claims; records"), True, True),
        (("records", "claims"), False, False),
        (("records", None), False, False),
        ((None, None), False, False),
    ],
)
def test_which_reasons_are_the_same_is_a_parameter(
    supply: Supply, reasons: tuple[str | None, ...], any_: bool, all_: bool
) -> None:
    whp = load_programme("whp")
    assert whp.assurance is not None
    rows = reviews("weak", "weak", reasons=reasons)
    for same, expected in (("any", any_), ("all", all_)):
        rule = whp.model_copy(update={"assurance": whp.assurance.model_copy(update={"same_reasons": same})})
        assert triggers(supply(assurance=rows, programme=rule), "same_again")[-1] is expected


@pytest.mark.requirement("WHP-67b")
@pytest.mark.parametrize(
    ("ratings", "runs", "expected"),
    [
        (("weak", "weak", "weak"), [1, 2, 3], [False, False, True]),
        (("weak", "limited", "weak"), [1, 2, 3], [False, False, True]),  # whatever the reasons, better or worse
        (("weak", "reasonable", "weak", "limited"), [1, 0, 1, 2], [False] * 4),
        (("weak", "weak", "weak", "weak"), [1, 2, 3, 4], [False, False, True, True]),
        (("weak", "weak", "", "weak"), [1, 2, 0, 3], [False, False, False, True]),
    ],
)
def test_a_third_poor_rating_running(
    supply: Supply, ratings: tuple[str, ...], runs: list[int], expected: list[bool]
) -> None:
    why = tuple(f"reason {number}" for number in range(len(ratings)))  # never the same
    snapshot = supply(assurance=reviews(*ratings, reasons=why))
    assert triggers(snapshot, "run") == runs
    assert triggers(snapshot, "poor_again") == expected
    assert not any(triggers(snapshot, "same_again"))


@pytest.mark.requirement("WHP-67c")
@pytest.mark.parametrize(
    ("dates", "late", "words"),
    [
        ({"plan_due_date": "2020-09-30"}, False, ""),
        ({"plan_due_date": "2020-09-29"}, True, "plan to be submitted by 29 September 2020: not yet"),
        ({"plan_due_date": "2020-06-01", "plan_submitted_date": "2020-06-01"}, False, ""),
        (
            {"plan_due_date": "2020-06-01", "plan_submitted_date": "2020-06-02"},
            True,
            "plan to be submitted by 1 June 2020: on 2 June 2020",
        ),
        ({"plan_due_date": "2020-09-01", "plan_submitted_date": "2020-10-01"}, True, "plan to be submitted by"),
        (
            {"plan_submitted_date": "2020-06-01", "implementation_due_date": "2020-08-31"},
            True,
            "plan to be implemented by 31 August 2020: not yet",
        ),
        ({"implementation_due_date": "2020-08-31", "plan_implemented_date": "2020-08-31"}, False, ""),
        ({}, False, ""),
    ],
)
def test_a_plan_not_submitted_or_not_implemented_in_time(
    supply: Supply, dates: dict[str, str], late: bool, words: str
) -> None:
    rows = [reviews("reasonable")[0] | dates]
    found = oversight.assurance(supply(known_at="2020-12-31", assurance=rows))
    assert found is not None
    assert found["plan_late"].tolist() == [late]
    assert found["evidence"].iloc[0].startswith(words)
    assert bool(found["evidence"].iloc[0]) is late


@pytest.mark.requirement("WHP-67a")
@pytest.mark.requirement("WHP-67b")
def test_each_trigger_says_what_it_rests_on(supply: Supply) -> None:
    rows = reviews("limited", "weak", "limited", reasons=("records", "records;claims", "claims"))
    found = oversight.assurance(supply(assurance=rows))
    assert found is not None
    assert found["evidence"].tolist() == [
        "",
        "limited, then weak: for the same reasons (records)",
        "3 poor ratings running",
    ]


def test_a_programme_without_assurance_rules_knows_no_rating(supply: Supply) -> None:
    whp = load_programme("whp").model_copy(update={"assurance": None})
    found = oversight.assurance(supply(assurance=reviews("weak", "weak", "weak"), programme=whp))
    assert found is not None
    assert set(found["state"]) == {"not a rating of the programme"}
    assert not found[["same_again", "poor_again"]].any(axis=None)


# -------------------------------------------------------------------------------------------------- ladder and targets


@pytest.mark.requirement("WL-42c")
def test_the_ladder_is_a_history_with_the_highest_open_step_as_the_present_one(supply: Supply) -> None:
    lines = "\n".join(
        [
            "A subcontractor=SC1 start=2018-01-15",  # final: its window and allowance ended 769 days later, in 2020
            "B subcontractor=SC1 start=2019-10-15",
            "C subcontractor=SC1 start=2020-03-16 job_outcome=2020-08-24",
            "D subcontractor=SC2 start=2020-03-16",
        ]
    )
    rows = [
        plan("P1", "2020-02-03", kind="partner_ladder", step=1),
        plan("P2", "2020-04-06", kind="partner_ladder", step=2, closed_date="2020-06-30"),
        plan("P3", "2020-07-06", kind="partner_ladder", step=3),
        plan("P4", "2020-03-02", kind="partner_ladder", step=1, unit_id="SC2", closed_date="2020-05-29"),
        plan("P5", "2020-11-02", kind="partner_ladder", step=4),  # not yet
        plan("P6", "2020-08-03", kind="partner_ladder", step=9, unit_type="team", unit_id="T"),
        plan("P7", "2020-08-03"),
    ]
    found = oversight.ladder(supply(known_at="2020-12-31", lines=lines, plans=rows))
    assert found is not None
    assert found["plan_id"].tolist() == ["P1", "P2", "P3", "P4", "P6"]
    assert found["present"].tolist() == [False, False, True, False, True]
    assert found["step_name"].tolist() == [
        "SMART actions with owners",
        "reduced targets",
        "suspension until resolved",
        "SMART actions with owners",
        "",
    ]
    # the suspended partner's two later starts can still reach outcomes, and stay its own
    assert found["maturing"].fillna(-1).tolist() == [2, 2, 2, 1, -1]


@pytest.mark.requirement("WL-42c")
@pytest.mark.requirement("WL-32")
def test_a_target_revised_in_mid_contract_stands_beside_the_original(supply: Supply) -> None:
    rows = [
        {"unit_type": "subcontractor", "unit_id": "SC1", "kpi": "outcomes", "target": "0.8", "from_date": "2020-01-01"},
        {
            "unit_type": "subcontractor",
            "unit_id": "SC1",
            "kpi": "outcomes",
            "target": "0.97",
            "from_date": "2020-07-01",
        },
        {"unit_type": "subcontractor", "unit_id": "SC1", "kpi": "outcomes", "target": "0.5", "from_date": "2020-12-01"},
        {"unit_type": "contract", "kpi": "own", "target": "many", "from_date": "2020-01-01"},
    ]
    found = oversight.targets(supply(known_at="2020-12-31", targets=rows))
    assert found is not None
    assert found["unit"].tolist() == ["made-here", "SC1", "SC1"]  # the last had not come
    mine = found[found["unit"] == "SC1"]
    assert mine["name"].tolist() == ["Job outcomes against profile"] * 2
    assert mine["original"].tolist() == [0.95, 0.95]
    assert mine["before"].tolist() == [0.95, 0.8]
    assert mine["target"].tolist() == [0.8, 0.97]
    assert mine["eased"].tolist() == [True, False]
    assert mine["until"].astype("str").fillna("").tolist() == ["2020-06-30", ""]
    assert mine["in_force"].tolist() == [False, True]
    assert found["target"].isna().tolist() == [True, False, False]


def test_more_is_eased_where_less_is_asked_for(supply: Supply) -> None:
    rows = [
        {
            "unit_type": "subcontractor",
            "unit_id": "SC1",
            "kpi": "complaints",
            "target": "0.02",
            "from_date": "2020-01-01",
        }
    ]
    found = oversight.targets(supply(targets=rows, management=load_management("ks")))
    assert found is not None
    assert (found["rule"].iloc[0], found["original"].iloc[0], found["eased"].iloc[0]) == ("no more than", 0.01, True)


# ------------------------------------------------------------------------------------------------------------- calendar

REGIME = {
    "management": "made-here",
    "name": "Made here",
    "source": "made for a test",
    "reports": {
        "monthly": {"name": "Monthly", "every": "month", "within": 5, "reviewed": True, "source": "line 1"},
        "open": {"name": "Monthly, no limit", "every": "month", "source": "line 2"},
        "weekly": {"name": "Weekly", "every": "week", "within": 0, "source": "line 3"},
        "daily": {"name": "Daily", "every": "day", "within": 0, "source": "line 4"},
        "quarterly": {"name": "Quarterly", "every": "quarter", "within": 10, "source": "line 5"},
    },
}


@pytest.fixture(scope="module")
def calendar(supply: Supply) -> Callable[..., pd.DataFrame]:
    """Return a function that gives the calendar of a contract from 20 July 2020, by report."""
    regime = type(load_management("wl")).model_validate(REGIME)

    def of(*issued: tuple[str, ...], month: str = MONTH, known_at: str | None = None) -> pd.DataFrame:
        names = ("report", "period_end", "issued_date", "reviewed_date")
        rows = [dict(zip(names, row, strict=False)) for row in issued]
        lines = "A referral=2020-07-20 start=2020-07-27"
        snapshot = supply(month, known_at, lines, management=regime, first_day="2020-07-20", issued_reports=rows)
        found = oversight.calendar(snapshot)
        assert found is not None
        return found.set_index("report")

    return of


def cells(found: pd.DataFrame, report: str, *names: str) -> list[Any]:
    """Return some of what the calendar says of a report, dates as text."""
    row = found.loc[[report], list(names)].to_numpy(dtype=object)[0]
    return [f"{value:%Y-%m-%d}" if isinstance(value, pd.Timestamp) else value for value in row]


@pytest.mark.requirement("Q-02")
def test_a_report_that_was_never_issued_was_missed_since_the_contracts_first_day(
    calendar: Callable[..., pd.DataFrame],
) -> None:
    found = calendar()
    # seen on Wednesday 30 September. Monthly: July was due on 7 August, August on 7 September, September on 7 October
    # (Friday 31 July + 5 working days; Monday 31 August was a holiday, so day 0 is 1 September and day 5 the 8th).
    assert cells(found, "monthly", "missed", "next_due", "last_missed") == [2, "2020-10-07", "2020-08-31"]
    # without a limit by the end of the next month: July's was missed, August's is due today
    assert cells(found, "open", "missed", "next_due") == [1, "2020-09-30"]
    # weeks to Sunday 26 July ... Sunday 27 September are ten, due on the Monday after
    assert cells(found, "weekly", "periods", "missed", "first_missed") == [10, 10, "2020-07-26"]
    # working days from 20 July to 30 September: 5 x 10 + 3 less the holiday, and the last is due today
    assert cells(found, "daily", "periods", "missed") == [52, 51]
    # July to September ended today: due ten working days later
    assert cells(found, "quarterly", "periods", "missed", "next_due") == [1, 0, "2020-10-14"]
    assert found["last_period"].isna().all()


@pytest.mark.requirement("Q-02")
def test_what_was_issued_is_in_time_late_signed_or_of_no_period(calendar: Callable[..., pd.DataFrame]) -> None:
    found = calendar(
        ("monthly", "2020-07-31", "2020-08-07", "2020-08-10"),
        ("monthly", "2020-08-31", "2020-09-09"),  # a day late, and not signed
        ("weekly", "2020-07-24", "2020-07-27"),  # the Friday stands for its week
        ("daily", "2020-07-25", "2020-07-27"),  # a Saturday has no daily report
        ("quarterly", "2020-09-30", "2020-10-01"),  # had not been issued then
        ("monthly", "2020-06-30", "2020-07-03"),  # before the contract
        ("gazette", "2020-07-31", "2020-08-03"),
        known_at="2020-12-31",
    )
    assert cells(found, "monthly", "missed", "late", "unsigned", "unmatched") == [0, 1, 1, 1]
    assert cells(found, "monthly", "last_period", "last_issued") == ["2020-08-31", "2020-09-09"]
    assert cells(found, "weekly", "missed", "unmatched") == [9, 0]
    assert cells(found, "daily", "missed", "unmatched") == [51, 1]
    assert pd.isna(cells(found, "quarterly", "last_period")[0])
    assert pd.isna(cells(found, "weekly", "unsigned")[0])  # nobody signs it
    assert cells(found, "gazette", "every", "unmatched") == ["", 1]


@pytest.mark.requirement("Q-02")
def test_of_two_issues_of_one_period_the_first_counts(calendar: Callable[..., pd.DataFrame]) -> None:
    found = calendar(("weekly", "2020-07-26", "2020-08-05"), ("weekly", "2020-07-24", "2020-07-27"))
    assert cells(found, "weekly", "late", "missed") == [0, 9]


# ----------------------------------------------------------------------------------------------------------------- laws

DATES = st.dates(pd.Timestamp("2019-01-01").date(), pd.Timestamp("2021-06-30").date()).map(str)
PLANS = st.lists(
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from(["pip", "partner_ladder", "action_plan", "formal_action", "unheard"]),
            "opened_date": DATES,
            "closed_date": st.none() | DATES,
            "due_date": st.none() | DATES,
            "kpi": st.none() | st.just("jobs"),
            "unit_type": st.sampled_from(["subcontractor", None]),
            "step": st.none() | st.integers(1, 4),
        }
    ),
    max_size=6,
)


@settings(deadline=None, max_examples=15)
@given(rows=PLANS, seed=st.integers(0, 100))
def test_the_order_of_rows_does_not_matter_and_counts_add_up(supply: Supply, rows: Rows, seed: int) -> None:
    named: Rows = [row | {"plan_id": f"P{n}", "unit_id": row["unit_type"] and "SC1"} for n, row in enumerate(rows)]
    mixed = np.random.default_rng(seed).permutation(len(named))
    one, other = supply(plans=named, reviews=[]), supply(plans=[named[n] for n in mixed], reviews=[])
    for call in (oversight.plans, oversight.levels, oversight.ladder, oversight.by_theme):
        here, there = call(one), call(other)
        assert here is not None
        assert there is not None
        pd.testing.assert_frame_equal(here, there)
    found, themes, levels = oversight.plans(one), oversight.by_theme(one), oversight.levels(one)
    assert found is not None
    assert themes is not None
    assert levels is not None
    assert len(found) == len(named)
    assert (found["reviews_held"] + found["reviews_missed"] == found["reviews_due"]).all()
    assert themes["plans"].sum() == (found["state"] != "not yet").sum()
    assert (levels["open"] <= levels["times"]).all()
    assert levels["running"].iloc[0]
