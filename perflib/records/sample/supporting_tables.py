"""What a provider records about performance itself: checks, feedback, activities, reports, the department's MI pack.

All of it is invented. What there is much of is drawn, a month and unit at a time; what there is little of (plans and
their actions, reviews, notices, assurance, targets, notes, labour market figures) stands in the contract file row by
row, as an extract would hold it.

1. *Checks.* So many records of each caseworker are checked a month; a few fail. Evidence and submissions are checked of
   each engagement officer: every referral is one that the department accepted of an officer of its subcontractor, and
   some submissions came to nothing.
2. *Feedback.* So many participants of each unit are asked a month; some answer, on a scale of 1 to 5. A few complain.
3. *Activities.* Eligibility checks, employer meetings, placements and sessions, counted by the month and officer. Who
   starts is introduced to an account manager of the subcontractor in the second week.
4. *Reports.* Each is issued some working days after its period; a few are not.
5. *MI pack.* Some working days after a month the department counts what has been recorded by then; in the months named
   under `off` it counts otherwise, which no record explains.

6. *Evidence.* A claim rests on two items, checked some days before it is submitted. Some are checked too late or not at
   all, and some by whoever submits the claim.

Row i of a part is the same whatever `last_day` is, which only cuts.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from perflib.records.sample.draws import NEVER, Days, Parameters, Part, Share, choose, dates, text, uniform, workday
from perflib.records.sample.people import Staff

SCORES = (0.03, 0.06, 0.13, 0.38, 0.40)
"""Shares of the answers 1 to 5."""

OFFICERS = {"engagement_officer": "EO", "employer_account_manager": "AM"}
"""Roles that are no attribute of participants, and the letters of their holders."""

SERVED = {"referral_id": "str", "event": "str", "event_date": "M8[us]", "unit": "str", "unit_id": "str"}
"""Columns of referrals and starts beside who served them."""


class Off(Parameters):
    """A month in which the department counts otherwise."""

    figure: str = Field(description="What it counts.")
    month: str = Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$", description="Which month, YYYY-MM.")
    by: int = Field(description="How many more it counts.")


class Registers(Parameters):
    """What is recorded about performance; every value is invented."""

    checks: int = Field(default=3, ge=0, description="Records checked a month and caseworker.")
    passed: Share = Field(default=0.995, description="Share of checks that pass.")
    officers: int = Field(
        default=1, ge=0, description="Engagement officers of each unit, and employer account managers."
    )
    surveys: int = Field(default=6, ge=0, description="Participants asked a month and caseworker.")
    answers: Share = Field(default=0.45, description="Share of them that answer.")
    complaints: Share = Field(default=0.06, description="Chance of a complaint, a month and caseworker.")
    activities: dict[Literal["eligibility_check", "employer_meeting", "placement", "session"], float] = Field(
        default={"eligibility_check": 14, "employer_meeting": 5, "placement": 3, "session": 4},
        description="Mean number a month and officer.",
    )
    reports: dict[str, Literal["week", "month", "quarter"]] = Field(
        default={}, description="Reports that are issued, and how often."
    )
    forgotten: Share = Field(default=0.04, description="Share of them that are not issued.")
    mi_pack: tuple[str, ...] = Field(default=(), description="Events that the department counts in its MI pack.")
    off: tuple[Off, ...] = Field(default=(), description="Where it counts otherwise.")
    evidence: bool = Field(default=False, description="Whether evidence of claims is recorded.")
    rows: dict[str, tuple[dict[str, Any], ...]] = Field(default={}, description="Other tables, row by row.")


def registers(
    given: Registers,
    seed: int,
    first_day: date,
    last_day: date,
    staff: Staff,
    specialists: list[str],
    events: pd.DataFrame,
    attributes: pd.DataFrame,
) -> dict[str, pd.DataFrame]:
    """Return the tables of what is recorded about performance, by name, as known on the last day.

    Parameters
    ----------
    given : Registers
    seed : int
    first_day, last_day : date
        Of the contract, and of what is recorded.
    staff : Staff
        The caseworkers.
    specialists : list of str
        Subcontractors that are allocated nobody: their records are checked and their participants asked as well.
    events : DataFrame
        The extract's events, of which the department counts some.
    attributes : DataFrame
        Who had each referral, from when on.

    Returns
    -------
    dict of str to DataFrame
    """
    months = np.arange(np.datetime64(first_day, "M"), np.datetime64(last_day, "M") + 1)
    desks, units = sorted(set(staff.caseworker)), sorted(set(staff.subcontractor))
    officers = {
        role: [f"{unit}-{letters}{n + 1}" for unit in units for n in range(given.officers)]
        for role, letters in OFFICERS.items()
    }
    last = np.datetime64(last_day, "D")
    served = {role: _served(events, attributes, names) for role, names in officers.items()}
    found = {
        "checks": _checks(
            given, seed, months, desks, specialists, officers["engagement_officer"], served["engagement_officer"]
        ),
        "feedback": _feedback(given, seed, months, desks, specialists),
        "activities": _activities(given, seed, months, officers, served["employer_account_manager"]),
        "issued_reports": _reports(given, seed, first_day, last_day),
        "mi_pack": _mi_pack(given, months, events, last),
        "evidence": _evidence(seed, events) if given.evidence else events.iloc[:0],
        "units": _units(staff, officers, first_day),
    } | {name: _typed(pd.DataFrame(list(rows))) for name, rows in given.rows.items()}
    return {name: _known(frame, last) for name, frame in found.items() if len(frame)}


def _days(month: Days, share: np.ndarray) -> Days:
    """Return working days of a month, spread over its first four weeks."""
    days: Days = workday(month.astype("M8[D]") + (28 * share).astype(np.int64))
    return days


def _grid(seed: int, months: Days, units: list[str], columns: int, nth: int) -> tuple[Days, np.ndarray, np.ndarray]:
    """Return the month and unit of each of months x units rows, with draws of shape (rows, columns)."""
    month, unit = np.repeat(months, len(units)), np.tile(np.arange(len(units)), len(months))
    return month, unit, uniform(seed, Part.REGISTERS, len(month), columns, nth)


def _served(events: pd.DataFrame, attributes: pd.DataFrame, officers: list[str]) -> pd.DataFrame:
    """Return the referrals and starts of the officers' subcontractors, each with its officer; they take turns."""
    if not officers:
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in SERVED.items()})
    first = attributes[attributes["attribute"] == "subcontractor"].drop_duplicates("referral_id")
    unit = first.set_index("referral_id")["value"].astype("str")
    mine = events[events["event"].isin(["referral", "start"])].drop_duplicates(["referral_id", "event"])
    rows = mine[["referral_id", "event", "event_date"]].assign(unit=mine["referral_id"].map(unit).to_numpy())
    names = pd.Series(officers, dtype="str")
    staff = {unit: team.tolist() for unit, team in names.groupby(names.str.rpartition("-")[0])}
    rows = rows[rows["unit"].isin(list(staff))].reset_index(drop=True)
    turn = rows["referral_id"].astype("str").str.extract(r"(\d+)$", expand=False).astype("int64")
    who = [staff[unit][number % len(staff[unit])] for unit, number in zip(rows["unit"], turn, strict=True)]
    return rows.assign(unit_id=pd.array(who, dtype="str"))


def _checks(
    given: Registers,
    seed: int,
    months: Days,
    desks: list[str],
    specialists: list[str],
    officers: list[str],
    served: pd.DataFrame,
) -> pd.DataFrame:
    accepted = served[served["event"] == "referral"]
    frames = [
        pd.DataFrame(
            {
                "kind": "submission",
                "checked_by": "compliance",
                "referral_id": accepted["referral_id"],
                "unit_type": "engagement_officer",
                "unit_id": accepted["unit_id"],
                "check_date": accepted["event_date"],
                "result": "pass",
                "recorded_date": dates(workday(accepted["event_date"].to_numpy("M8[D]"), 1)),
            }
        )
    ]
    for nth, (kind, units, unit_type, each) in enumerate(
        [
            ("compliance", desks, "caseworker", given.checks),
            ("evidence", officers, "engagement_officer", 2 * given.checks),
            ("submission", officers, "engagement_officer", 4 * given.checks),
            ("compliance", specialists, "subcontractor", given.checks),
        ]
    ):
        for copy in range(each):
            month, unit, u = _grid(seed, months, units, 4, 100 * nth + copy)
            passed = given.passed if kind != "submission" else 0.93
            day = _days(month, u[:, 0])
            result = np.where(u[:, 1] < passed, 0, np.where((kind == "submission") & (u[:, 2] < 0.2), 2, 1))
            rows = pd.DataFrame(
                {
                    "kind": kind,
                    "checked_by": np.where(u[:, 3] < 0.25, "compliance", "provider"),
                    "unit_type": unit_type,
                    "unit_id": text(units, unit),
                    "check_date": dates(day),
                    "result": text(["pass", "fail", "pending"], result),
                    "recorded_date": dates(workday(day, 1)),
                }
            )
            frames.append(rows if kind != "submission" else rows[result != 0])  # those accepted are the referrals
    return _identified(frames, "check_id", "CH")


def _feedback(given: Registers, seed: int, months: Days, desks: list[str], specialists: list[str]) -> pd.DataFrame:
    frames = []
    for nth, (units, unit_type) in enumerate([(desks, "caseworker"), (specialists, "subcontractor")]):
        for copy in range(given.surveys):
            month, unit, u = _grid(seed, months, units, 4, 1_000 + 100 * nth + copy)
            asked = _days(month, u[:, 0])
            received = np.where(u[:, 1] < given.answers, workday(asked, 2 + (10 * u[:, 2]).astype(np.int64)), NEVER)
            frames.append(
                pd.DataFrame(
                    {
                        "kind": "survey",
                        "unit_type": unit_type,
                        "unit_id": text(units, unit),
                        "asked_date": dates(asked),
                        "received_date": dates(received),
                        "score": np.where(received < NEVER, choose(u[:, 3], SCORES) + 1.0, np.nan),
                        "recorded_date": dates(np.where(received < NEVER, received, asked)),
                    }
                )
            )
    month, unit, u = _grid(seed, months, desks, 3, 2_000)
    day = _days(month, u[:, 0])
    complaints = pd.DataFrame(
        {
            "kind": "complaint",
            "unit_type": "caseworker",
            "unit_id": text(desks, unit),
            "received_date": dates(day),
            "result": text(["upheld", "not_upheld"], (u[:, 1] > 0.35).astype(np.int64)),
            "recorded_date": dates(workday(day, 1)),
        }
    )
    return _identified([*frames, complaints[u[:, 2] < given.complaints]], "feedback_id", "FB")


def _activities(
    given: Registers, seed: int, months: Days, officers: dict[str, list[str]], served: pd.DataFrame
) -> pd.DataFrame:
    started = served[served["event"] == "start"]
    met = workday(started["event_date"].to_numpy("M8[D]"), 8)
    frames = [
        pd.DataFrame(
            {
                "kind": "introduction",
                "referral_id": started["referral_id"],
                "unit_type": "employer_account_manager",
                "unit_id": started["unit_id"],
                "date": dates(met),
                "number": 1.0,
                "recorded_date": dates(workday(met, 1)),
            }
        )
    ]
    for nth, (kind, mean) in enumerate(given.activities.items()):
        role = "engagement_officer" if kind == "eligibility_check" else "employer_account_manager"
        names = officers[role]
        month, unit, u = _grid(seed, months, names, 2, 3_000 + nth)
        day = _days(month, 0.8 + 0.2 * u[:, 0])
        frames.append(
            pd.DataFrame(
                {
                    "kind": kind,
                    "unit_type": role,
                    "unit_id": text(names, unit),
                    "date": dates(day),
                    "number": np.floor(mean * (0.5 + u[:, 1])),
                    "recorded_date": dates(workday(day, 1)),
                }
            )
        )
    return _identified(frames, "activity_id", "AC")


def _reports(given: Registers, seed: int, first_day: date, last_day: date) -> pd.DataFrame:
    frames = []
    for nth, (name, every) in enumerate(given.reports.items()):
        rhythm = {"week": "W-SUN", "month": "M", "quarter": "Q-MAR"}[every]
        ends = pd.period_range(first_day, last_day, freq=rhythm).end_time.normalize()
        ends_on = ends.to_numpy().astype("M8[D]")
        u = uniform(seed, Part.REGISTERS, len(ends_on), 2, 4_000 + nth)
        issued = workday(ends_on, 1 + (6 * u[:, 0]).astype(np.int64))
        rows = pd.DataFrame(
            {
                "report": name,
                "period_end": dates(ends_on),
                "issued_date": dates(issued),
                "reviewed_date": dates(workday(issued, 2)),
                "reviewed_by": "contract_manager",
                "recorded_date": dates(workday(issued, 2)),
            }
        )
        frames.append(rows[u[:, 1] >= given.forgotten])
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def _mi_pack(given: Registers, months: Days, events: pd.DataFrame, last: np.datetime64) -> pd.DataFrame:
    """Count what stood when the pack was made, by the month in which it happened."""
    off = {(row.figure, row.month): row.by for row in given.off}
    rows = []
    for figure in given.mi_pack:
        mine = events[events["event"] == figure].sort_values("recorded_date", kind="stable")
        for month in months:
            made = workday((month + 1).astype("M8[D]"), 7)
            if made > last:
                break
            known = mine[mine["recorded_date"] <= made].drop_duplicates("referral_id", keep="last")
            happened = known.loc[known["action"] != "withdraw", "event_date"].to_numpy().astype("M8[M]")
            more = sum(by for (name, when), by in off.items() if name == figure and when == str(month))
            begun = sum(by for (name, when), by in off.items() if name == figure and when <= str(month))
            for basis, count in (
                ("month", (happened == month).sum() + more),
                ("cumulative", (happened <= month).sum() + begun),
            ):
                rows.append((figure, month.astype("M8[D]"), basis, str(count), made))
    frame = pd.DataFrame(rows, columns=["figure", "month", "basis", "value", "recorded_date"])
    return frame.astype({"month": "M8[us]", "recorded_date": "M8[us]"})


def _evidence(seed: int, events: pd.DataFrame) -> pd.DataFrame:
    """Two items for each claim, by the claim's `ref`."""
    claims = events[events["event"] == "claim_submitted"].sort_values(["event_date", "referral_id", "ref"])
    u = uniform(seed, Part.EVIDENCE, len(claims), 4)
    submitted = claims["event_date"].to_numpy().astype("M8[D]")
    fate = choose(u[:, 0], (0.90, 0.06, 0.04))
    checked = np.where(fate == 0, submitted - np.floor(1 + 6 * u[:, 1]).astype(int), workday(submitted, 5))
    checked = np.where(fate == 2, np.datetime64("NaT"), checked)
    clerk = np.floor(3 * u[:, 2]).astype(int)
    checker = np.where(u[:, 3] < 0.05, clerk, (clerk + 1) % 3)
    clerks = [f"CT{n + 1}" for n in range(3)]
    parts = [
        pd.DataFrame(
            {
                "referral_id": claims["referral_id"].to_numpy(),
                "ref": claims["ref"].to_numpy(),
                "item": item,
                "checked_by": text(clerks, np.where(np.isnat(checked), -1, checker)),
                "checked_date": dates(checked),
                "submitted_by": text(clerks, clerk),
                "place": "claims folder",
                "recorded_date": dates(np.where(np.isnat(checked), submitted, np.maximum(checked, submitted))),
            }
        )
        for item in ("declaration", "trading_record")
    ]
    return pd.concat(parts, ignore_index=True)


def _units(staff: Staff, officers: dict[str, list[str]], first_day: date) -> pd.DataFrame:
    """Return caseworkers and officers, under their subcontractors."""
    desks = pd.DataFrame({"unit_id": staff.caseworker, "unit_type": "caseworker", "parent": staff.subcontractor})
    others = [
        pd.DataFrame({"unit_id": names, "unit_type": role, "parent": [name.rpartition("-")[0] for name in names]})
        for role, names in officers.items()
    ]
    whole = pd.concat([desks.drop_duplicates().sort_values("unit_id"), *others], ignore_index=True)
    return whole.assign(from_date=pd.Timestamp(first_day))


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    """Return rows of a contract file with their days as dates."""
    for name in frame:
        if str(name).endswith("date") or name == "month":
            frame[name] = pd.to_datetime(frame[name]).astype("M8[us]")
    return frame


def _known(frame: pd.DataFrame, last: np.datetime64) -> pd.DataFrame:
    """Leave out what is recorded later."""
    if "recorded_date" not in frame:
        return frame.reset_index(drop=True)
    return frame[frame["recorded_date"] <= last].sort_values("recorded_date", kind="stable", ignore_index=True)


def _identified(frames: list[pd.DataFrame], name: str, letters: str) -> pd.DataFrame:
    """Join rows and number them."""
    whole = pd.concat(frames, ignore_index=True).sort_values("recorded_date", kind="stable", ignore_index=True)
    whole.insert(0, name, [f"{letters}{n + 1:06d}" for n in range(len(whole))])
    return whole
