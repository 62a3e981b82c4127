"""What a unit's monthly meeting needs besides the comparison: what it did, whom it has, and where it stands on all.

Conventions
-----------
- What happened is counted for the unit at the start (at the referral, where there is none), in the month it happened.
- Who is on the programme is counted for the unit of the day.
- A board holds the comparison of every measure that the units own; a specialist's, of standards and KPIs alone.
"""

from __future__ import annotations

import pandas as pd

from perflib.analysis import cohorts, journey, measures, standards, supporting_tables
from perflib.analysis.cohorts import NOT_RECORDED
from perflib.analysis.comparison.attribution import is_kpi
from perflib.analysis.comparison.units import units
from perflib.records.snapshot import Snapshot, remembered
from perflib.rules.calendar import BASES, window
from perflib.rules.management import CONTRACT, Kpi


def headline_measures(snapshot: Snapshot) -> tuple[str, ...]:
    """Name the measures compared in full: the first milestone, which moves first, and the outcome.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> headline_measures(sample_snapshot())
    ('first_earnings', 'outcome')
    """
    return (*snapshot.programme.milestones[:1], "outcome")


def measures_compared(snapshot: Snapshot) -> dict[str, str]:
    """Map every measure that units are compared on to its label.

    They are starts, milestones and the outcome; the standards of single cases, and the KPIs that are shares, of which
    there is a case that counts.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> list(measures_compared(sample_snapshot()).values())[:3]
    ['Starts from referrals', 'First earnings', '£1,000 earned']
    """
    programme = snapshot.programme
    names = {"start": f"{programme.label('start')} from referrals"}
    names |= {name: programme.label(name) for name in (*programme.milestones, "outcome")}
    rules = {
        name: rule
        for name, rule in snapshot.contract.standards.items()
        if rule.kind == "within" and rule.duty == "provider"
    }
    counted = standards.history(snapshot, list(rules))["counted"] if rules else pd.Series(dtype=float)
    names |= {name: rule.name for name, rule in rules.items() if name in counted and counted[name].sum() > 0}
    shares = {name: kpi for name, kpi in snapshot.contract.kpis.items() if is_kpi(snapshot, name)}
    return names | {name: kpi.name for name, kpi in shares.items() if _decided(snapshot, kpi)}


def _decided(snapshot: Snapshot, kpi: Kpi) -> bool:
    rows = supporting_tables.rows(snapshot, kpi, CONTRACT)
    return rows is not None and bool(rows["passed"].notna().any())


@remembered
def board(snapshot: Snapshot, unit: str = "subcontractor") -> pd.DataFrame:
    """Compare the units on every measure.

    Returns
    -------
    DataFrame
        Index (`measure`, `unit`); `label` and the columns of `units`.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> board(sample_snapshot()).loc["outcome", ["n", "observed", "ratio"]].round(2).reset_index()
       unit    n  observed  ratio
    0  SC01  107      13.0   1.13
    1  SC02   74      11.0   0.95
    2  SC03   52       4.0   0.81
    """
    labels = measures_compared(snapshot)
    frames = {name: units(snapshot, unit, name).astype({"since": "object"}) for name in labels}
    whole = pd.concat(frames, names=["measure"])
    return whole.assign(label=whole.index.get_level_values("measure").map(labels))


@remembered
def activity(snapshot: Snapshot, unit: str = "subcontractor") -> pd.DataFrame:
    """Count what happened to each unit's participants.

    Returns
    -------
    DataFrame of int
        Index (`unit`, `measure`), the programme's `measures` in their order; `month`, `rolling_3`, `rolling_12`,
        `cumulative`.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> activity(sample_snapshot()).loc["SC01"].head(3).reset_index()
              measure  month  rolling_3  rolling_12  cumulative
    0        referral      6         24          98         177
    1           start      4         19          59         107
    2  did_not_attend      1          2          22          43
    """
    whose = cohorts.labels(snapshot, unit)
    values = pd.Index(sorted(whose.unique()), name="unit")
    spans = {basis: window(basis, snapshot.month, snapshot.first_day) for basis in BASES}
    frames = {}
    for name in snapshot.programme.measures:
        found = measures.occurrences(snapshot, name)
        month, mine = found["event"].dt.to_period("M"), whose.iloc[found["place"]].to_numpy()
        counts = {basis: pd.Series(mine[span.contains(month)]).value_counts() for basis, span in spans.items()}
        frames[name] = pd.DataFrame(counts, columns=list(BASES)).reindex(values).fillna(0).astype(int)
    return pd.concat(frames, names=["measure"]).swaplevel().sort_index(level="unit", sort_remaining=False)


@remembered
def caseload(snapshot: Snapshot, unit: str = "subcontractor") -> pd.DataFrame:
    """Count whom each unit has on the programme at the close of the period.

    Returns
    -------
    DataFrame of int
        Index `unit`: `on_programme`, `in_work` (of these), `started` in the reporting month.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> caseload(sample_snapshot()).reset_index()
       unit  on_programme  in_work  started
    0  SC01            73       12        4
    1  SC02            46       11        4
    2  SC03            36        6        2
    """
    whose = snapshot.attribute(unit, "at_period_end").astype("str").fillna(NOT_RECORDED)
    present = pd.Series(journey.on_programme(snapshot), index=whose.index)
    spells = journey.work_spells(snapshot)
    working = snapshot.journeys["referral_id"].isin(spells.loc[spells["to_date"].isna(), "referral_id"])
    started = snapshot.journeys["start"].dt.to_period("M") == snapshot.month
    counts = {"on_programme": present, "in_work": present & working, "started": started}
    return pd.DataFrame(counts).groupby(whose).sum().astype(int).rename_axis("unit")
