"""Findings of the service standards report."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from perflib.analysis import standards
from perflib.disclosure.sentences import Amount, Count, Listed, Name, Plain, Sentence, Share, name_list, sentence
from perflib.records.snapshot import Snapshot
from perflib.reporting.service_standards.tables import STATUS_WORDS, target_words
from perflib.reporting.since_last_month import seen_differently
from perflib.rules.standards import Standard

NATIONS = {"ENG": "England", "WLS": "Wales", "SCT": "Scotland", "NIR": "Northern Ireland"}


def findings(snapshot: Snapshot) -> list[Sentence]:
    """Which standards are met and which are not; those that the department must meet apart."""
    frame, rules = standards.measure(snapshot), snapshot.contract.standards
    if frame.empty:
        return [
            sentence(
                "{programme} has no service standards in its file, and the contract adds none.",
                programme=Name(snapshot.programme.name),
            )
        ]
    department = frame[frame["duty"] == "department"]
    frame = frame[frame["duty"] == "provider"]
    sentences = [
        sentence(
            "{standard}: not met. {account}",
            standard=Name(row["name"]),
            account=_account(row, rules[row["standard"]]),
        )
        for row in frame[frame["status"] == "not_met"].to_dict("records")
    ]
    for code, words in STATUS_WORDS.items():
        names = frame.loc[frame["status"] == code, "name"]
        if len(names) and code != "not_met":
            sentences.append(
                sentence("{status}: {names}.", status=Name(words.capitalize()), names=name_list(names, "; "))
            )
    if len(department):
        stand = [
            sentence("{standard}: {status}", standard=Name(row["name"]), status=Name(STATUS_WORDS[row["status"]]))
            for row in department.to_dict("records")
        ]
        sentences.append(
            sentence(
                "For {department} to meet: {stand}.",
                department=Name(snapshot.programme.terms.get("department", "the department")),
                stand=Listed(stand, "; "),
            )
        )
    return sentences


def _account(row: Mapping[Hashable, Any], rule: Standard) -> Sentence:
    """Return how a missed standard was missed, in a sentence."""
    late = row["not_met"] + row["open_late"]
    asked, target = Name(target_words(rule)), float(rule.target.value)
    if rule.kind == "profile":
        places = 0 if abs(row["rate"] - target) > 0.01 else 1
        return sentence(
            "The lowest month stood at {lowest} for each 100 expected by then (target: {asked}).",
            lowest=Amount(100 * row["rate"], of=(row["part"],), places=places),
            asked=asked,
        )
    worst = sentence("")
    if row["worst"] == row["worst"]:
        worst = sentence(
            " The longest took {worst} {days} days.",
            worst=Amount(row["worst"], of=(late,), places=0),
            days=Name(rule.days),
        )
    if rule.kind == "backlog":
        is_count = rule.share_of == "count"
        return sentence(
            "{part} are in backlog (target: {asked}).{worst}",
            part=Count(row["part"]) if is_count else Share(row["part"], row["whole"], places=1, target=target),
            asked=asked,
            worst=worst,
        )
    counted = row["met"] + late
    met = Share(row["met"], counted, places=1, target=target)
    if rule.done_late == "met":
        return sentence(
            "{met} met it (target: {asked}), of {counted} that are decided or open for more than {limit} {days} days. "
            "{late} did not, {open} of them still open.",
            counted=Count(counted),
            limit=Plain(rule.limit),
            days=Name(rule.days),
            late=Count(late),
            open=Count(row["open_late"]),
            met=met,
            asked=asked,
        )
    return sentence(
        "{met} of {counted} on time (target: {asked}). {late} late or missed, {open} of them still open.{worst}",
        late=Count(late),
        counted=Count(counted),
        open=Count(row["open_late"]),
        met=met,
        asked=asked,
        worst=worst,
    )


def changes(earlier: Snapshot | None, later: Snapshot) -> list[Sentence]:
    """How many cases of the last month's report are seen differently now, and why."""
    return seen_differently(
        earlier, lambda before: standards.revisions(before, later).set_index("reason")["cases"], "cases"
    )


def conventions(snapshot: Snapshot) -> list[Sentence]:
    """The conventions of the clocks, as they hold for this contract."""
    programme, rules = snapshot.programme, snapshot.contract.standards.values()
    return [
        sentence(
            "Working days are Monday to Friday without the bank holidays of {nation}.",
            nation=Name(NATIONS[snapshot.contract.nation]),
        ),
        sentence(
            "A clock that begins on a day off begins on the next working day, which is day 0. Within n days means on "
            "or before day n."
        ),
        sentence(
            "A referral is resolved by the first of: {resolving}.",
            resolving=name_list([programme.label(name).lower() for name in programme.resolves]),
        ),
        sentence(
            "A standard of recording uses the day on which something was first recorded, whatever was corrected later."
        ),
        *(
            sentence(
                "{standard}: day {limit} is not backlog, the day after is; {promises}.",
                standard=Name(rule.name),
                limit=Plain(rule.limit),
                promises=Name(rule.promises),
            )
            for rule in rules
            if rule.kind == "backlog"
        ),
        *(
            sentence(
                "{standard}: {asks}; of months that lie wholly between the two.",
                standard=Name(rule.name),
                asks=Name(rule.asks(programme.resolves)),
            )
            for rule in rules
            if rule.kind == "every" and rule.limit is None
        ),
    ]
