"""A large extract, made quickly: twelve rows of events a participant, in the order in which they were recorded.

Nobody in it is real, and its rates are plain. What it has of a real extract is what costs time: referrals spread over
the file, corrections, withdrawals, two sources that tell of one event, late records, repeats, events that happen many
times with and without a `ref`, and a few rows that cannot be used.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

FIRST, LAST = np.datetime64("2018-01-01"), np.datetime64("2022-12-31")
"""The first referral; the last day on which anything is recorded."""

SOURCES = np.array(["", "crm", "claim", "prap", "hmrc"])

# Event: share of those it can happen to, days after the start (or referral) between which it happens, median days
# until it is recorded, whether it has a ref.
HAPPENS = {
    "acknowledged": (0.99, 0, 4, 1, False),
    "assessment": (0.90, 3, 20, 2, False),
    "action_plan_agreed": (0.93, 2, 25, 3, False),
    "esf1420_signed": (0.95, 0, 10, 2, False),
    "esf1420_sent": (0.94, 2, 15, 2, False),
    "job_start": (0.60, 20, 400, 25, True),
    "job_end": (0.30, 120, 500, 40, True),
    "first_earnings": (0.50, 60, 450, 45, False),
    "earnings_1000": (0.40, 120, 500, 45, False),
    "earnings_2000": (0.33, 180, 550, 45, False),
    "job_outcome": (0.22, 250, 700, 45, False),
    "self_employed_outcome": (0.04, 250, 660, 10, True),
    "claim_submitted": (0.04, 260, 720, 5, True),
    "exit": (0.85, 200, 640, 10, False),
}
REVIEWS = 6
"""Reviews that each who started may have."""


def make(folder: Path, participants: int, seed: int = 2018) -> None:
    """Write `participants.parquet` and `events.parquet`."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    names = np.char.add("R", (110_000_000 + np.arange(participants)).astype("U9"))
    referral = FIRST + random.integers(0, (LAST - FIRST).astype(int) - 30, participants)
    started = random.random(participants) < 0.70
    start = referral + random.integers(1, 30, participants)

    parts = [
        _part(random, "referral", np.arange(participants), referral, 0),
        _part(random, "start", np.flatnonzero(started), start, 2),
    ]
    parts.append(_part(random, "did_not_attend", np.flatnonzero(~started), start, 2))
    for event, (share, low, high, delay, ref) in HAPPENS.items():
        able = random.random(participants) < share
        who = np.flatnonzero(able if event == "acknowledged" else able & started)
        happened = (referral if event == "acknowledged" else start) + random.integers(low, high, participants)
        parts.append(_part(random, event, who, happened, delay, ref))
    for number in range(1, REVIEWS + 1):
        who = np.flatnonzero(started & (random.random(participants) < 0.9))
        parts.append(_part(random, "review", who, start + 28 * number + random.integers(-7, 7, participants), 3))
    events = pd.concat(parts, ignore_index=True)
    events = pd.concat([events, _corrected(random, events), _told_again(random, events)], ignore_index=True)
    events = events[events["recorded_date"] <= LAST]
    unusable = random.random(len(events)) < 0.0005
    events.loc[unusable, "event_date"] += np.timedelta64(3000, "D")  # dated after it was recorded
    events = events.iloc[np.argsort(events["recorded_date"].to_numpy(), kind="stable")]
    repeated = events.iloc[random.integers(0, len(events), len(events) // 2000)]
    _write(folder / "events.parquet", pd.concat([events, repeated], ignore_index=True), names)
    _write(folder / "participants.parquet", _people(random, names))


def _part(random, event, who, happened, delay, ref=False):
    """Return the rows of one event: who is the place of its referral, happened the day for every referral."""
    late = np.floor(random.gamma(1.5, delay / 1.2, len(who))).astype(int) if delay else np.zeros(len(who), dtype=int)
    return pd.DataFrame(
        {
            "referral_id": who.astype("int32"),
            "event": pd.Categorical.from_codes(np.zeros(len(who), dtype="int8"), [event]).astype("str"),
            "event_date": happened[who].astype("datetime64[s]"),
            "recorded_date": (happened[who] + late).astype("datetime64[s]"),
            "ref": np.where(ref, who, -1).astype("int32"),
            "source": random.integers(1, len(SOURCES), len(who)).astype("int8"),
            "action": np.zeros(len(who), dtype="int8"),
        }
    )


def _corrected(random, events):
    """Return corrections of 2 % of the rows, some days later, and withdrawals of 0.3 %, by the same source."""
    chosen = events[random.random(len(events)) < 0.023]
    withdrawn = random.random(len(chosen)) < 0.13
    moved = np.where(withdrawn, 0, random.integers(-20, 0, len(chosen))).astype("timedelta64[D]")
    later = random.integers(1, 90, len(chosen)).astype("timedelta64[D]")
    return chosen.assign(
        event_date=chosen["event_date"] + moved,
        recorded_date=chosen["recorded_date"] + later,
        action=withdrawn.astype("int8"),
    )


def _told_again(random, events):
    """Return what another source says of 3 % of the rows: mostly the same date."""
    chosen = events[random.random(len(events)) < 0.03]
    moved = np.where(random.random(len(chosen)) < 0.8, 0, -random.integers(1, 10, len(chosen))).astype("timedelta64[D]")
    later = random.integers(0, 60, len(chosen)).astype("timedelta64[D]")
    return chosen.assign(
        event_date=chosen["event_date"] + moved,
        recorded_date=chosen["recorded_date"] + later,
        source=random.integers(0, len(SOURCES), len(chosen)).astype("int8"),
    )


def _people(random, names):
    n = len(names)

    def drawn(values, shares=None):
        return np.array(values)[random.choice(len(values), n, p=shares)]

    unit = random.integers(0, 60, n)
    return pd.DataFrame(
        {
            "referral_id": names,
            "participant_id": np.char.add("P", (random.integers(0, n, n) + 210_000_000).astype("U9")),
            "customer_group": drawn(["disability", "early_access", "ltu"], [0.6, 0.15, 0.25]),
            "devolution_area": drawn(["", "GM", "LC"], [0.6, 0.25, 0.15]),
            "subcontractor": np.char.add("SC", (unit // 10).astype("U2")),
            "centre": np.char.add("C", unit.astype("U2")),
            "caseworker": np.char.add("CW", (unit * 20 + random.integers(0, 20, n)).astype("U4")),
            "age": random.integers(17, 66, n).astype("int16"),
            "sex": drawn(["F", "M"]),
            "ethnicity": drawn(["white", "asian", "black", "mixed", "other"], [0.8, 0.08, 0.06, 0.03, 0.03]),
            "disability": drawn(["Y", "N"]),
            "priority_group": drawn(["", "veteran", "carer"], [0.8, 0.1, 0.1]),
        }
    )


def _write(path, frame, names=None):
    """Write a table as Parquet, with dates as dates and text as text."""
    columns = {}
    for name, values in frame.items():
        if name == "referral_id" and names is not None:
            columns[name] = pa.DictionaryArray.from_arrays(values.to_numpy(), names).cast(pa.string())
        elif name == "ref":
            numbers = np.char.add("J", (np.arange(len(names))).astype("U9"))
            place = pa.array(values.to_numpy(), mask=(values < 0).to_numpy())
            columns[name] = pa.DictionaryArray.from_arrays(place, numbers).cast(pa.string())
        elif name in ("source", "action"):
            words = SOURCES if name == "source" else np.array(["", "withdraw"])
            place = pa.array(values.to_numpy(), mask=(values == 0).to_numpy())
            columns[name] = pa.DictionaryArray.from_arrays(place, words).cast(pa.string())
        elif name.endswith("_date"):
            columns[name] = pa.array(values.to_numpy().astype("datetime64[D]"))
        else:
            text = pa.array(values)
            columns[name] = text if not pa.types.is_large_string(text.type) else text.cast(pa.string())
    pq.write_table(pa.table(columns), path)
