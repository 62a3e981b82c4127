"""The calendar of reports: what was due, what was issued, what was missed.

Conventions
-----------
- A daily report is due for every working day, a weekly one for Monday to Sunday, a monthly one for the calendar month,
  a quarterly one for the contract's quarter. Periods count that end on or after the contract's first day.
- A report is due within so many working days after its period's end (`within`); without a number, by the end of the
  next period. What was due on the day itself is not missed yet.
- An issued report belongs to the period that its `period_end` lies in; one of a day on which none is due is counted as
  not matched. Of several for one period the first issued counts.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from perflib.analysis.oversight.as_of import facts, last_day
from perflib.records.snapshot import Snapshot, remembered
from perflib.rules.calendar import WorkingDays, quarter_of, working_days
from perflib.rules.oversight import Report

ISSUED, LATE, MISSED, DUE = STATES = ("issued", "issued late", "missed", "due")
PERIOD_COLUMNS = ["report", "name", "period_end", "due", "issued", "signed", "signed_by", "state"]
COLUMNS = ["report", "name", "every", "within", "periods", "last_period", "last_issued", "next_period", "next_due"]
COLUMNS += ["missed", "first_missed", "last_missed", "late", "reviewed", "unsigned", "unmatched", "source"]


def calendar(snapshot: Snapshot) -> pd.DataFrame | None:
    """Calendar of reports: when each was last made, when it is next due, and what was missed.

    Returns
    -------
    DataFrame or None
        None where the extract has no table `issued_reports`. One row a report:

        - `report`, `name`, `every` ('' for one that is issued and in no calendar), `within` working days.
        - `periods` that have ended; `last_period` (the end of the latest that was issued) and `last_issued`;
          `next_period` and `next_due`: of those not issued, the first that can still be in time.
        - how many were `missed`, the `first_missed` and the `last_missed` (ends of periods); how many were issued
          `late`.
        - `reviewed`: whether somebody signs it; if so, how many issued ones are `unsigned`.
        - `unmatched`: rows of the table that belong to no period. `source`.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> calendar(sample_snapshot())[["report", "periods", "missed"]].head(2)
        report  periods  missed
    0   cpr_mi       27       1
    1  mi_pack       27       0
    """
    found = periods(snapshot)
    table = facts(snapshot, "issued_reports")
    if found is None or table is None:
        return None
    on = last_day(snapshot)
    rows: list[dict[str, object]] = []
    issued = table[table["issued_date"].notna()]
    for report, rule in snapshot.contract.reports.items():
        mine, given = found[found["report"] == report], issued[issued["report"] == report]
        done, missed = mine[mine["issued"].notna()], mine[mine["state"] == MISSED]
        ahead = mine[mine["state"] == DUE].iloc[:1]
        rows.append(
            {
                "report": report,
                "name": rule.name,
                "every": rule.every,
                "within": np.nan if rule.within is None else rule.within,
                "periods": int((mine["period_end"] <= on).sum()),
                "last_period": done["period_end"].max(),
                "last_issued": done["issued"].max(),
                "next_period": ahead["period_end"].max(),
                "next_due": ahead["due"].max(),
                "missed": len(missed),
                "first_missed": missed["period_end"].min(),
                "last_missed": missed["period_end"].max(),
                "late": int((mine["state"] == LATE).sum()),
                "reviewed": rule.reviewed,
                "unsigned": int(done["signed"].isna().sum()) if rule.reviewed else np.nan,
                "unmatched": int((~_ends(snapshot, given["period_end"], rule).isin(mine["period_end"])).sum()),
                "source": rule.source,
            }
        )
    for code, given in issued[~issued["report"].isin(list(snapshot.contract.reports))].groupby("report"):
        rows.append({"report": code, "name": code, "every": "", "unmatched": len(given), "source": ""})
    return pd.DataFrame(rows, columns=COLUMNS)


@remembered
def periods(snapshot: Snapshot) -> pd.DataFrame | None:
    """List every period of every report since the contract's first day, to the first that is still to come.

    Returns
    -------
    DataFrame or None
        None where the extract has no table `issued_reports`. One row a report and period, in the order of the regime:
        `report`, `name`, `period_end`, `due` (the last day in time), `issued`, `signed` and `signed_by` (missing until
        then, and where nobody signs), `state` (one of `STATES`).

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> periods(sample_snapshot())["state"].value_counts().to_dict()
    {'missed': 1156, 'issued': 197, 'issued late': 41, 'due': 24}
    """
    table = facts(snapshot, "issued_reports")
    if table is None:
        return None
    on, days = last_day(snapshot), working_days(snapshot.contract.nation)
    table = table[table["issued_date"].notna()].sort_values(["issued_date", "reviewed_date"])
    frames = []
    for report, rule in snapshot.contract.reports.items():
        ends = _all_ends(snapshot, rule, on, days)
        following = ends.shift(-1)
        due = following if rule.within is None else days.deadline(ends, rule.within)
        given = table[table["report"] == report]
        given = given.assign(end=_ends(snapshot, given["period_end"], rule)).drop_duplicates("end").set_index("end")
        given = given.reindex(ends)
        frame = pd.DataFrame({"report": report, "name": rule.name, "period_end": ends, "due": due})
        frame["issued"] = given["issued_date"].to_numpy()
        frame["signed"] = given["reviewed_date"].to_numpy() if rule.reviewed else pd.NaT
        frame["signed_by"] = given["reviewed_by"].to_numpy()
        frame["signed_by"] = frame["signed_by"].where(frame["signed"].notna())
        frame = frame[following.notna()]
        done, late = frame["issued"].notna(), frame["due"] < on
        tests = [done & (frame["issued"] > frame["due"]), done, late]
        state = np.select(tests, [LATE, ISSUED, MISSED], DUE)
        frames.append(frame.assign(state=pd.Series(state, index=frame.index, dtype="str")))
    columns = PERIOD_COLUMNS
    return pd.concat(frames, ignore_index=True)[columns] if frames else pd.DataFrame(columns=columns)


def _all_ends(snapshot: Snapshot, rule: Report, on: pd.Timestamp, days: WorkingDays) -> pd.Series:
    """Return the ends of the periods from the contract's first day to the second that has not ended."""
    every = pd.Series(pd.date_range(snapshot.first_day, on + pd.Timedelta(days=200)).astype("datetime64[s]"))
    if rule.every == "day":
        every = every[days.is_working(every)]
    ends = _ends(snapshot, every, rule).drop_duplicates(ignore_index=True)
    return ends[: int((ends <= on).sum()) + 2].astype("datetime64[s]")


def _ends(snapshot: Snapshot, dates: pd.Series, rule: Report) -> pd.Series:
    """Return the last day of the period that each date lies in."""
    if rule.every == "day":
        return dates
    if rule.every == "week":
        return dates + pd.to_timedelta(6 - dates.dt.day_of_week, unit="D")
    months = dates.dt.to_period("M")
    if rule.every == "quarter":
        months = quarter_of(months, snapshot.contract.quarter_basis, snapshot.first_day)
    return months.dt.end_time.dt.floor("D").astype("datetime64[s]")
