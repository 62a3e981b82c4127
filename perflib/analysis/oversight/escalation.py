"""Measures taken with a unit step by step, and the targets set for it.

Conventions
-----------
- The steps of an instrument are listed with the dates of each: one may be left out, taken again, or stand beside
  another. The present step is the highest of those that are open.
- A unit that is suspended keeps those it has: participants who started with it can still reach outcomes, and they stay
  its own. How many is in the table.
- A target that was eased or tightened holds from its first day until the next; the regime's own of that day stands
  beside it, so that what a quarter missed can be told by both.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from perflib.analysis import cohorts
from perflib.analysis.oversight.as_of import facts, last_day, unit_of
from perflib.analysis.oversight.improvement import NOT_YET, RUNNING, plans
from perflib.records.snapshot import Snapshot

LADDER_COLUMNS = ["unit_type", "unit", "kind", "name", "plan_id", "step", "step_name", "opened", "due", "closed"]
LADDER_COLUMNS += ["state", "days_open", "present", "maturing"]
TARGET_COLUMNS = ["unit_type", "unit", "kpi", "name", "since", "until", "rule", "original", "before", "target", "eased"]
TARGET_COLUMNS += ["reason", "in_force"]


def ladder(snapshot: Snapshot) -> pd.DataFrame | None:
    """List the escalation steps taken with each unit.

    Returns
    -------
    DataFrame or None
        None where the extract has no table `plans`. One row a step taken, by unit and date: `unit_type`, `unit`,
        `kind`, `name`, `plan_id`, `step`, `step_name` ('' where the instrument has no such step), `opened`, `due`,
        `closed`, `state`, `days_open`; `present`: whether it is the highest step that is open; `maturing`: how many of
        the unit's starts may still reach an outcome (missing where the programme does not record such units).

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> len(ladder(sample_snapshot("2020-06")))
    0
    """
    found = plans(snapshot)
    if found is None:
        return None
    stepped = [kind for kind, rule in snapshot.contract.instruments.items() if rule.steps]
    mine = found[found["kind"].isin(stepped) & (found["state"] != NOT_YET)]
    running = mine["step"].where(mine["state"].isin(RUNNING))
    highest = running.groupby([mine["unit_type"], mine["unit"], mine["kind"]]).transform("max")
    frame = mine.assign(present=running.notna() & (running == highest), maturing=_maturing(snapshot, mine))
    return frame.sort_values(["unit_type", "unit", "kind", "opened", "plan_id"], ignore_index=True)[LADDER_COLUMNS]


def _maturing(snapshot: Snapshot, rows: pd.DataFrame) -> pd.Series:
    """Return how many starts of the unit of each row are of a cohort that is not final."""
    journeys = snapshot.journeys
    final = cohorts.is_final(snapshot)
    open_months = final.index[~final.to_numpy()]
    young = journeys["start"].dt.to_period("M").isin(open_months).to_numpy()
    numbers = pd.Series(np.nan, index=rows.index)
    for kind, mine in rows.groupby("unit_type"):
        if kind in snapshot.programme.attributes:
            counts = cohorts.labels(snapshot, str(kind))[young].value_counts()
            numbers[mine.index] = mine["unit"].map(counts).fillna(0.0)
    return numbers


def targets(snapshot: Snapshot) -> pd.DataFrame | None:
    """List the targets set for single units, beside the regime's own.

    Returns
    -------
    DataFrame or None
        None where the extract has no table `targets`. One row a target whose first day has come, by unit, KPI and date:
        `unit_type`, `unit`, `kpi`, `name` (the id where the contract has no such KPI), `since`, `until` (the last day,
        missing while it holds), `rule`, `original` (the regime's on that day), `before` (what held for the unit until
        then), `target` (missing where it is no number), `eased` (whether it asks for less than the original), `reason`,
        `in_force`.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> targets(sample_snapshot())[["unit", "kpi", "target"]]
       unit         kpi  target
    0  SC01  job_starts   0.012
    """
    rows = facts(snapshot, "targets")
    if rows is None:
        return None
    rows = rows[rows["from_date"] <= last_day(snapshot)].reset_index(drop=True)
    kpis, key = snapshot.contract.kpis, ["unit_type", "unit", "kpi"]
    frame = rows.drop(columns=["unit_type", "unit_id"]).join(unit_of(snapshot, rows))
    frame = frame.sort_values([*key, "from_date"], ignore_index=True)
    frame["target"] = pd.to_numeric(frame["target"], errors="coerce").astype("float64")
    rules, originals = [], []
    for kpi, day in zip(frame["kpi"], frame["from_date"], strict=True):
        dated = kpis[kpi].target if kpi in kpis else None
        asked = dated.on(day.date()) if dated else None
        rules.append(asked.rule if asked else "")
        originals.append(float(asked.value) if asked else np.nan)
    frame = frame.assign(rule=pd.Series(rules, dtype="str"), original=pd.Series(originals, dtype="float64"))
    more = frame["rule"].isin(["at least", "more than"])
    until = frame.groupby(key)["from_date"].shift(-1) - pd.Timedelta(days=1)
    return frame.assign(
        name=[kpis[kpi].name if kpi in kpis else kpi for kpi in frame["kpi"]],
        since=frame["from_date"],
        until=until,
        before=frame.groupby(key)["target"].shift().fillna(frame["original"]),
        eased=np.where(more, frame["target"] < frame["original"], frame["target"] > frame["original"]),
        in_force=until.isna(),
    )[TARGET_COLUMNS]
