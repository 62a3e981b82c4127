"""The KPIs of a regime, for each unit and period: numerator, denominator, value, target, and whether it was hit.

Conventions
-----------
- Numerators and denominators are counted by month and added up over a period. What happened to a participant is the
  unit's at the start (at the referral, where there is none); rows of tables are as `registers` says.
- "Of participants on the programme" counts those on it on the first day of each month: the value is a rate a month.
- Of what was expected: an outcome's profile follows from the unit's own starts and the contract's profile; that of
  starts and other volumes from the unit's own referrals, as the whole contract's from the referrals promised. Both are
  what is expected to be recorded in the months, beside what was recorded in them (`analysis.expected`).
- A KPI of a profile is judged when its period has ended, and so is a standard of what was recorded, or of a backlog.
  What goes by the day it happened is judged once 95 % of the period is expected to be recorded; until then it is
  `so_far`. One short of its target, which its 95 % interval still holds, is `not_clear`.
- A unit has the KPIs of the role that the units table gives it on the period's last day; without one, those of the
  regime's first role for its kind of unit. A specialist is never given what it does not own.
- The target of a period is the one in force on the period's first day, or on the contract's; a row of the table
  `targets` for the unit stands before the regime's, from its date on.
- A unit is there from the month of its first referral or row, or from its first day in the units table, to the month of
  its last day there.
- A KPI is of the measure that the contract promises: where its event is a route of one of the programme's outcomes, it
  is of that outcome, unless something is promised of the event itself. Where the programme has no such event, it is of
  the first of the KPI's `equivalents` that it has. *Sustained job outcomes, under SES: the outcome `sustained`.*
- For a kind of unit that is no attribute (engagement officers), a participant is that unit's whose earliest row of a
  table names the two together, such as the submission of the referral.
- Nothing recorded is not zero: a KPI whose table the extract does not have, or whose event nobody has, has no data.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal

import numpy as np
import pandas as pd

from perflib.analysis import cohorts, counts, expected, measures, standards, supporting_tables
from perflib.analysis.cohorts import NOT_RECORDED
from perflib.analysis.comparison.attribution import cases, roles
from perflib.analysis.cuts import By, Where, each
from perflib.analysis.expected import Floats
from perflib.analysis.journey import peer_groups
from perflib.analysis.measures import Clock
from perflib.errors import ParameterError
from perflib.records.snapshot import Snapshot, remembered
from perflib.rules.calendar import quarter_of
from perflib.rules.management import CONTRACT, Kpi, Rating
from perflib.rules.standards import Threshold

Basis = Literal["month", "quarter"]

COUNTS = ["kpi", "unit", "month", "numerator", "denominator"]
COLUMNS = ["unit", "role", "period", "months", "whole", "kpi", "name", "numerator", "denominator", "value"]
COLUMNS += ["lower", "upper", "rule", "target", "original", "result", "why", "rated", "recorded_share", "judged_on"]
NOT_SUPPLIED, NOT_NAMED, NO_RECORD = "not supplied", "not in the programme", "none recorded"
NOBODY, NO_PROMISE = "nobody counts", "nothing promised"
NOT_OF_PARTICIPANTS = "its rows name no referral"


@remembered
def scores(
    snapshot: Snapshot, unit: str = "subcontractor", basis: Basis = "quarter", by: By = None, where: Where = None
) -> pd.DataFrame:
    """Hold every KPI of every unit against its target, period by period.

    Under a cut, a KPI that is a number of its own (not a share) has no target: that is set for the whole unit. One that
    counts rows of which some name no referral has no data there, and `why` says so.

    Parameters
    ----------
    snapshot : Snapshot
    unit : str
        An attribute that names who delivers, a unit type of the tables, or 'contract'.
    basis : {'quarter', 'month'}
        Quarters are the contract's (`quarter_basis`).
    by : str or sequence of str, optional
        Groups: one or several names, as for `cuts.labels`.
    where : mapping, mask or callable, optional
        Only these people, as for `cuts.mask`.

    Returns
    -------
    DataFrame
        One row a unit, period and KPI:

        - `unit`, `role` (of the regime), `period` (the last month of the quarter, or the month), `months` (of it that
          the unit was there, up to the report month), `whole` (whether the period has ended and the unit, and the
          contract, were there from its first day).
        - `kpi`, `name`; `numerator`, `denominator` (missing for a bare count), `value`; `lower`, `upper`: its exact
          95 % interval, wider by the uncertainty of the delays against a profile; missing for net moves.
        - `rule` ('at least' ...), `target`, `original` (the regime's, where the unit's was revised); missing without.
        - `result`: 'hit', 'missed', 'not_clear' (short of a target that its interval holds), 'so_far' (not judged yet),
          'no_data' or 'no_target'; `why` there is no data; `rated`.
        - `recorded_share`: how much of the period is expected to be recorded by now; `judged_on`: the first day on
          which so much of it is, or will be, that it can be judged; missing without data.

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
    if by is not None or where is not None:
        return each(scores, snapshot, by, where, unit=unit, basis=basis)
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
        return pd.DataFrame(columns=COLUMNS).astype({"period": "period[M]", "whole": bool, "rated": bool})
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


def decided(results: pd.Series, rule: Rating | None) -> pd.Series:
    """Take what is not clear as the regime's rating takes it: as a hit, where it says nothing."""
    return results.replace("not_clear", "hit" if rule is None else rule.not_clear)


def _with_roles(snapshot: Snapshot, grid: pd.DataFrame, unit: str, here: list[str]) -> pd.DataFrame:
    """Return the grid with the regime's role of each unit in each period: the units table's, else the first."""
    parts = []
    for period in grid["period"].unique():
        rows = grid[grid["period"] == period]
        known = roles(snapshot, unit, min(period.end_time.date(), snapshot.as_of))
        held = rows["unit"].map(known)
        parts.append(rows.assign(role=held.where(held.isin(here), here[0])))
    return pd.concat(parts)


def measure_of(snapshot: Snapshot, kpi: Kpi) -> str | None:
    """Resolve what a KPI counts: an event or outcome of the programme; None where it has no such thing.

    Parameters
    ----------
    snapshot : Snapshot
    kpi : Kpi
        With `of`.
    """
    contract, programme = snapshot.contract, snapshot.programme
    promised = {item.measure for item in contract.profiles} | {item.measure for item in contract.volumes}
    for name in (str(kpi.of), *kpi.equivalents):
        if name in programme.outcomes or name in promised:
            return name
        if name in programme.events:
            routes = {outcome: [route.event for route in rule.routes] for outcome, rule in programme.outcomes.items()}
            return next((outcome for outcome, events in routes.items() if name in events), name)
    return None


def not_in_programme(snapshot: Snapshot) -> list[str]:
    """Return the ids of the regime's KPIs of what the programme does not have, so that nobody can have data."""
    contract, programme = snapshot.contract, snapshot.programme
    return [
        name
        for name, kpi in contract.kpis.items()
        if (kpi.of is not None and measure_of(snapshot, kpi) is None)
        or (kpi.standard is not None and kpi.standard not in contract.standards)
        or (kpi.kind == "advances" and "peer_group" not in programme.events)
    ]


def _monthly(snapshot: Snapshot, kpi: Kpi, unit: str) -> pd.DataFrame | str:
    """Return a KPI's `unit`, `month`, `numerator` and `denominator`; or the reason why there is none."""
    measure = "" if kpi.of is None else measure_of(snapshot, kpi)
    if measure is None:
        return NOT_NAMED
    if kpi.table is not None and not _of_participants(snapshot, kpi.table):
        return NOT_OF_PARTICIPANTS
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
            return _against_profile(snapshot, measure, unit)
    if kpi.table is not None:
        rows = supporting_tables.rows(snapshot, kpi, unit)
        if rows is None:
            return NOT_SUPPLIED
        counted = _summed(rows["unit"], rows["date"], rows["number"])
    else:
        counted = _of_measure(snapshot, measure, unit)
        if counted["numerator"].sum() == 0:
            return NO_RECORD
    if kpi.per is None:
        return counted
    of = _present(snapshot, unit) if kpi.per == "on_programme" else _of_measure(snapshot, kpi.per, unit)
    return _joined(counted, of[["unit", "month", "numerator"]].rename(columns={"numerator": "denominator"}))


def _of_participants(snapshot: Snapshot, table: str) -> bool:
    """Return whether a table can be counted for a part: every row names a referral. The whole counts any."""
    rows = snapshot.whole.tables.get(table) if snapshot.whole is not None else None
    return rows is None or ("referral_id" in rows and bool(rows["referral_id"].notna().all()))


def _whose(snapshot: Snapshot, unit: str) -> pd.Series:
    """Return the unit of every journey."""
    if unit == CONTRACT:
        return pd.Series(snapshot.contract.contract, index=snapshot.journeys.index, dtype="str")
    if unit not in snapshot.programme.attributes:
        ids = pd.Index(snapshot.journeys["referral_id"])
        named = supporting_tables.named_together(snapshot, unit).reindex(ids).set_axis(snapshot.journeys.index)
        return named.astype("str").fillna(NOT_RECORDED)
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


def _of_measure(snapshot: Snapshot, name: str, unit: str, clock: Clock = "event") -> pd.DataFrame:
    found = measures.occurrences(snapshot, name)
    whose = _whose(snapshot, unit).to_numpy()[found["place"]]
    return _summed(whose, found[clock], pd.Series(1.0, index=found.index))


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


def _against_profile(snapshot: Snapshot, name: str, unit: str) -> pd.DataFrame:
    """Return what was recorded of a measure in each whole month, and what was expected to be."""
    counted = _of_measure(snapshot, name, unit, "recorded")
    counted = counted[counted["month"] <= expected.last_month(snapshot)]
    happens = _happens(snapshot, name, unit)
    delay = expected.of_profile(snapshot, name)
    months = [delay.expects(happens, month, month) for month in range(happens.shape[1])]
    expects = pd.DataFrame(dict(zip(happens.columns, months, strict=True)), index=happens.index)
    expects = expects.rename_axis(index="unit").reset_index()
    each = expects.melt("unit", var_name="month", value_name="denominator").astype({"month": "period[M]"})
    return _joined(counted, each)


@remembered
def _happens(snapshot: Snapshot, name: str, unit: str) -> pd.DataFrame:
    """Return what the contract expects to happen of a measure, by unit and whole recorded month; NaN without a word."""
    contract, months = snapshot.contract, snapshot.months
    whole = counts.promised(snapshot, [name])[name]
    months = months[months <= expected.last_month(snapshot)]
    if unit == CONTRACT:
        return pd.DataFrame([whole.reindex(months)], index=[contract.contract], columns=months)
    if name in {profile.measure for profile in contract.profiles} and unit in snapshot.programme.attributes:
        cells = cohorts.happenings(cohorts.recorded_triangle(snapshot, name, unit), contract)
        return cells.groupby(level=unit).sum(min_count=len(cells.columns)).reindex(columns=months)
    referred = _of_measure(snapshot, "referral", unit).pivot(index="unit", columns="month", values="numerator")
    of_one = whole / contract.volume("referral", snapshot.months).to_numpy()
    return referred.reindex(columns=months).fillna(0.0) * of_one.reindex(months)


def _there(snapshot: Snapshot, unit: str, counts: Mapping[str, pd.DataFrame]) -> pd.Series:
    """Return the first month of each unit, in order; those not recorded are none."""
    month = snapshot.journeys["referral"].dt.to_period("M")
    first = [month.groupby(_whose(snapshot, unit)).min()]
    first += [rows[rows["numerator"] > 0].groupby("unit")["month"].min() for rows in counts.values()]
    table = snapshot.tables.get("units")
    if table is not None and unit != CONTRACT:
        mine = table[(table["unit_type"] == unit) & (table["from_date"] <= pd.Timestamp(snapshot.as_of))]
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
    last = last[last["to_date"] <= pd.Timestamp(snapshot.as_of)]
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
    ended = frame["period"] <= expected.last_month(snapshot)
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
    frame["lower"], frame["upper"] = _interval(snapshot, frame, kpi, unit, basis)
    frame = frame.assign(**_recording(snapshot, kpi, frame, basis))
    revised = _revised(snapshot, str(grid["kpi"].iloc[0]), unit) if len(grid) else {}
    rows = [_target(snapshot, kpi, revised, row) for row in frame.itertuples()]
    for name in ("rule", "target", "original", "result"):
        frame[name] = pd.Series([row[name] for row in rows], index=frame.index, dtype=object)
    nothing = why or (NO_PROMISE if kpi.kind == "profile" else NOBODY)
    frame["why"] = np.where(frame["result"] == "no_data", nothing, "")
    frame["judged_on"] = frame["judged_on"].where(frame["result"] != "no_data")
    return frame.assign(name=kpi.name, rated=kpi.rated).astype({"target": float, "original": float})


def _interval(snapshot: Snapshot, frame: pd.DataFrame, kpi: Kpi, unit: str, basis: Basis) -> tuple[Floats, Floats]:
    """Return the 95 % interval of each value: exact of a share or a count, of a profile as `expected` has it."""
    nothing = np.full(len(frame), np.nan)
    if kpi.kind == "advances" or frame.empty or frame["numerator"].isna().all():
        return nothing, nothing
    if kpi.kind == "profile":
        return _profile_interval(snapshot, frame, measure_of(snapshot, kpi) or str(kpi.of), unit, basis)
    count, of = frame["numerator"].fillna(0.0).to_numpy(), frame["denominator"].to_numpy(dtype=float)
    if kpi.kind in ("share", "standard"):
        n = np.nan_to_num(of)
        low, high = cohorts.exact_interval(count, n)
        return np.where(n > 0, low, np.nan), np.where(n > 0, high, np.nan)
    if kpi.adds is not None:  # no count of events
        return nothing, nothing
    low, high = expected.exact_limits(count, None)
    over = np.where(of > 0, of, np.nan) if kpi.per is not None else 1.0
    return low / over, high / over


def _profile_interval(
    snapshot: Snapshot, frame: pd.DataFrame, name: str, unit: str, basis: Basis
) -> tuple[Floats, Floats]:
    happens, delay = _happens(snapshot, name, unit), expected.of_profile(snapshot, name)
    periods = _period_of(snapshot, pd.PeriodIndex(happens.columns), basis)
    lower, upper = np.full(len(frame), np.nan), np.full(len(frame), np.nan)
    for period in periods.unique():
        rows = np.flatnonzero((frame["period"] == period).to_numpy() & frame["unit"].isin(happens.index).to_numpy())
        first, last = np.flatnonzero(periods == period)[[0, -1]]
        mine = frame.iloc[rows]
        found = expected.compare(mine["numerator"].fillna(0.0), happens.loc[mine["unit"]], delay, first, last)
        lower[rows], upper[rows] = found["lower"], found["upper"]
    return lower, upper


def _period_of(snapshot: Snapshot, months: pd.PeriodIndex, basis: Basis) -> pd.PeriodIndex:
    return quarter_of(months, snapshot.contract.quarter_basis, snapshot.first_day) if basis == "quarter" else months


def _recording(snapshot: Snapshot, kpi: Kpi, frame: pd.DataFrame, basis: Basis) -> dict[str, Any]:
    """Return, for each row, the share of its period that is expected to be recorded, and the day it is judged on."""
    delay, known = _delay(snapshot, kpi), expected.known_month(snapshot)
    ended = expected.last_month(snapshot)
    length = 3 if basis == "quarter" else 1
    shares, days = {}, {}
    for period in frame["period"].unique():
        months = pd.period_range(end=period, periods=length, freq="M")
        shares[period] = delay.share_recorded(months, known)
        days[period] = delay.judged_from(months).end_time.normalize()
    periods = frame["period"]
    return {
        "recorded_share": [shares[period] for period in periods],
        "judged_on": pd.Series([days[period] for period in periods], frame.index, dtype="datetime64[s]"),
        "judged": [period <= ended and days[period] <= known.end_time for period in periods],
    }


def _delay(snapshot: Snapshot, kpi: Kpi) -> expected.Delay:
    """Return how soon what a KPI counts is recorded; without delay where it counts what is recorded."""
    programme = snapshot.programme
    if kpi.kind == "profile":
        return expected.NO_DELAY
    if kpi.kind == "standard":
        rule = snapshot.contract.standards.get(str(kpi.standard))
        if rule is None or rule.recorded or rule.kind in ("backlog", "oldest") or rule.table is not None:
            return expected.NO_DELAY
        named = [name for name in (rule.to or programme.resolves) if name in programme.events]
    elif kpi.table is not None:
        return expected.table_delay(snapshot, kpi.table) if kpi.table in snapshot.tables else expected.NO_DELAY
    elif kpi.kind == "advances":
        named = ["peer_group"]
    else:
        named = [measure_of(snapshot, kpi) or str(kpi.of), *([kpi.per] if kpi.per in ("referral", "start") else [])]
    known = [name for name in named if name in programme.events or name in programme.outcomes]
    return expected.joined(*(expected.delay(snapshot, name) for name in known)) if known else expected.NO_DELAY


def _by_period(snapshot: Snapshot, counts: pd.DataFrame | None, basis: Basis) -> pd.DataFrame:
    """Add months up to periods."""
    if counts is None:
        return pd.DataFrame({"unit": pd.Series(dtype="str"), "period": pd.PeriodIndex([], freq="M")}).assign(
            numerator=np.nan, denominator=np.nan
        )
    counts = counts[(counts["month"] >= snapshot.first_month) & (counts["month"] <= snapshot.month)]
    period = _period_of(snapshot, pd.PeriodIndex(counts["month"], freq="M"), basis)
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
    of_whole = snapshot.whole is not None and kpi.kind == "count" and kpi.per is None
    asked = kpi.target.on(day) if kpi.target is not None and not of_whole else None
    original = np.nan if asked is None else float(asked.value)
    own = revised.get(row.unit)
    own = own[own["from_date"] <= pd.Timestamp(day)] if own is not None else None
    if own is not None and len(own) and not of_whole:
        key = "at_least" if asked is None else next(iter(asked.model_dump(exclude_none=True)))
        asked = Threshold.model_validate({key: Decimal(str(own["target"].iloc[-1]))})
    if pd.isna(row.value):
        result = "no_data"
    elif asked is None:
        result = "no_target"
    elif not row.judged:
        result = "so_far"
    else:
        whole = 1.0 if pd.isna(row.denominator) else row.denominator
        met = asked.met(row.numerator if row.numerator == row.numerator else 0.0, whole)
        unsure = row.lower <= float(asked.value) <= row.upper
        result = "hit" if met else "not_clear" if unsure else "missed"
    return {
        "rule": "" if asked is None else asked.rule,
        "target": np.nan if asked is None else float(asked.value),
        "original": original,
        "result": result,
    }
