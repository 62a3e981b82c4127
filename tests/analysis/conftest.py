"""Snapshots of journeys that a test writes a line each, and extracts known to a day."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from perflib.records.schemas import TABLES
from perflib.records.snapshot import NO_FAULTS, Extract, Snapshot, load_extract, take_snapshot
from perflib.rules.contract import Contract, FolderSource, load_management, load_programme
from perflib.rules.programme import Programme, RecordingDelay

ANSWERS = Path(__file__).parents[1] / "answers"
BASIC = {
    "contract": "made-here",
    "name": "Made for a test",
    "nation": "ENG",
    "first_day": "2018-01-01",
    "source": "extract",
    "path": "made-here.yaml",
    "disclosure": {"source": "none", "invented": True},
}

Make = Callable[..., Snapshot]


@pytest.fixture(scope="session")
def whp() -> Programme:
    """Return the programme's rules, without a delay of recording: in journeys written by hand there is none."""
    at_once = RecordingDelay(values=(1.0,), source="none: journeys written by hand")
    return load_programme("whp").model_copy(update={"recording_delay": (at_once,)})


@pytest.fixture(scope="session")
def contract(whp: Programme) -> Callable[..., Contract]:
    """Return a function that makes a contract from the keys of its file."""

    def made(recording_delay: Iterable[dict[str, Any]] | None = None, **keys: Any) -> Contract:
        rules = keys.pop("programme", whp)
        if recording_delay is not None:
            stated = tuple(RecordingDelay.model_validate(item) for item in recording_delay)
            rules = rules.model_copy(update={"recording_delay": stated})
        return Contract.model_validate(BASIC | {"programme": rules} | keys)

    return made


@pytest.fixture(scope="session")
def make(contract: Callable[..., Contract]) -> Make:
    """Return a function that makes a snapshot of journeys, a line each.

    A line is a referral id, then `event=date`, `event=date/recorded` or `attribute=value`; `#name` at the end of a date
    is the event's ref. An event is recorded on the day it happened unless the line says otherwise; a referral that the
    line leaves out was made on 1 January 2018. *A start=2018-01-31 job_outcome=2018-02-01/2018-03-05#J1*
    """

    def snapshot(
        lines: str | Iterable[str], month: str = "2020-12", known_at: str | None = None, **keys: Any
    ) -> Snapshot:
        lines = lines.strip().splitlines() if isinstance(lines, str) else lines
        return take_snapshot(extract(lines, contract(**keys)), month, known_at)

    return snapshot


@pytest.fixture(scope="session")
def supplied(contract: Callable[..., Contract]) -> Make:
    """Return a function that makes a snapshot of journeys, as `make` does, and of other tables, given row by row.

    The regime is that of KS, unless `management` says otherwise.
    """

    def snapshot(lines: str, month: str = "2018-03", known_at: str | None = None, **given: Any) -> Snapshot:
        keys = {name: value for name, value in given.items() if name not in TABLES}
        regime = keys.pop("management", load_management("ks"))
        made = extract(lines.strip().splitlines(), contract(management=regime, **keys))
        for name, rows in given.items():
            if name not in TABLES:
                continue
            frame = pd.DataFrame(rows).reindex(columns=list(TABLES[name]))
            for column, rule in TABLES[name].items():
                if rule.kind == "date":
                    frame[column] = pd.to_datetime(frame[column]).astype("datetime64[s]")
                elif rule.kind in ("integer", "number"):
                    frame[column] = frame[column].astype(float)
                else:
                    frame[column] = frame[column].astype("str")
            made.tables[name] = frame.set_axis(pd.RangeIndex(2, len(frame) + 2, name="row"), axis="index")
        return take_snapshot(made, month, known_at)

    return snapshot


def extract(lines: Iterable[str], contract: Contract) -> Extract:
    programme, events, people = contract.programme, [], []
    for line in lines:
        name, *words = line.split()
        told = [word.split("=") for word in words]
        if "referral" not in dict(told):
            told.append(["referral", "2018-01-01"])
        people.append({"referral_id": name, "participant_id": f"person of {name}"})
        for key, value in told:
            if key in programme.events:
                dates, _, ref = value.partition("#")
                happened, _, recorded = dates.partition("/")
                events.append((name, key, happened, recorded or happened, ref or None))
            else:
                people[-1][key] = value or None
    # so that every month is within the extract: recorded long after, and known to no snapshot
    people.append({"referral_id": "later", "participant_id": "later"})
    events.append(("later", "referral", "2030-12-31", "2030-12-31", None))
    happenings = pd.DataFrame(events, columns=["referral_id", "event", "event_date", "recorded_date", "ref"])
    happenings = happenings.reindex(columns=list(TABLES["events"])).astype("str")
    for name in ("event_date", "recorded_date"):
        happenings[name] = pd.to_datetime(happenings[name]).astype("datetime64[s]")
    participants = pd.DataFrame(people, columns=["referral_id", "participant_id", *programme.attributes]).astype("str")
    for name, attribute in programme.attributes.items():
        participants[name] = pd.to_numeric(participants[name]) if attribute.numeric else participants[name]
        if attribute.blank is not None:
            participants[name] = participants[name].fillna(attribute.blank)
    tables = {"participants": participants, "events": happenings.assign(action="record")}
    for table in tables.values():
        table.index = pd.RangeIndex(2, len(table) + 2, name="row")
    return Extract(contract, tables, NO_FAULTS, {name: f"{name}.csv" for name in tables}, {})


class Reading:
    """A second reading of an extract: pandas on the files, written from the definitions alone, nothing of perflib.

    Attributes
    ----------
    happened : DataFrame
        Current events: `referral_id`, `event`, `event_date`, `first_recorded`.
    journeys : DataFrame
        One row a referral: the participants table, each event's first date and `<event>_recorded`, and the `outcome` of
        the Work and Health Programme. Dates are missing where it did not happen.
    """

    REPEATING = ("job_start", "job_end")

    def __init__(self, folder: Path, month: str, known_at: str | None) -> None:
        self.month = pd.Period(month, "M")
        end = self.month.end_time.normalize()
        rows = pd.read_csv(folder / "events.csv", dtype="str")
        rows["event"] = rows["event"].str.strip().str.casefold()
        for name in ("event_date", "recorded_date"):
            written = "%d/%m/%Y" if rows[name].str.contains("/").any() else "%Y-%m-%d"
            rows[name] = pd.to_datetime(rows[name], format=written, errors="coerce")
        rows = rows.dropna(subset=["event_date", "recorded_date"]).drop_duplicates()
        rows = rows[
            (rows["event_date"] <= rows["recorded_date"]) & (rows["recorded_date"] <= pd.Timestamp(known_at or end))
        ]
        rows["told_apart_by"] = rows["event_date"].where(rows["event"].isin(self.REPEATING))
        key = ["referral_id", "event", "told_apart_by"]
        rows["first_recorded"] = rows.groupby(key, dropna=False)["recorded_date"].transform("min")
        rows = rows.sort_values(["recorded_date", "event_date"], ascending=[True, False]).drop_duplicates(
            key, keep="last"
        )
        rows = rows[rows["event_date"] <= end]

        people = pd.read_csv(folder / "participants.csv", dtype="str").drop_duplicates().set_index("referral_id")
        group = people["customer_group"].str.strip().str.casefold()
        people["customer_group"] = group.replace("early_entry", "early_access")
        people = people[people.index.isin(rows.loc[rows["event"] == "referral", "referral_id"])]
        self.happened = rows[rows["referral_id"].isin(people.index)]

        first = self.happened.sort_values("event_date").drop_duplicates(["referral_id", "event"])
        first = first.pivot(index="referral_id", columns="event", values=["event_date", "first_recorded"])
        self.journeys = people.join(first["event_date"]).join(first["first_recorded"].add_suffix("_recorded"))
        self.journeys[["outcome", "outcome_recorded"]] = self.journeys.apply(self.outcome, axis=1, result_type="expand")

    @staticmethod
    def outcome(row: pd.Series) -> tuple[pd.Timestamp, pd.Timestamp]:
        """Return the first employed outcome by day 639, or self-employed one whose claim came by day 700 and stands."""

        def day(event: str) -> float:
            return (row.get(event, pd.NaT) - row["start"]).days

        counts = []
        if 0 <= day("job_outcome") <= 639:
            counts.append((row["job_outcome"], row["job_outcome_recorded"]))
        claims = ["claim_paid", "claim_rejected", "claim_submitted"]  # of one day, the first of these
        status = max(claims, key=lambda event: np.nan_to_num(day(event), nan=-1))
        if 0 <= day("self_employed_outcome") <= 639 and day("claim_submitted") <= 700 and status != "claim_rejected":
            counts.append((row["self_employed_outcome"], row["self_employed_outcome_recorded"]))
        return min(counts, default=(pd.NaT, pd.NaT))


PROFILES = {
    ("disability", None): [0, 0, 0.005, 0.02, 0.04, 0.06, 0.08, 0.10, 0.12, 0.14, 0.16, 0.18, 0.20],
    ("disability", "GM"): [0, 0, 0, 0.01, 0.05, 0.09, 0.13, 0.17],
    ("early_access", None): [0, 0, 0.01, 0.03, 0.06, 0.10, 0.15, 0.20, 0.25],
    ("ltu", None): [0, 0, 0, 0, 0.01, 0.02, 0.04, 0.06, 0.08, 0.09, 0.10],
}
"""Invented: cumulative outcomes a start by (group, area)."""

VOLUMES = {"referral": [2, 4, 6, 8] + [10] * 40, "start": [1, 3, 5, 7]}
"""Invented: how many were promised in each month from January 2018 on; of starts, in the first four only."""


@pytest.fixture(scope="session")
def promising(contract: Callable[..., Contract]) -> Contract:
    """A contract that promises `PROFILES`."""
    common = {"from": "2018-01", "source": "none", "invented": True}
    groups = [{"group": group, "area": area, "values": values} for (group, area), values in PROFILES.items()]
    volumes = [{"measure": measure, "values": values} for measure, values in VOLUMES.items()]
    return contract(
        first_day=None, profiles=[common | item for item in groups], volumes=[common | item for item in volumes]
    )


@pytest.fixture(scope="session")
def part(promising: Contract) -> Extract:
    """276 referrals of an extract, with all its oddities: `tests/answers/whp-north-part`."""
    folder = {"folder": str(ANSWERS / "whp-north-part")}
    return load_extract(promising.model_copy(update={"source": FolderSource(**folder)}))


@pytest.fixture(scope="session")
def reading() -> Callable[..., Reading]:
    """Return a function that reads the same files for a month, known at a day, without perflib."""
    return lambda month, known_at: Reading(ANSWERS / "whp-north-part", month, known_at)


@pytest.fixture(scope="session")
def promises() -> Callable[..., list[float]]:
    """Return a function of group and area that gives what was promised by age, for ages to ten years."""

    def curve(group: str, area: object) -> list[float]:
        values = PROFILES.get((group, area), PROFILES[group, None])
        return values + values[-1:] * 120

    return curve


@pytest.fixture(scope="session")
def volumes() -> dict[str, list[int]]:
    """What `part` promises of referrals and starts by month."""
    return VOLUMES
