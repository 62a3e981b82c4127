"""The KPIs of a regime, for each unit and period: numerator, denominator, value, target, and whether it was hit.

Conventions
-----------
- Numerators and denominators are counted by month and added up over a period. What happened to a participant is the
  unit's at the start (at the referral, where there is none); rows of tables are as `registers` says.
- "Of participants on the programme" counts those on it on the first day of each month: the value is a rate a month.
- Of what was promised: an outcome's promise follows from the unit's own starts and the contract's profile; that of
  starts and other volumes from the unit's own referrals, as the whole contract's promise from the referrals promised.
- A unit has the KPIs of the role that the units table gives it on the period's last day; without one, those of the
  regime's first role for its kind of unit. A specialist is never given what it does not own.
- The target of a period is the one in force on the period's first day, or on the contract's; a row of the table
  `targets` for the unit stands before the regime's, from its date on.
- A unit is there from the month of its first referral or row, or from its first day in the units table, to the month of
  its last day there.
- Nothing recorded is not zero: a KPI whose table the extract does not have, or whose event nobody has, has no data.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal

import numpy as np
import pandas as pd

from perflib.analysis import cohorts, counts, measures, standards, supporting_tables
from perflib.analysis.cohorts import NOT_RECORDED
from perflib.analysis.comparison.attribution import cases, roles
from perflib.analysis.journey import peer_groups
from perflib.errors import ParameterError
from perflib.records.snapshot import Snapshot, remembered
from perflib.rules.calendar import quarter_of
from perflib.rules.management import CONTRACT, Kpi
from perflib.rules.standards import Threshold

Basis = Literal["month", "quarter"]

COUNTS = ["kpi", "unit", "month", "numerator", "denominator"]
COLUMNS = ["unit", "role", "period", "months", "whole", "kpi", "name", "numerator", "denominator", "value"]
COLUMNS += ["lower", "upper", "rule", "target", "original", "result", "why", "rated"]
NOT_SUPPLIED, NOT_NAMED, NO_RECORD = "not supplied", "not in the programme", "none recorded"
NOBODY, NO_PROMISE = "nobody counts", "nothing promised"


@remembered
def scores(snapshot: Snapshot, unit: str = "subcontractor", basis: Basis = "quarter") -> pd.DataFrame:
    """Hold every KPI of every unit against its target, period by period.

    Parameters
    ----------
    snapshot : Snapshot
    unit : str
        An attribute that names who delivers, a unit type of the tables, or 'contract'.
    basis : {'quarter', 'month'}
        Quarters are the contract's (`quarter_basis`).

    Returns
    -------
    DataFrame
        One row a unit, period and KPI:

        - `unit`, `role` (of the regime), `period` (the last month of the quarter, or the month), `months` (of it that
          the unit was there, up to the report month), `whole` (whether the period has ended and the unit, and the
          contract, were there from its first day).
        - `kpi`, `name`; `numerator`, `denominator` (missing for a bare count), `value`; `lower`, `upper`: the exact
          95 % interval of a share.
        - `rule` ('at least' ...), `target`, `original` (the regime's, where the unit's was revised); missing without.
        - `result`: 'hit', 'missed', 'no_data' or 'no_target'; `why` there is no data; `rated`.

    Raises
    ------
    ParameterError
        The contract names no regime, or its regime has no role for such units.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> found = scores(sample_snapshot()).set_index(["kpi", "period"])
    >>> found.loc[("job_starts", "2019-12"), ["unit", "numerator", "denominator"]].reset_index(drop=True)
       unit  numerator  denominator
    0  SC01        9.0        177.0
    1  SC02        7.0        126.0
    2  SC03        2.0         95.0
    """
    contract, management = snapshot.contract, snapshot.contract.management
    if management is None or not management.roles:
        raise ParameterError(
            f"{contract.path}: names no regime of management, so that there are no KPIs by role. "
            f"Add `management: ks` (or another file of params/management)."
        )
    here = [name for name, role in management.roles.items() if role.unit == unit]
    if not here:
        known = ", ".join(dict.fromkeys(role.unit for role in management.roles.values()))
        raise ParameterError(f"unit={unit!r}: {management.name} has no role for it; it has {known}.")
    held = {name: set(contract.kpis_of(name)) for name in here}
    rules = {name: kpi for name, kpi in contract.kpis.items() if any(name in mine for mine in held.values())}
    found = {name: _monthly(snapshot, kpi, unit) for name, kpi in rules.items()}
    counts = {name: rows for name, rows in found.items() if isinstance(rows, pd.DataFrame)}
    reasons = {name: why for name, why in found.items() if isinstance(why, str)}
    there = _there(snapshot, unit, counts)
    if there.empty:
        return pd.DataFrame(columns=COLUMNS)
    grid = _with_roles(snapshot, _periods(snapshot, there, _gone(snapshot, unit), basis), unit, here)
    frames = []
    for name, kpi in rules.items():
        mine = grid[grid["role"].isin([held_by for held_by in here if name in held[held_by]])].assign(kpi=name)
        frames.append(_held_against(snapshot, mine, kpi, counts.get(name), reasons.get(name, ""), unit, basis))
    whole = pd.concat(frames, ignore_index=True)
    order = {name: place for place, name in enumerate(rules)}
    whole = whole.sort_values(
        ["unit", "period", "kpi"], key=lambda column: column.map(order) if column.name == "kpi" else column
    )
    return whole[COLUMNS].reset_index(drop=True)


def _with_roles(snapshot: Snapshot, grid: pd.DataFrame, unit: str, here: list[str]) -> pd.DataFrame:
    """Return the grid with the regime's role of each unit in each period: the units table's, else the first."""
    parts = []
    for period in grid["period"].unique():
        rows = grid[grid["period"] == period]
        known = roles(snapshot, unit, min(period.end_time.date(), snapshot.period_end))
        held = rows["unit"].map(known)
        parts.append(rows.assign(role=held.where(held.isin(here), here[0])))
    return pd.concat(parts)


def _monthly(snapshot: Snapshot, kpi: Kpi, unit: str) -> pd.DataFrame | str:
    """Return a KPI's `unit`, `month`, `numerator` and `denominator`; or the reason why there is none."""
    programme = snapshot.programme
    if kpi.of is not None and kpi.of not in programme.events and kpi.of not in programme.outcomes:
        return NOT_NAMED
    match kpi.kind:
        case "standard":
            return _of_standard(snapshot, str(kpi.standard), unit)
        case "advances":
            return _of_advances(snapshot, unit)
        case "share":
            rows = supporting_tables.rows(snapshot, kpi, unit)
            if rows is None:
                return NOT_SUPPLIED
            rows = rows[rows["passed"].notna()]
            return _summed(rows["unit"], rows["date"], rows["passed"], pd.Series(1.0, index=rows.index))
        case "profile":
            actual = _of_measure(snapshot, str(kpi.of), unit)
            return _joined(actual, _promised(snapshot, str(kpi.of), unit))
    if kpi.table is not None:
        rows = supporting_tables.rows(snapshot, kpi, unit)
        if rows is None:
            return NOT_SUPPLIED
        counted = _summed(rows["unit"], rows["date"], rows["number"])
    else:
        counted = _of_measure(snapshot, str(kpi.of), unit)
        if counted["numerator"].sum() == 0:
            return NO_RECORD
    if kpi.per is None:
        return counted
    of = _present(snapshot, unit) if kpi.per == "on_programme" else _of_measure(snapshot, kpi.per, unit)
    return _joined(counted, of[["unit", "month", "numerator"]].rename(columns={"numerator": "denominator"}))


def _whose(snapshot: Snapshot, unit: str) -> pd.Series:
    """Return the unit of every journey."""
    if unit == CONTRACT:
        return pd.Series(snapshot.contract.contract, index=snapshot.journeys.index, dtype="str")
    if unit not in snapshot.programme.attributes:
        return pd.Series(NOT_RECORDED, index=snapshot.journeys.index, dtype="str")
    return cohorts.labels(snapshot, unit)


def _summed(unit: Any, dates: pd.Series, numerator: pd.Series, denominator: pd.Series | None = None) -> pd.DataFrame:
    """Sum rows by unit and month; without a denominator it is missing."""
    frame = pd.DataFrame({"unit": np.asarray(unit), "month": dates.dt.to_period("M").array})
    frame["numerator"] = numerator.to_numpy(dtype=float)
    frame["denominator"] = np.nan if denominator is None else denominator.to_numpy(dtype=float)
    return frame.groupby(["unit", "month"], as_index=False).sum(min_count=1)


def _joined(counted: pd.DataFrame, of: pd.DataFrame) -> pd.DataFrame:
    """Return counts beside the numbers they are of; a unit or month of one side alone has zero on the other."""
    both = counted.drop(columns="denominator").merge(of, on=["unit", "month"], how="outer")
    return both.assign(numerator=both["numerator"].fillna(0.0))


def _of_measure(snapshot: Snapshot, name: str, unit: str) -> pd.DataFrame:
    found = measures.occurrences(snapshot, name)
    whose = _whose(snapshot, unit).to_numpy()[found["place"]]
    return _summed(whose, found["event"], pd.Series(1.0, index=found.index))


def _present(snapshot: Snapshot, unit: str) -> pd.DataFrame:
    """Count who is on the programme on the first day of each month."""
    months, journeys = snapshot.months, snapshot.journeys
    leave = journeys["exit"] if "exit" in journeys else pd.Series(pd.NaT, index=journeys.index)
    real = (journeys["start"].notna() & ~(leave < journeys["start"])).to_numpy()
    days = months.to_timestamp().to_numpy(dtype="datetime64[s]")
    whose, names = pd.factorize(_whose(snapshot, unit)[real], sort=True)
    size = (len(names), len(days) + 1)

    def reached(dates: pd.Series) -> np.ndarray:
        """Cumulative count of dates by unit and first of month."""
        place = np.searchsorted(days, dates[real].to_numpy(dtype="datetime64[s]"), side="left")
        place = np.where(dates[real].isna(), len(days), place)
        each = np.bincount(whose * size[1] + place, minlength=size[0] * size[1]).reshape(size)
        return each[:, :-1].cumsum(axis=1)

    present = reached(journeys["start"]) - reached(leave)
    index = pd.MultiIndex.from_product([names, months], names=["unit", "month"])
    return pd.Series(present.ravel().astype(float), index=index, name="numerator").reset_index()


def _of_standard(snapshot: Snapshot, name: str, unit: str) -> pd.DataFrame | str:
    rule = snapshot.contract.standards.get(name)
    if rule is None:
        return NOT_NAMED
    if rule.kind == "profile":
        raise ParameterError(f"KPI with standard {name!r}: that is one of months. Make it a KPI of kind 'profile'.")
    if unit == CONTRACT:
        counts = standards.history(snapshot, [name]).reset_index()
        frame = counts.rename(columns={"met": "numerator", "counted": "denominator"}).assign(
            unit=snapshot.contract.contract
        )
        return frame.loc[frame["denominator"] > 0, ["unit", "month", "numerator", "denominator"]].astype(
            {"numerator": float, "denominator": float}
        )
    if unit not in snapshot.programme.attributes:
        return NOBODY
    rows = cases(snapshot, unit, name, ())
    reached = rows["reached"].astype(float)
    return _summed(rows["unit"].astype("str"), rows["cohort"].dt.to_timestamp(), reached, pd.Series(1.0, rows.index))


def _of_advances(snapshot: Snapshot, unit: str) -> pd.DataFrame | str:
    if "peer_group" not in snapshot.programme.events:
        return NOT_NAMED
    if not peer_groups.known(snapshot):
        return NO_RECORD
    if unit != CONTRACT and unit not in snapshot.programme.attributes:
        return NOBODY
    by = None if unit == CONTRACT else unit
    frame = peer_groups.advances(snapshot, by, at="at_start").reset_index()
    days = frame["month"].dt.days_in_month
    return pd.DataFrame(
        {
            "unit": snapshot.contract.contract if by is None else frame[by].astype("str"),
            "month": frame["month"],
            "numerator": frame["net"].astype(float),
            "denominator": frame["caseload_days"] / days,
        }
    )


def _promised(snapshot: Snapshot, name: str, unit: str) -> pd.DataFrame:
    """Return what was promised of a measure for each unit and month; missing where nothing was."""
    contract, months = snapshot.contract, snapshot.months
    whole = counts.promised(snapshot, [name])[name]
    if unit == CONTRACT:
        return pd.DataFrame({"unit": contract.contract, "month": months, "denominator": whole.to_numpy(dtype=float)})
    if name in {profile.measure for profile in contract.profiles} and unit in snapshot.programme.attributes:
        promise = cohorts.expected(cohorts.triangle(snapshot, name, by=unit), contract)
        rise = promise.diff(axis=1).fillna(promise)
        by_month = {value: counts.by_calendar_month(rows.droplevel(0)) for value, rows in rise.groupby(level=0)}
        frame = pd.concat(by_month, names=["unit", "month"]).rename("denominator").reset_index()
        return frame[frame["month"] <= snapshot.month]
    referred = _of_measure(snapshot, "referral", unit)[["unit", "month", "numerator"]]
    of_one = whole / contract.volume("referral", months).to_numpy()
    each = referred["numerator"] * referred["month"].map(of_one)
    return referred.assign(denominator=each.to_numpy())[["unit", "month", "denominator"]]


def _there(snapshot: Snapshot, unit: str, counts: Mapping[str, pd.DataFrame]) -> pd.Series:
    """Return the first month of each unit, in order; those not recorded are none."""
    month = snapshot.journeys["referral"].dt.to_period("M")
    first = [month.groupby(_whose(snapshot, unit)).min()]
    first += [rows[rows["numerator"] > 0].groupby("unit")["month"].min() for rows in counts.values()]
    table = snapshot.tables.get("units")
    if table is not None and unit != CONTRACT:
        mine = table[(table["unit_type"] == unit) & (table["from_date"] <= pd.Timestamp(snapshot.period_end))]
        first.append(mine.groupby("unit_id")["from_date"].min().dt.to_period("M"))
    known = pd.concat([months for months in first if len(months)] or [pd.Series(dtype="period[M]")])
    earliest = known.groupby(level=0).min().drop(NOT_RECORDED, errors="ignore").sort_index()
    return earliest.where(earliest >= snapshot.first_month, snapshot.first_month)


def _gone(snapshot: Snapshot, unit: str) -> dict[str, pd.Period]:
    """Return the last month of each unit whose last day, by the units table, has come."""
    table = snapshot.tables.get("units")
    if table is None or unit == CONTRACT:
        return {}
    last = (
        table[table["unit_type"] == unit].sort_values(["unit_id", "from_date"]).drop_duplicates("unit_id", keep="last")
    )
    last = last[last["to_date"] <= pd.Timestamp(snapshot.period_end)]
    return dict(zip(last["unit_id"], last["to_date"].dt.to_period("M"), strict=True))


def _periods(snapshot: Snapshot, there: pd.Series, gone: Mapping[str, pd.Period], basis: Basis) -> pd.DataFrame:
    """Return the periods that each unit was there in: `unit`, `period`, `months`, `whole`, and its `first_month`."""
    contract, months = snapshot.contract, snapshot.months
    period = quarter_of(months, contract.quarter_basis, snapshot.first_day) if basis == "quarter" else months
    length = 3 if basis == "quarter" else 1
    grid = (
        there.rename("since")
        .rename_axis("unit")
        .reset_index()
        .merge(pd.DataFrame({"month": months, "period": period}), how="cross")
    )
    left = pd.Series([gone.get(name, snapshot.month) for name in grid["unit"]], index=grid.index, dtype="period[M]")
    grid = grid[(grid["month"] >= grid["since"]) & (grid["month"] <= left)]
    frame = grid.groupby(["unit", "period"], as_index=False).agg(months=("month", "size"), first_month=("month", "min"))
    begins = frame["first_month"] == snapshot.first_month
    partial = begins & (snapshot.first_day.day > 1)
    ended = frame["period"] <= (snapshot.month if snapshot.known_at >= snapshot.period_end else snapshot.month - 1)
    return frame.assign(whole=ended & (frame["months"] == length) & ~partial)


def _held_against(
    snapshot: Snapshot, grid: pd.DataFrame, kpi: Kpi, counts: pd.DataFrame | None, why: str, unit: str, basis: Basis
) -> pd.DataFrame:
    """Return the periods of the units that have a KPI, with its figures and its targets."""
    frame = grid.merge(_by_period(snapshot, counts, basis), on=["unit", "period"], how="left")
    bare = kpi.kind == "count" and kpi.per is None
    if bare and not why:
        frame["numerator"] = frame["numerator"].fillna(0.0)
    ratio = frame["numerator"].fillna(0.0) / frame["denominator"].where(frame["denominator"] > 0)
    frame["value"] = frame["numerator"] if bare else ratio
    frame["lower"] = frame["upper"] = np.nan
    if kpi.kind in ("share", "standard") and len(frame):
        n = frame["denominator"].fillna(0)
        low, high = cohorts.exact_interval(frame["numerator"].fillna(0), n)
        frame["lower"], frame["upper"] = np.where(n > 0, low, np.nan), np.where(n > 0, high, np.nan)
    revised = _revised(snapshot, str(grid["kpi"].iloc[0]), unit) if len(grid) else {}
    rows = [_target(snapshot, kpi, revised, row) for row in frame.itertuples()]
    for name in ("rule", "target", "original", "result"):
        frame[name] = pd.Series([row[name] for row in rows], index=frame.index, dtype=object)
    nothing = why or (NO_PROMISE if kpi.kind == "profile" else NOBODY)
    frame["why"] = np.where(frame["result"] == "no_data", nothing, "")
    return frame.assign(name=kpi.name, rated=kpi.rated).astype({"target": float, "original": float})


def _by_period(snapshot: Snapshot, counts: pd.DataFrame | None, basis: Basis) -> pd.DataFrame:
    """Add months up to periods."""
    if counts is None:
        return pd.DataFrame({"unit": pd.Series(dtype="str"), "period": pd.PeriodIndex([], freq="M")}).assign(
            numerator=np.nan, denominator=np.nan
        )
    counts = counts[(counts["month"] >= snapshot.first_month) & (counts["month"] <= snapshot.month)]
    period = counts["month"]
    if basis == "quarter":
        period = quarter_of(period, snapshot.contract.quarter_basis, snapshot.first_day)
    return (
        counts.assign(period=period)
        .groupby(["unit", "period"], as_index=False)[["numerator", "denominator"]]
        .sum(min_count=1)
    )


def _revised(snapshot: Snapshot, kpi: str, unit: str) -> dict[str, pd.DataFrame]:
    """Return the targets set for units, by unit, in the order of their dates."""
    table = snapshot.current("targets")
    if table is None:
        return {}
    mine = table[(table["kpi"] == kpi) & (table["unit_type"] == unit)].dropna(subset="target").sort_values("from_date")
    whose = mine["unit_id"].fillna(snapshot.contract.contract) if unit == CONTRACT else mine["unit_id"]
    return {str(name): rows for name, rows in mine.groupby(whose)}


def _target(snapshot: Snapshot, kpi: Kpi, revised: Mapping[str, pd.DataFrame], row: Any) -> dict[str, Any]:
    """Return the target of a unit's period, and whether it was hit."""
    day = max((row.period - (row.months - 1)).start_time.date(), snapshot.first_day)
    asked = kpi.target.on(day) if kpi.target is not None else None
    original = np.nan if asked is None else float(asked.value)
    own = revised.get(row.unit)
    own = own[own["from_date"] <= pd.Timestamp(day)] if own is not None else None
    if own is not None and len(own):
        key = "at_least" if asked is None else next(iter(asked.model_dump(exclude_none=True)))
        asked = Threshold.model_validate({key: Decimal(str(own["target"].iloc[-1]))})
    if pd.isna(row.value):
        result = "no_data"
    elif asked is None:
        result = "no_target"
    else:
        whole = 1.0 if pd.isna(row.denominator) else row.denominator
        result = "hit" if asked.met(row.numerator if row.numerator == row.numerator else 0.0, whole) else "missed"
    return {
        "rule": "" if asked is None else asked.rule,
        "target": np.nan if asked is None else float(asked.value),
        "original": original,
        "result": result,
    }
