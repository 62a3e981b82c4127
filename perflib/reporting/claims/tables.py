"""Tables of the claims report."""

from __future__ import annotations

import pandas as pd

from perflib.analysis import claims
from perflib.analysis import income as incomes
from perflib.disclosure.columns import Column, count, number, percent, text
from perflib.disclosure.presenter import Table
from perflib.disclosure.words import day_words
from perflib.records.snapshot import Snapshot

STATES = {
    "no_claim_needed": "Paid without a claim",
    claims.PAID: "Claim paid",
    claims.SUBMITTED: "Claim submitted, not decided",
    claims.TO_CLAIM: "Not claimed yet",
    claims.REJECTED: "Rejected, can be claimed again",
    claims.LAPSED: "Lapsed: no claim stood by the last day",
}
STANDINGS = {incomes.EARNED: "earned", incomes.WAITING: "waiting", incomes.LOST: "lost"}

EVIDENCE = {
    claims.IN_ORDER: "Checked before submission",
    claims.CHECKED_LATE: "Checked after submission",
    claims.NOT_CHECKED: "Not checked",
    claims.NO_EVIDENCE: "No evidence recorded",
}

NO_CLAIMS = "the programme's rules name no outcome with a last day for its claim"
NO_PRICES = "the contract's file gives no prices"
NO_EVIDENCE = "the extract has no table of evidence, or no outcome that needs a claim"


def claimed(snapshot: Snapshot) -> str | None:
    """First outcome of the programme that needs claims; None where none does."""
    return next(iter(claims.claimed_outcomes(snapshot)), None)


def _measures(snapshot: Snapshot) -> list[str]:
    """Outcomes that have a price or need a claim, in the order of the programme."""
    priced = snapshot.contract.prices.outcomes if snapshot.contract.prices else {}
    return [name for name in snapshot.programme.outcomes if name in priced or name in claims.claimed_outcomes(snapshot)]


def _no_rows(columns: dict[str, Column]) -> pd.DataFrame:
    return pd.DataFrame(columns=list(columns))


def stages(snapshot: Snapshot) -> Table:
    """Outcomes by the state of their claim."""
    several = len(_measures(snapshot)) > 1
    parts = []
    for name in _measures(snapshot):
        counts = claims.stages(snapshot, name)
        if name not in claims.claimed_outcomes(snapshot):
            counts = counts[["no_claim_needed"]]
        label = snapshot.programme.label(name)
        parts.append(pd.DataFrame({"measure": label, "state": counts.index.map(STATES), "outcomes": counts.to_numpy()}))
    columns: dict[str, Column] = {"measure": text("Outcome")} if several else {}
    columns |= {"state": text("State"), "outcomes": count("Outcomes")}
    return Table(
        pd.concat(parts, ignore_index=True) if parts else _no_rows(columns),
        f"From outcome to payment, as on {day_words(snapshot.as_of)}",
        columns,
        note="One line a state; each outcome is in one. An outcome that counts by a route without a claim is paid "
        "without one.",
        empty=f"{NO_CLAIMS}, and {NO_PRICES}",
    )


def to_submit(snapshot: Snapshot) -> Table:
    """Claims that can still be submitted, by days left."""
    columns: dict[str, Column] = {
        "band": text("Days left to claim"),
        claims.TO_CLAIM: count("Not claimed yet"),
        claims.REJECTED: count("To claim again"),
    }
    name = claimed(snapshot)
    frame = _banded(claims.to_submit(snapshot, name)) if name else _no_rows(columns)
    return Table(
        frame,
        f"Outcomes that can still be claimed, as on {day_words(snapshot.as_of)}",
        columns,
        note="Days to the last day for the claim, which counts. After it the claim lapses.",
        empty=NO_CLAIMS,
    )


def to_reach(snapshot: Snapshot) -> Table:
    """Participants who can still reach the outcome, by days left and last milestone."""
    programme = snapshot.programme
    columns: dict[str, Column] = {"band": text("Days left to reach it"), "none": count("No milestone yet")}
    columns |= {name: count(programme.label(name)) for name in programme.milestones}
    frame = _banded(claims.to_reach(snapshot))
    has_window = any(route.within_days for route in programme.outcomes["outcome"].routes)
    return Table(
        frame if has_window else frame.iloc[:0],
        f"Started, without an outcome, as on {day_words(snapshot.as_of)}",
        columns,
        note="Days to the last day on which an outcome counts. The columns give the furthest milestone recorded. "
        "People who have left are included: an outcome inside the window still counts.",
        empty="the programme sets no last day for an outcome",
    )


def _banded(frame: pd.DataFrame) -> pd.DataFrame:
    """Name the bands of days."""
    ends = [int(end) for end in frame.index.dropna()]
    begins = [0, *(end + 1 for end in ends)]
    words = [f"{begin} to {end}" for begin, end in zip(begins, ends, strict=False)]
    return frame.assign(band=[*words, f"More than {ends[-1]}"])


def evidence(snapshot: Snapshot) -> Table:
    """Claims by the state of their evidence."""
    name = claimed(snapshot)
    rows = claims.ledger(snapshot, name) if name else pd.DataFrame()
    columns: dict[str, Column] = {
        "evidence": text("Evidence"),
        "claims": count("Claims submitted"),
        "share": percent("Share", "claims", "all", missing="none submitted"),
        "same": count("Checked and submitted by one person"),
    }
    if "evidence" not in rows:
        frame = _no_rows(columns)
    else:
        rows = rows[rows["submitted"].notna()]
        by = rows.assign(same=rows["duties_apart"].eq(False)).groupby("evidence")["same"].agg(["size", "sum"])
        by = by.reindex(list(EVIDENCE), fill_value=0).astype(int).set_axis(["claims", "same"], axis="columns")
        frame = by.assign(all=len(rows)).rename_axis("evidence").reset_index()
        frame["evidence"] = frame["evidence"].map(EVIDENCE)
    return Table(
        frame,
        f"Evidence of the claims submitted, as on {day_words(snapshot.as_of)}",
        columns,
        note="Each item must be checked before the claim is submitted, by somebody who does not submit it.",
        empty=NO_EVIDENCE,
    )


def _pounds(header: str, *of: str) -> Column:
    return number(f"{header} (£)", of=of, places=0, missing="no price")


def income(snapshot: Snapshot) -> Table:
    """Outcomes and pounds by the state of their claims."""
    columns: dict[str, Column] = {
        "words": text("State"),
        "standing": text("Counted as"),
        "outcomes": count("Outcomes"),
        "amount": _pounds("Worth", "outcomes"),
    }
    if snapshot.contract.prices is None:
        frame = _no_rows(columns)
    else:
        found = incomes.totals(snapshot)
        frame = found.assign(words=found.index.map(STATES), standing=found["standing"].map(STANDINGS))
    return Table(
        frame,
        f"What the outcomes are worth, as on {day_words(snapshot.as_of)}",
        columns,
        note="Pounds without VAT, without the service fee.",
        internal_only=True,
        empty=NO_PRICES,
    )


def at_risk(snapshot: Snapshot) -> Table:
    """Pounds at risk by reason."""
    columns: dict[str, Column] = {
        "reason": text("Reason"),
        "outcomes": count("Outcomes"),
        "amount": _pounds("Worth", "outcomes"),
    }
    priced = snapshot.contract.prices is not None and claimed(snapshot) is not None
    return Table(
        incomes.at_risk(snapshot).reset_index() if priced else _no_rows(columns),
        f"Income at risk, as on {day_words(snapshot.as_of)}",
        columns,
        note="An outcome may stand under several reasons, so the lines do not add up.",
        internal_only=True,
        empty=NO_PRICES if claimed(snapshot) else NO_CLAIMS,
    )


def expected(snapshot: Snapshot) -> Table:
    """Expected income from everybody who has started, with intervals."""
    columns: dict[str, Column] = {
        "line": text("Income from outcomes"),
        "expected": _pounds("Expected", "outcomes"),
        "lower_80": _pounds("80% from", "outcomes"),
        "upper_80": _pounds("80% to", "outcomes"),
        "lower_95": _pounds("95% from", "outcomes"),
        "upper_95": _pounds("95% to", "outcomes"),
    }
    rules = snapshot.contract.prices
    parts = []
    for name in rules.outcomes if rules else ():
        found = incomes.expected(snapshot, name)
        lines = {"to_come": "still to come", "in_the_end": "earned, waiting and still to come"}
        label = snapshot.programme.label(name)
        rows = incomes.priced(snapshot)
        parts.append(
            found.assign(
                line=[f"{label}: {lines[str(key)]}" for key in found.index],
                outcomes=int((rows["measure"] == name).sum()),
            )
        )
    return Table(
        pd.concat(parts, ignore_index=True) if parts else _no_rows(columns),
        "Expected income from the people who have started",
        columns,
        note="By the forecast of the outcome report: outcomes of people yet to start are not in it. Waiting outcomes "
        "are taken to be paid.",
        internal_only=True,
        empty=NO_PRICES,
    )
