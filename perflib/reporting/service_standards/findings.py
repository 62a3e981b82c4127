"""Findings of the service standards report."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from perflib.analysis import standards
from perflib.disclosure.rules import Disclosure
from perflib.disclosure.words import listed
from perflib.records.snapshot import Snapshot
from perflib.reporting.service_standards.tables import STATUS_WORDS, target_words
from perflib.reporting.since_last_month import seen_differently
from perflib.rules.standards import Standard

NATIONS = {"ENG": "England", "WLS": "Wales", "SCT": "Scotland", "NIR": "Northern Ireland"}


def findings(snapshot: Snapshot, d: Disclosure) -> list[str]:
    """Which standards are met and which are not; those that the department must meet apart."""
    frame, rules = standards.measure(snapshot), snapshot.contract.standards
    if frame.empty:
        return [f"{snapshot.programme.name} has no service standards in its file, and the contract adds none."]
    department = frame[frame["duty"] == "department"]
    frame = frame[frame["duty"] == "provider"]
    sentences = [
        f"{row['name']}: not met. {_account(row, rules[row['standard']], d)}"
        for row in frame[frame["status"] == "not_met"].to_dict("records")
    ]
    for code, words in STATUS_WORDS.items():
        names = frame.loc[frame["status"] == code, "name"]
        if len(names) and code != "not_met":
            sentences.append(f"{words.capitalize()}: {'; '.join(names)}.")
    if len(department):
        said = [f"{row['name']}: {STATUS_WORDS[row['status']]}" for row in department.to_dict("records")]
        sentences.append(
            f"For {snapshot.programme.terms.get('department', 'the department')} to meet: {'; '.join(said)}."
        )
    return sentences


def _account(row: Mapping[Hashable, Any], rule: Standard, d: Disclosure) -> str:
    """Return how a missed standard was missed, in a sentence."""
    late = row["not_met"] + row["open_late"]
    worst = ""
    if row["worst"] == row["worst"]:
        worst = f" The slowest took, or has taken, {d.number(row['worst'], of=(late,), places=0)} {rule.days} days."
    asked, target = target_words(rule), float(rule.target.value)
    if rule.kind == "profile":
        lowest = d.number(100 * row["rate"], of=(row["part"],), places=0 if abs(row["rate"] - target) > 0.01 else 1)
        return f"The lowest month stood at {lowest} for each 100 promised by then, where {asked} must be."
    if rule.kind == "backlog" and rule.share_of == "count":
        return f"{d.count(row['part'])} are in backlog, where {asked} may be.{worst}"
    if rule.kind == "backlog":
        share = d.percent(row["part"], row["whole"], places=1, target=target)
        return f"{share} are in backlog, where {asked} may be.{worst}"
    counted = row["met"] + late
    share = d.percent(row["met"], counted, places=1, target=target)
    if rule.done_late == "met":
        return (
            f"Of {d.count(counted)} that are decided or have been open for more than {rule.limit} {rule.days} days, "
            f"{d.count(late)} are not as they should be, {d.count(row['open_late'])} of them still open; {share} are, "
            f"where {asked} must be."
        )
    return (
        f"{d.count(late)} of {d.count(counted)} were late or missed, {d.count(row['open_late'])} of them still open; "
        f"{share} were as they should be, where {asked} must be.{worst}"
    )


def changes(earlier: Snapshot | None, later: Snapshot, d: Disclosure) -> list[str]:
    """How many cases of the last month's report are seen differently now, and why."""
    return seen_differently(
        earlier, lambda before: standards.revisions(before, later).set_index("reason")["cases"], "cases", d
    )


def conventions(snapshot: Snapshot) -> list[str]:
    """The conventions of the clocks, as they hold for this contract."""
    resolving = [snapshot.programme.label(name).lower() for name in snapshot.programme.resolves]
    rules = snapshot.contract.standards.values()
    return [
        f"Working days are Monday to Friday without the bank holidays of {NATIONS[snapshot.contract.nation]}.",
        "A clock that begins on a day off begins on the next working day, which is day 0. Within n days means on or "
        "before day n.",
        f"A referral is resolved by the first of: {listed(resolving)}.",
        "A standard of recording uses the day on which something was first recorded, whatever was corrected later.",
        *(
            f"{rule.name}: day {rule.limit} is not backlog, the day after is; {rule.promises}."
            for rule in rules
            if rule.kind == "backlog"
        ),
        *(
            f"{rule.name}: {rule.asks(snapshot.programme.resolves)}; of months that lie wholly between the two."
            for rule in rules
            if rule.kind == "every" and rule.limit is None
        ),
    ]
