"""What lies between a provider and the department: levels of its regime, warnings, notices.

Conventions
-----------
- The levels run beside each other, in any number and order: they are states, never a ladder. The first is always
  running; another runs while one of its instruments is open (an overdue one is).
- An indicator points to a miss when a forecast says that a level will be missed with at least the probability of the
  contract's `early_warning`. Notices that answer warnings answer the level that their `kpi` names, or all of them.
- A notice to the department is `sent` in time, `late`, `open`, or `open late`; its limit is the strictest of the
  contract's standards on the table `notices`, and without one nothing is late. Texts are looked for, never judged.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from perflib.analysis import standards
from perflib.analysis.forecast import early_warning
from perflib.analysis.oversight.as_of import facts, last_day
from perflib.analysis.oversight.improvement import NOT_YET, RUNNING, plans
from perflib.records.snapshot import Snapshot
from perflib.rules.calendar import since_first, working_days

LEVEL_COLUMNS = ["level", "name", "running", "since", "open", "instruments", "times", "last_closed"]
HISTORY_COLUMNS = ["level", "plan_id", "kind", "name", "unit", "opened", "due", "closed", "state", "days_open"]
INDICATOR_COLUMNS = ["level", "kind", "name", "promised", "expected", "miss", "threshold", "status", "points"]
INDICATOR_COLUMNS += ["notices", "names", "since", "answered"]

RED_FLAG, URGENT, ISSUE = "red_flag", "urgent", "issue"
TEXTS = {URGENT: ("summary", "support"), ISSUE: ("summary", "remedy", "prevention"), RED_FLAG: ()}
"""What a notice of each kind has to say."""

SENT, LATE, OPEN, OPEN_LATE = NOTICE_STATES = ("sent", "late", "open", "open late")
NOTICE_COLUMNS = ["notice_id", "kind", "plan_id", "identified", "due", "notified", "state", "days", "lacks"]
COUNT_COLUMNS = ["kind", "notices", *(name.replace(" ", "_") for name in NOTICE_STATES), "complete"]


def levels(snapshot: Snapshot) -> pd.DataFrame | None:
    """State of each level of the department's regime.

    Returns
    -------
    DataFrame or None
        None where the extract has no table `plans`. One row a level, none where the programme has no such regime:
        `level`, `name`, `running`; `since` (the first day of the first of its instruments that are open now; of the
        first level, the contract's first day); `open`, how many instruments are, and their names in `instruments`;
        `times` that one was used, `last_closed`.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> levels(sample_snapshot("2020-06"))[["level", "name", "running"]].head(2)
       level                         name  running
    0      1  Contract Performance Review     True
    1      2      Performance Action Plan     True
    """
    history = level_history(snapshot)
    if history is None:
        return None
    rows: list[dict[str, Any]] = []
    first = min(snapshot.programme.levels, default=0)
    for level, name in sorted(snapshot.programme.levels.items()):
        mine = history[(history["level"] == level) & (history["state"] != NOT_YET)]
        now = mine[mine["state"].isin(RUNNING)]
        always = level == first
        rows.append(
            {
                "level": level,
                "name": name,
                "running": always or len(now) > 0,
                "since": pd.Timestamp(snapshot.first_day) if always else now["opened"].min(),
                "open": len(now),
                "instruments": tuple(now["name"]),
                "times": len(mine),
                "last_closed": mine["closed"].max(),
            }
        )
    return pd.DataFrame(rows, columns=LEVEL_COLUMNS)


def level_history(snapshot: Snapshot) -> pd.DataFrame | None:
    """List the instruments of each level that were used, with their dates, in order.

    Returns
    -------
    DataFrame or None
        None where the extract has no table `plans`.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> level_history(sample_snapshot("2020-06"))[["level", "plan_id", "kind", "state"]]
       level plan_id         kind state
    0      2      P6  action_plan  open
    """
    found = plans(snapshot)
    if found is None:
        return None
    mine = found[found["level"].notna()]
    return mine.assign(level=mine["level"].astype(int))[HISTORY_COLUMNS].reset_index(drop=True)


def indicators(snapshot: Snapshot) -> pd.DataFrame:
    """Flag the tender levels that a forecast says may be missed, with the department's notices.

    It makes a forecast, which takes seconds.

    Returns
    -------
    DataFrame
        One row a level, group and area, as `forecast.warning.levels` has them: `level`, `kind`, `name`, `promised`,
        `expected`, `miss` (probability), `threshold`, `status` and `points` (whether it points to a miss); `notices`
        that answer it and are open, their `names`, `since`, and `answered`. The last four are missing where the extract
        has no table `plans`.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> indicators(sample_snapshot("2018-04"))[["level", "promised", "notices"]].head(2)
       level  promised  notices
    0  tmpl1      2.04        0
    1  tmpl2      1.60        0
    """
    ahead = early_warning.levels(snapshot)
    threshold = snapshot.contract.early_warning.probability
    frame = ahead[["level", "kind", "name", "promised", "expected", "miss", "status"]].assign(
        threshold=threshold, points=ahead["status"] == "may be missed"
    )
    return frame.join(_answers(plans(snapshot), frame["level"]))[INDICATOR_COLUMNS]


def _answers(found: pd.DataFrame | None, level: pd.Series) -> pd.DataFrame:
    """Return what answers the warning about each tender level."""
    if found is None:
        return pd.DataFrame(np.nan, level.index, ["notices", "names", "since", "answered"]).astype({"names": object})
    mine = found[found["answers_warning"] & found["state"].isin(RUNNING)]
    mine = mine.assign(of=mine["kpi"].where(mine["kpi"].isin(set(level) - {""})))
    each = [mine[mine["of"].isna() | (mine["of"] == name)] for name in level]
    return pd.DataFrame(
        {
            "notices": [len(rows) for rows in each],
            "names": pd.Series([tuple(rows["name"]) for rows in each], index=level.index, dtype=object),
            "since": [rows["opened"].min() for rows in each],
            "answered": [len(rows) > 0 for rows in each],
        },
        index=level.index,
    )


def notices(snapshot: Snapshot) -> pd.DataFrame | None:
    """List the issues that the department must be notified of, and the state of each notice.

    Returns
    -------
    DataFrame or None
        None where the extract has no table `notices`. One row a notice that had been found by the day: `notice_id`,
        `kind`, `plan_id`, `identified`, `due` (missing without a standard), `notified`, `state` (one of
        `NOTICE_STATES`), `days` (working days it took, or has taken so far) and which of the texts of its kind it
        `lacks`.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> notices(sample_snapshot())[["notice_id", "kind", "state"]]
      notice_id   kind state
    0        N1  issue  sent
    """
    rows = facts(snapshot, "notices")
    if rows is None:
        return None
    rows = rows[rows["identified_date"].notna()].reset_index(drop=True)
    rules = snapshot.contract.standards
    names = [name for name, rule in rules.items() if rule.table == "notices" and rule.item == ("notice_id",)]
    cases = standards.cases(snapshot, names)
    cases = cases.assign(item=cases["item"].astype("str")).sort_values("due").drop_duplicates("item")
    case = cases.set_index("item").reindex(rows["notice_id"].astype("str"))
    late = case["state"].isin(["not_met", "open_late"]).to_numpy()
    told = rows["notified_date"].notna().to_numpy()
    state = np.select([told & late, told, late], [LATE, SENT, OPEN_LATE], OPEN)
    kind = rows["kind"].fillna(ISSUE)
    lacks = [
        tuple(name for name in TEXTS.get(what, TEXTS[ISSUE]) if pd.isna(row[name]))
        for what, row in zip(kind, rows.to_dict("records"), strict=True)
    ]
    calendar = working_days(snapshot.contract.nation)
    until = rows["notified_date"].fillna(last_day(snapshot))
    frame = pd.DataFrame(
        {
            "notice_id": rows["notice_id"],
            "kind": kind,
            "plan_id": rows["plan_id"],
            "identified": rows["identified_date"],
            "due": case["due"].to_numpy(),
            "notified": rows["notified_date"],
            "state": pd.Series(state, index=rows.index, dtype="str"),
            "days": calendar.count(since_first(rows["identified_date"]), calendar.day0(since_first(until))),
            "lacks": pd.Series(lacks, index=rows.index, dtype=object),
        }
    )
    return frame.sort_values(["identified", "notice_id"], ignore_index=True)[NOTICE_COLUMNS]


def notice_counts(snapshot: Snapshot) -> pd.DataFrame | None:
    """Count notices by kind: how many there are, how many in each state, and how many say all they have to.

    Returns
    -------
    DataFrame or None
        None where the extract has no table `notices`. One row a kind: `kind`, `notices`, `sent`, `late`, `open` and
        `open_late`, which add up to them; `complete`.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> notice_counts(sample_snapshot()).iloc[:, :4]
        kind  notices  sent  late
    0  issue        1     1     0
    """
    found = notices(snapshot)
    if found is None:
        return None
    states = pd.crosstab(found["kind"], found["state"]).reindex(columns=list(NOTICE_STATES), fill_value=0)
    whole = (found["lacks"].map(len) == 0).groupby(found["kind"]).sum()
    counts = states.assign(notices=states.sum(axis=1), complete=whole).rename(
        columns=lambda name: name.replace(" ", "_")
    )
    return counts.rename_axis(columns=None).reset_index().reindex(columns=COUNT_COLUMNS)
