"""Improvement plans and other instruments: how they stand, what they lack, what comes back, what lies behind.

Conventions
-----------
- A plan is `not yet` before its first day, then `open`, `overdue` after its due date, and `closed` from the day it was.
  Its due date is the recorded one, else that of the instrument's `weeks`. An overdue plan is open, only late.
- Reviews are those listed for the plan or, where none is, one every `review_weeks` of the instrument while it runs. A
  review is due once its day has passed, or when it was held before.
- A plan is for the unit it names. One for a unit that it lies in, or for the whole contract, does not answer the unit's
  own rating: it is named beside it.
- A plan opened before a rating answers it as long as it is open.
- Actions are asked of what answers a rating or a warning; a letter, a formal step or a sanction has none of its own.
- What was missed again after a plan is looked for in whole quarters that begin after the plan was closed. Units are
  known by their ids: one under a new id is another.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from perflib.analysis.kpis import decided
from perflib.analysis.oversight.as_of import facts, last_day, unit_of
from perflib.analysis.ratings import AMBER, RED, held
from perflib.analysis.supporting_tables import above, parents
from perflib.records.snapshot import Snapshot, remembered
from perflib.rules.calendar import quarter_of
from perflib.rules.management import CONTRACT, Rating

OPEN, OVERDUE, CLOSED, NOT_YET = STATES = ("open", "overdue", "closed", "not yet")
RUNNING = [OPEN, OVERDUE]

COLUMNS = ["plan_id", "kind", "name", "level", "step", "step_name", "unit_type", "unit", "kpi", "theme", "expected"]
COLUMNS += ["owner", "opened", "due", "closed", "shared", "state", "days_open"]
COLUMNS += ["reviews_due", "reviews_held", "reviews_missed", "first_missed", "next_review"]
COLUMNS += ["actions", "actions_done", "actions_overdue", "without_owner", "without_due_date", "without_measure"]
COLUMNS += ["answers_rating", "answers_warning"]

NO_PLAN, NO_ACTIONS = "rated Amber or Red, without an open plan", "plan without actions"
LACKS = {"owner": "action without an owner", "due_date": "action without a date", "measure": "action without a measure"}
NOT_REVIEWED, NOT_SHARED = "review overdue", "contract plan not shared with the department"
EXCEPTIONS = (NO_PLAN, NO_ACTIONS, *LACKS.values(), NOT_REVIEWED, NOT_SHARED)
EXCEPTION_COLUMNS = ["what", "unit", "rating", "plan_id", "name", "number", "since", "days", "nested"]

AGAIN, KEPT, WATCHED, UNKNOWN = "missed again", "not missed again", "being watched", "not measured"
RECURRENCE_COLUMNS = ["plan_id", "name", "unit", "kpi", "theme", "closed", "state", "missed_in", "quarters", "judged"]
ACTION_COLUMNS = ["plan_id", "action_id", "name", "unit_type", "unit", "action", "measure", "owner", "due", "state"]
THEME_COLUMNS = ["kpi", "name", "period", "judged", "missed", "share", "units", "plans", "themes"]


@remembered
def plans(snapshot: Snapshot) -> pd.DataFrame | None:
    """List every improvement plan, notice and measure with its state on the report's day.

    Returns
    -------
    DataFrame or None
        None where the extract has no table `plans`. One row a plan:

        - `plan_id`, `kind` (id of the instrument) and `name` (the kind again where no instrument is called so),
          `level` of the department's regime, `step` and `step_name`, `unit_type`, `unit`, `kpi`, `theme`, `expected`
          (the improvement), `owner`.
        - `opened`, `due`, `closed`, `shared` (with the department), `state` (one of `STATES`), `days_open` (calendar
          days, to the day or its closure).
        - `reviews_due`, `reviews_held` and `reviews_missed`, which add up; `first_missed` and `next_review` (dates).
        - `actions`, `actions_done`, `actions_overdue`, and how many are `without_owner`, `without_due_date`,
          `without_measure`.
        - `answers_rating`, `answers_warning`: what its instrument is for.

        Counts of reviews held and of actions are missing where the extract has no such table.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> plans(sample_snapshot("2020-06"))[["plan_id", "unit", "opened", "state"]]
      plan_id          unit     opened   state
    0      P1          SC03 2019-07-15  closed
    1      P2          SC02 2020-04-20    open
    2      P6  small-sample 2020-06-15    open
    3      P8  small-sample 2020-06-22    open
    """
    rows = facts(snapshot, "plans")
    if rows is None:
        return None
    on, kinds = last_day(snapshot), snapshot.contract.instruments
    of = [kinds.get(kind) for kind in rows["kind"]]
    weeks = pd.Series([kind.weeks if kind else None for kind in of], index=rows.index, dtype="float64")
    opened, closed = rows["opened_date"], rows["closed_date"]
    due = rows["due_date"].fillna(opened + pd.to_timedelta(7 * weeks, unit="D"))
    states = np.select([opened > on, closed.notna(), due < on], [NOT_YET, CLOSED, OVERDUE], OPEN)
    steps = [
        kind.steps[int(step) - 1] if kind and step == step and 1 <= step <= len(kind.steps) else ""
        for kind, step in zip(of, rows["step"], strict=True)
    ]
    frame = rows.rename(columns={f"{name}_date": name for name in ("opened", "closed", "shared")})
    frame = frame.drop(columns=["unit_type", "unit_id"]).join(unit_of(snapshot, rows))
    frame = frame.assign(
        name=[kind.name if kind else code for kind, code in zip(of, rows["kind"], strict=True)],
        level=pd.Series([kind.level if kind else None for kind in of], index=rows.index, dtype="float64"),
        step_name=steps,
        due=due,
        state=pd.Series(states, index=rows.index, dtype="str"),
        days_open=(closed.fillna(on) - opened).dt.days.where(states != NOT_YET),
        answers_rating=np.array([kind is not None and kind.answers_rating for kind in of], dtype=bool),
        answers_warning=np.array([kind is not None and kind.answers_warning for kind in of], dtype=bool),
        review_weeks=pd.Series([kind.review_weeks if kind else None for kind in of], index=rows.index, dtype="float64"),
    )
    frame = frame.merge(_reviews(snapshot, frame), on="plan_id").merge(_actions(snapshot, frame), on="plan_id")
    return frame.sort_values(["opened", "plan_id"], ignore_index=True)[COLUMNS]


def _reviews(snapshot: Snapshot, frame: pd.DataFrame) -> pd.DataFrame:
    """Return what was due, held and missed of the reviews of each plan."""
    on, table = last_day(snapshot), facts(snapshot, "reviews")
    ends = frame["closed"].fillna(on)
    each = pd.to_timedelta(7 * frame["review_weeks"], unit="D")
    last = ends.where(ends < on, on - pd.Timedelta(days=1))
    number = ((last - frame["opened"]) // each).clip(lower=0)
    expected = pd.DataFrame(
        {
            "plan_id": frame["plan_id"],
            "reviews_due": number if table is None else number.fillna(0),
            "reviews_held": np.nan if table is None else 0.0,
            "reviews_missed": np.nan if table is None else number.fillna(0),
            "first_missed": (frame["opened"] + each).where((number > 0) & (table is not None)),
            "next_review": (frame["opened"] + each * (number + 1)).where(frame["state"].isin(RUNNING)),
        }
    ).set_index("plan_id")
    if table is None:
        return expected.reset_index()
    rows = table.merge(pd.DataFrame({"plan_id": frame["plan_id"], "ends": ends, "state": frame["state"]}), on="plan_id")
    rows["held"] = rows["held_date"].notna()
    rows["missed"] = ~rows["held"] & (rows["due_date"] < on) & ~(rows["due_date"] > rows["ends"])
    comes = ~rows["held"] & ~rows["missed"] & rows["state"].isin(RUNNING)
    listed = rows.groupby("plan_id").agg(reviews_held=("held", "sum"), reviews_missed=("missed", "sum")).astype(float)
    listed["reviews_due"] = listed["reviews_held"] + listed["reviews_missed"]
    listed["first_missed"] = rows[rows["missed"]].groupby("plan_id")["due_date"].min()
    listed["next_review"] = rows[comes].groupby("plan_id")["due_date"].min()
    return pd.concat([expected.drop(index=listed.index), listed[expected.columns]]).reset_index()


def _actions(snapshot: Snapshot, frame: pd.DataFrame) -> pd.DataFrame:
    """Return what there is of the actions of each plan, and what they lack."""
    names = ["actions", "actions_done", "actions_overdue", *(f"without_{name}" for name in LACKS)]
    table = facts(snapshot, "actions")
    if table is None:
        return pd.DataFrame(np.nan, index=frame.index, columns=names).assign(plan_id=frame["plan_id"])
    done = table["done_date"].notna()
    flags = {"actions": True, "actions_done": done}
    flags |= {"actions_overdue": ~done & (table["due_date"] < last_day(snapshot))}
    flags |= {f"without_{name}": table[name].isna() for name in LACKS}
    counts = pd.DataFrame(flags, index=table.index, columns=names).groupby(table["plan_id"]).sum()
    return counts.reindex(frame["plan_id"], fill_value=0).astype(float).reset_index()


def open_actions(snapshot: Snapshot) -> pd.DataFrame | None:
    """List the open actions of open plans, the first due first.

    Returns
    -------
    DataFrame or None
        None where the extract lacks one of the tables `plans` and `actions`. One row an action: `plan_id`, `action_id`,
        the plan's `name`, `unit_type` and `unit`; `action`, `measure`, `owner`, `due`; `state`: 'open', 'overdue' or
        'no date'.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> open_actions(sample_snapshot("2020-06"))[["plan_id", "action_id", "due"]]
      plan_id action_id        due
    0      P6        A5 2020-10-30
    1      P8        A7 2020-11-30
    """
    found, rows = plans(snapshot), facts(snapshot, "actions")
    if found is None or rows is None:
        return None
    running = found.loc[found["state"].isin(RUNNING), ["plan_id", "name", "unit_type", "unit"]]
    rows = rows[rows["done_date"].isna()].rename(columns={"due_date": "due"}).merge(running, on="plan_id")
    state = np.select([rows["due"].isna(), rows["due"] < last_day(snapshot)], ["no date", OVERDUE], OPEN)
    frame = rows.assign(state=pd.Series(state, index=rows.index, dtype="str"))
    return frame.sort_values(["due", "action_id"], ignore_index=True)[ACTION_COLUMNS]


def exceptions(snapshot: Snapshot, ratings: pd.DataFrame) -> pd.DataFrame | None:
    """List the exceptions to the regime: ratings without the plan they call for, and open plans to act on.

    Parameters
    ----------
    snapshot : Snapshot
    ratings : DataFrame
        What `ratings.rate` returns, of one kind of unit or of several put together.

    Returns
    -------
    DataFrame or None
        None where the extract has no table `plans`. One row an exception: `what` (one of `EXCEPTIONS`), `unit`,
        `rating` and, of a plan, `plan_id` and `name`; `number` (of reviews); `since` (the end of the rated quarter, the
        day the plan was opened, the action's or the first missed review's) and `days` gone by; `nested`: for a unit
        without an open plan, the units it lies in that have one.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> from perflib.analysis.ratings import rate
    >>> snapshot = sample_snapshot()
    >>> len(exceptions(snapshot, rate(snapshot)))
    0
    """
    found = plans(snapshot)
    if found is None:
        return None
    running = found[found["state"].isin(RUNNING)]
    parts = [_unanswered(snapshot, held(ratings), running[running["answers_rating"]])]
    asked = running["answers_rating"] | running["answers_warning"]
    parts.append(_of_plans(running[asked & (running["actions"] == 0)], NO_ACTIONS))
    actions = facts(snapshot, "actions")
    if actions is not None:
        theirs = actions.merge(running[["plan_id", "unit", "name", "opened"]], on="plan_id")
        parts += [_of_plans(theirs[theirs[name].isna()], what) for name, what in LACKS.items()]
    late = running[running["reviews_missed"] > 0]
    parts.append(_of_plans(late.assign(opened=late["first_missed"], number=late["reviews_missed"]), NOT_REVIEWED))
    whole = running[running["answers_rating"] & (running["unit_type"] == CONTRACT)]
    parts.append(_of_plans(whole[whole["shared"].isna()], NOT_SHARED))
    frame = pd.concat([part.reindex(columns=EXCEPTION_COLUMNS) for part in parts if len(part)] or [parts[0]])
    frame = frame.reindex(columns=EXCEPTION_COLUMNS)
    frame["days"] = (last_day(snapshot) - pd.to_datetime(frame["since"])).dt.days
    frame["nested"] = pd.Series([n if isinstance(n, tuple) else () for n in frame["nested"]], frame.index, dtype=object)
    order = {what: place for place, what in enumerate(EXCEPTIONS)}
    return frame.sort_values(
        ["what", "unit", "plan_id"], key=lambda c: c.map(order) if c.name == "what" else c, ignore_index=True
    )


def _of_plans(rows: pd.DataFrame, what: str) -> pd.DataFrame:
    return rows.assign(what=what, since=rows["opened"])


def _unanswered(snapshot: Snapshot, now: pd.DataFrame, running: pd.DataFrame) -> pd.DataFrame:
    """Return the units that hold an Amber or Red and have no open plan of their own."""
    covered, parent, contract = set(running["unit"]), parents(snapshot, last_day(snapshot)), snapshot.contract.contract
    bare = now[now["rating"].isin([AMBER, RED]) & ~now["unit"].isin(covered)]
    around = [dict.fromkeys([*above(unit, parent), contract]) for unit in bare["unit"]]
    chains = [tuple(name for name in names if name in covered) for names in around]
    since = pd.to_datetime([period.end_time.normalize() for period in bare["period"]])
    return bare.assign(what=NO_PLAN, since=since, nested=pd.Series(chains, index=bare.index, dtype=object))


def recurrence(snapshot: Snapshot, scores: pd.DataFrame) -> pd.DataFrame | None:
    """Flag closed plans whose unit has missed the same KPI again.

    Parameters
    ----------
    snapshot : Snapshot
    scores : DataFrame
        What `kpis.scores` returns, by quarter.

    Returns
    -------
    DataFrame or None
        None where the extract has no table `plans`. One row a closed plan: `plan_id`, `name`, `unit`, `kpi`, `theme`,
        `closed`; `state`: 'missed again', 'not missed again' (within the rule's `recurs_within` quarters, all of which
        are over), 'being watched' (not so far) or 'not measured' (it names no KPI of its unit, or that has had no
        figures since and the time is over); `missed_in`, the first such quarter, and how many `quarters` after; how
        many quarters have been `judged`.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> from perflib.analysis.kpis import scores
    >>> snapshot = sample_snapshot()
    >>> recurrence(snapshot, scores(snapshot))[["plan_id", "kpi"]]
      plan_id         kpi
    0      P1  job_starts
    """
    found = plans(snapshot)
    if found is None:
        return None
    contract = snapshot.contract
    within: int = (contract.rating or Rating(source="default")).recurs_within
    closed = found[found["state"] == CLOSED].reset_index(drop=True)
    month = closed["closed"].dt.to_period("M")
    ended = quarter_of(month, contract.quarter_basis, snapshot.first_day)
    rows = closed.assign(number=range(len(closed)), ended=ended)[["number", "unit", "kpi", "ended"]]
    seen = scores.loc[scores["whole"].astype(bool), ["unit", "kpi", "period", "result"]]
    seen = seen.assign(result=decided(seen["result"], contract.rating))
    seen = rows.dropna(subset="kpi").merge(seen, on=["unit", "kpi"])
    seen["after"] = _quarters_between(seen["ended"], seen["period"])
    seen = seen[seen["after"].between(1, within) & seen["result"].isin(["hit", "missed"])]
    missed = seen[seen["result"] == "missed"].sort_values("after").drop_duplicates("number").set_index("number")
    judged = seen.groupby("number").size().reindex(range(len(closed)), fill_value=0)
    first = missed[["period", "after"]].reindex(range(len(closed)))
    known = pd.MultiIndex.from_frame(scores[["unit", "kpi"]])
    measured = pd.MultiIndex.from_frame(closed[["unit", "kpi"]]).isin(known)
    over = _quarters_between(ended, pd.Series(snapshot.month, index=closed.index)) >= within
    again, kept = first["period"].notna().to_numpy(), (judged > 0).to_numpy()
    state = np.select([~measured, again, ~over, kept], [UNKNOWN, AGAIN, WATCHED, KEPT], UNKNOWN)
    frame = closed.assign(missed_in=first["period"], quarters=first["after"], judged=judged)
    return frame.assign(state=pd.Series(state, index=closed.index, dtype="str"))[RECURRENCE_COLUMNS]


def _quarters_between(earlier: pd.Series, later: pd.Series) -> NDArray[np.int64]:
    """Return how many whole quarters one month lies after another, which ends a quarter."""
    first, last = (pd.PeriodIndex(months, freq="M").asi8 for months in (earlier, later))
    return (last - first) // 3


def themes(snapshot: Snapshot, scores: pd.DataFrame) -> pd.DataFrame:
    """Count units that missed each KPI in each quarter, with the plans opened about it.

    Parameters
    ----------
    snapshot : Snapshot
    scores : DataFrame
        What `kpis.scores` returns, by quarter.

    Returns
    -------
    DataFrame
        One row a KPI and quarter in which any unit was judged by it, the latest quarter first and in it the KPI that
        most units missed: `kpi`, `name`, `period`, units `judged` and `missed`, the `share`, the ids of the `units`
        that missed it, `plans` opened in the quarter about it (missing where the extract has no such table), and their
        `themes`.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> from perflib.analysis.kpis import scores
    >>> snapshot = sample_snapshot()
    >>> themes(snapshot, scores(snapshot))[["kpi", "judged", "missed"]].drop_duplicates("kpi").head(2)
                       kpi  judged  missed
    0  peer_group_progress       3       1
    1           complaints       3       0
    """
    results = decided(scores["result"], snapshot.contract.rating)
    judged = scores.assign(result=results)[scores["whole"].astype(bool) & results.isin(["hit", "missed"])]
    key = ["kpi", "name", "period"]
    missed = judged[judged["result"] == "missed"]
    frame = judged.groupby(key)["unit"].nunique().rename("judged").to_frame()
    frame["missed"] = missed.groupby(key)["unit"].nunique().reindex(frame.index, fill_value=0)
    frame["units"] = _tuples(missed, key, "unit").reindex(frame.index)
    frame = frame.assign(share=frame["missed"] / frame["judged"]).reset_index()
    found = plans(snapshot)
    if found is None:
        frame = frame.assign(plans=np.nan, themes=None)
    else:
        contract, begun = snapshot.contract, found[found["state"] != NOT_YET].dropna(subset="kpi")
        months = begun["opened"].dt.to_period("M")
        begun = begun.assign(period=quarter_of(months, contract.quarter_basis, snapshot.first_day))
        index = pd.MultiIndex.from_frame(frame[["kpi", "period"]])
        number = begun.groupby(["kpi", "period"]).size().reindex(index, fill_value=0)
        named = _tuples(begun.dropna(subset="theme"), ["kpi", "period"], "theme").reindex(index)
        frame = frame.assign(plans=number.to_numpy(), themes=named.to_numpy())
    for name in ("units", "themes"):
        whole = [value if isinstance(value, tuple) else () for value in frame[name]]
        frame[name] = pd.Series(whole, index=frame.index, dtype=object)
    frame = frame.sort_values(["period", "missed", "kpi"], ascending=[False, False, True], ignore_index=True)
    return frame[THEME_COLUMNS]


def _tuples(rows: pd.DataFrame, key: list[str], column: str) -> pd.Series:
    """Return the distinct values of a column by key, in order."""
    found: dict[Any, set[str]] = {}
    for *place, value in rows[[*key, column]].itertuples(index=False, name=None):
        found.setdefault(tuple(place), set()).add(value)
    index = pd.MultiIndex.from_tuples(found, names=key) if found else pd.MultiIndex.from_frame(rows[key])
    return pd.Series([tuple(sorted(values)) for values in found.values()], index=index, dtype=object)


def by_theme(snapshot: Snapshot) -> pd.DataFrame | None:
    """Count plans by what lay behind them.

    Returns
    -------
    DataFrame or None
        None where the extract has no table `plans`. One row a theme, the most frequent first, with 'not given' last:
        `theme`, `plans`, of them `running` and `closed`, how many `units` and `counts` they are about.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> by_theme(sample_snapshot())
          theme  plans  running  closed  units  kpis
    0  staffing      1        0       1      1     1
    """
    found = plans(snapshot)
    if found is None:
        return None
    begun = found[found["state"] != NOT_YET]
    begun = begun.assign(blank=begun["theme"].isna(), theme=begun["theme"].fillna("not given"))
    begun = begun.assign(running=begun["state"].isin(RUNNING), over=begun["state"] == CLOSED)
    counts = begun.groupby(["theme", "blank"], as_index=False).agg(
        plans=("plan_id", "size"),
        running=("running", "sum"),
        closed=("over", "sum"),
        units=("unit", "nunique"),
        kpis=("kpi", "nunique"),
    )
    counts = counts.sort_values(["blank", "plans", "theme"], ascending=[True, False, True], ignore_index=True)
    return counts.drop(columns="blank")
