"""Whose participants are whose: units and their roles, and the cases of a measure that each is compared on.

Conventions
-----------
- A case of an outcome or event is a start; its cohort is the month of the start. It is reached when that was recorded
  by the end of the last whole month: what is compared with a profile goes by what was recorded.
- A case of `start`, and of the other events that resolve a referral, is a referral, and its cohort the month of it.
- A case of a KPI that is a share (compliance, satisfaction) is a row that is decided, reached when it passes; its
  cohort is the month of the row, and it is the unit's that `registers` says. Nothing is adjusted for.
- A case of a standard is one that counts (met, done late, open and late), reached when met; its cohort is the month of
  the referral.
- Units: `at_start` the one at the start (at the referral for cases of referrals), `at_period_end` the one on the
  period's last day, `at_event` the one on the day it was reached; who has not reached it is the present unit's.
- Characteristics are always those at the start, or the referral.
- A role is that of the units table on the period's last day; a unit without one has its parent's. A specialist owns no
  outcome: it has cases of standards and of KPIs, and of nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Literal, get_args

import numpy as np
import pandas as pd

from perflib.analysis import cohorts, expected, measures, standards, supporting_tables
from perflib.analysis.cohorts import NOT_RECORDED
from perflib.analysis.comparison.case_mix import COHORT, REACHED
from perflib.errors import ParameterError
from perflib.records.snapshot import Snapshot, remembered

Attribution = Literal["at_start", "at_event", "at_period_end"]

UNIT = "unit"
SPECIALIST = "specialist"


def characteristics(snapshot: Snapshot) -> tuple[str, ...]:
    """List the default case-mix covariates: attributes that the programme file marks `case_mix`, where recorded.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> characteristics(sample_snapshot())[:3]
    ('customer_group', 'devolution_area', 'age')
    """
    rules = snapshot.programme.attributes
    known = {name: cohorts.labels(snapshot, name) for name, attribute in rules.items() if attribute.case_mix}
    return tuple(name for name, values in known.items() if (values != values.iloc[0]).any())


def roles(snapshot: Snapshot, unit: str = "subcontractor", on: date | None = None) -> pd.Series:
    """Look up the role of each unit on a day, by default the period's last; index the unit's id.

    Returns
    -------
    Series of str
        end_to_end, specialist or own; missing where neither it nor its parent has one. Empty without a table.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> roles(sample_snapshot()).to_dict()
    {'SC01': 'own', 'SC02': 'end_to_end', 'SC03': 'end_to_end'}
    """
    table = snapshot.tables.get("units")
    if table is None or table.empty:
        return pd.Series(dtype="str", name="role")
    table = table.reindex(columns=["unit_id", "unit_type", "role", "parent", "from_date", "to_date"])
    day = pd.Timestamp(snapshot.as_of if on is None else on)
    held = table[(table["from_date"] <= day) & ~(table["to_date"] < day)].sort_values(["unit_id", "from_date"])
    held = held.drop_duplicates(["unit_id", "unit_type"], keep="last")
    everybody = held.drop_duplicates("unit_id").set_index("unit_id")["role"]
    mine = held[held["unit_type"] == unit].set_index("unit_id")
    return mine["role"].fillna(mine["parent"].map(everybody)).rename("role")


def is_kpi(snapshot: Snapshot, measure: str) -> bool:
    """Test for a KPI of the regime that is a share of a table's rows.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> is_kpi(sample_snapshot(), "satisfaction"), is_kpi(sample_snapshot(), "outcome")
    (True, False)
    """
    kpi = snapshot.contract.kpis.get(measure)
    return kpi is not None and kpi.kind == "share"


def is_standard(snapshot: Snapshot, measure: str) -> bool:
    """Test for a service standard of the contract; refuse a name that is no measure at all.

    Raises
    ------
    ParameterError
        No such measure, or a standard of months that has no cases.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> is_standard(sample_snapshot(), "css1a"), is_standard(sample_snapshot(), "outcome")
    (True, False)
    """
    rules = snapshot.contract.standards
    if measure not in rules:
        if measure not in (programme := snapshot.programme).outcomes and measure not in programme.events:
            known = ", ".join([*programme.outcomes, *programme.events, *rules])
            raise ParameterError(f"measure {measure!r}: {programme.name} has {known}.")
        return False
    if rules[measure].kind == "profile":
        raise ParameterError(f"measure {measure!r}: is a standard of months, not of cases. Choose another.")
    return True


def by_referral(snapshot: Snapshot, measure: str) -> bool:
    """Test for a measure whose cases are referrals (or rows of a table), not starts.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> by_referral(sample_snapshot(), "start"), by_referral(sample_snapshot(), "outcome")
    (True, False)
    """
    named = measure in snapshot.programme.resolves or measure == "acknowledged"
    return named or is_kpi(snapshot, measure) or is_standard(snapshot, measure)


@remembered
def cases(
    snapshot: Snapshot,
    unit: str = "subcontractor",
    measure: str = "outcome",
    adjust: Sequence[str] | None = None,
    attribution: Attribution = "at_start",
) -> pd.DataFrame:
    """List the cases of a measure, each with its unit, month and characteristics.

    Parameters
    ----------
    snapshot : Snapshot
    unit : str
        An attribute that names who delivers.
    measure : str
        An outcome or event of the programme, a standard of the contract, or a KPI that is a share.
    adjust : sequence of str, optional
        Attributes known at the start; by default those of `characteristics`. A tuple, so that it can be remembered.
    attribution : {'at_start', 'at_event', 'at_period_end'}
        Whose a participant is who moved between units.

    Returns
    -------
    DataFrame
        `unit` ('not recorded' where it was not), `cohort` (Period[M]), `reached`, and the characteristics; unit and
        characteristics are categories. Specialists have no row unless the measure is a standard.

    Raises
    ------
    ParameterError
        An unknown unit, measure, attribute or attribution, or an attribute that names who delivers.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> cases(sample_snapshot(), adjust=["age"]).groupby("unit")["reached"].agg(["size", "sum"]).reset_index()
       unit  size  sum
    0  SC01   107   13
    1  SC02    74   11
    2  SC03    52    4
    """
    rules = snapshot.programme.attributes
    if unit not in rules:
        raise ParameterError(f"unit={unit!r}: is no attribute of {snapshot.programme.name} ({', '.join(rules)}).")
    if attribution not in get_args(Attribution):
        raise ParameterError(f"attribution={attribution!r}: give {', '.join(get_args(Attribution))}.")
    if is_kpi(snapshot, measure):
        if adjust:
            raise ParameterError(f"adjust={adjust[0]!r}: {measure!r} is of rows, not of participants. Give none.")
        return _of_kpi(snapshot, unit, measure)
    chosen = characteristics(snapshot) if adjust is None else tuple(adjust)
    for name in chosen:
        if name not in rules or name in snapshot.programme.units:
            known = ", ".join(key for key, rule in rules.items() if rule.case_mix)
            raise ParameterError(
                f"adjust={name!r}: give attributes known at the start that no unit can influence"
                f"{f' ({known})' if known else ''}."
            )
    place, reached = _reached(snapshot, measure)
    of_referrals = by_referral(snapshot, measure)
    journeys = snapshot.journeys
    begun = journeys["referral" if of_referrals else "start"].iloc[place]
    frame = pd.DataFrame(
        {
            UNIT: _units(snapshot, unit, attribution, place, reached, of_referrals),
            COHORT: begun.dt.to_period("M").array,
            REACHED: reached.notna().to_numpy(),
        }
    )
    for name in chosen:
        frame[name] = _labels(snapshot, name).iloc[place].cat.remove_unused_categories().array
    if not is_standard(snapshot, measure):
        role = roles(snapshot, unit)
        frame = frame[~frame[UNIT].isin(role.index[role == SPECIALIST])].reset_index(drop=True)
    return frame.assign(**{UNIT: frame[UNIT].astype("category")})


def _of_kpi(snapshot: Snapshot, unit: str, measure: str) -> pd.DataFrame:
    """Return the decided rows of a KPI as cases; none where the extract does not have its table."""
    rows = supporting_tables.rows(snapshot, snapshot.contract.kpis[measure], unit)
    rows = pd.DataFrame(columns=["unit", "date", "passed"]) if rows is None else rows[rows["passed"].notna()]
    cohort = pd.to_datetime(rows["date"]).dt.to_period("M").array
    cases = pd.DataFrame({UNIT: rows["unit"].array, COHORT: cohort, REACHED: (rows["passed"] == 1).array})
    return cases.astype({UNIT: "category"})


@remembered
def _labels(snapshot: Snapshot, attribute: str) -> pd.Series:
    """Return a characteristic of every journey as at the start, as categories."""
    return cohorts.labels(snapshot, attribute).astype("category")


def _reached(snapshot: Snapshot, measure: str) -> tuple[np.ndarray, pd.Series]:
    """Return the journey of each case, and the day on which it reached the measure; missing where it did not."""
    journeys = snapshot.journeys
    if is_standard(snapshot, measure):
        rows = standards.cases(snapshot, [measure])
        rows = rows[rows["state"].isin(standards.COUNTED)]
        place = snapshot.rows_of(rows["referral_id"])
        rows, place = rows[place >= 0], place[place >= 0]
        met = (rows["state"] == "met").to_numpy()
        day = rows["done"].fillna(rows["due"]).fillna(pd.Timestamp(snapshot.as_of))
        return place, day.where(met).reset_index(drop=True)
    dates = measures.first(snapshot, measure)
    late = dates["recorded"] > expected.last_month(snapshot).end_time
    when = dates["event"] if by_referral(snapshot, measure) else dates["event"].mask(late)
    counted = np.ones(len(journeys), dtype=bool) if by_referral(snapshot, measure) else cohorts.started(snapshot)
    place = np.flatnonzero(counted)
    return place, when.iloc[place].reset_index(drop=True)


def _units(
    snapshot: Snapshot, unit: str, attribution: Attribution, place: np.ndarray, reached: pd.Series, of_referrals: bool
) -> np.ndarray:
    """Return the unit of each case."""
    if attribution == "at_event":
        end = pd.Timestamp(snapshot.as_of)
        held = snapshot.attribute(unit, "at_period_end").iloc[place].reset_index(drop=True)
        days = np.full(len(snapshot.journeys), end.to_datetime64())
        days[place] = reached.fillna(end).to_numpy()
        moved = snapshot.attribute(unit, pd.Series(days, index=snapshot.journeys.index))
        held = held.where(reached.isna(), moved.iloc[place].reset_index(drop=True))
    elif attribution == "at_period_end":
        held = snapshot.attribute(unit, "at_period_end").iloc[place]
    else:
        held = snapshot.attribute(unit, "at_referral" if of_referrals else "at_start").iloc[place]
    return held.astype("str").fillna(NOT_RECORDED).to_numpy()
