"""Tables of the service standards report."""

from __future__ import annotations

import pandas as pd

from perflib.analysis import standards
from perflib.disclosure.columns import Column, count, number, percent, percent_words, status, text
from perflib.disclosure.presenter import Table
from perflib.disclosure.words import day_words, month_words
from perflib.records.snapshot import Snapshot
from perflib.reporting.cohort_trends.tables import basis_name
from perflib.rules.calendar import window
from perflib.rules.standards import Standard

SHARES = {"all": "referrals to date", "month": "referrals of the month", "open": "open referrals"}

STATE_WORDS = {
    "met": "Met",
    "not_met": "Done late",
    "open_late": "Open and late",
    "not_due": "Not due yet",
    "exempt": "Exempt",
    "no_data": "No data",
    "not_applicable": "Not applicable",
}


STATUS_WORDS = {
    "met": "met",
    "not_met": "not met",
    "not_due": "not due yet",
    "exempt": "exempt",
    "no_data": "no data",
    "not_applicable": "not applicable",
}


BASES = ("month", "rolling_3", "rolling_12", "cumulative")


SAID = 4
"""How many months a sentence names one by one."""


NONE = "the programme and the contract name no standard"


NO_CASE = "no case counts yet"


def share_standards(snapshot: Snapshot) -> dict[str, Standard]:
    """Standards of the provider that ask for a share of cases, where any case counts."""
    frame, rules = standards.of_provider(snapshot).set_index("standard"), snapshot.contract.standards
    return {str(name): rules[str(name)] for name in frame.index[frame["whole"] > 0] if _of_cases(rules[str(name)])}


def _of_cases(rule: Standard) -> bool:
    return not rule.is_age and rule.kind != "profile"


def target_words(rule: Standard) -> str:
    """Return a target in words: 'all', 'no more than 4%', 'less than 20'."""
    words, value = rule.target.rule, float(rule.target.value)
    if (words, value) == ("at least", 1):
        return "all"
    return f"{words} {value:g}" if rule.share_of == "count" else f"{words} {100 * value:g}%"


def everything(snapshot: Snapshot) -> list[Table]:
    """Every standard against its target: the provider's by their cases, what is held by the day, the department's."""
    frame, rules = standards.measure(snapshot), snapshot.contract.standards
    parts = [overview(snapshot)]
    if any(rule.kind in ("backlog", "profile") for rule in rules.values()):
        parts.append(held_by_the_day(snapshot))
    if (frame["duty"] == "department").any():
        parts.append(of_department(snapshot))
    return parts


def overview(snapshot: Snapshot) -> Table:
    """Each of the provider's standards of single cases, with its cases, rate and target."""
    frame, rules = standards.of_provider(snapshot), snapshot.contract.standards
    mine = ~frame["standard"].isin([name for name, rule in rules.items() if rule.kind in ("backlog", "profile")])
    return _by_cases(
        snapshot,
        frame[mine],
        f"The standards since day one, as on {day_words(snapshot.as_of)}",
        "Rate: met, of those met, done late, or open and late. Cases that are not due, exempt or without data do not "
        "count. A target of all means that a single late case is a miss.",
    )


def of_department(snapshot: Snapshot) -> Table:
    """The standards that the department must meet: no figure of the provider's counts them."""
    frame = standards.measure(snapshot)
    department = snapshot.programme.terms.get("department", "the department")
    return _by_cases(
        snapshot,
        frame[frame["duty"] == "department"],
        f"What {department} must meet itself, as on {day_words(snapshot.as_of)}",
        f"These are {department}'s own duties. They are in no figure of the provider's.",
    )


def _by_cases(snapshot: Snapshot, frame: pd.DataFrame, caption: str, note: str) -> Table:
    rules = snapshot.contract.standards
    return Table(
        frame.assign(
            status=frame["status"].map(STATUS_WORDS), target=[target_words(rules[name]) for name in frame["standard"]]
        ),
        caption,
        {
            "name": text("Standard"),
            **{state: count(STATE_WORDS[state]) for state in ("met", "not_met", "open_late", "not_due")},
            "rate": percent("Rate", "part", "whole", places=_places(frame), missing="none counts"),
            "target": text("Target"),
            "worst": number("Slowest (days)", of=("not_met", "open_late"), places=0, missing="none"),
            "status": status("Status"),
        },
        note=note,
        empty=NONE,
    )


def held_by_the_day(snapshot: Snapshot) -> Table:
    """Backlogs and profiles: what is counted of what, against the target."""
    frame, rules = standards.of_provider(snapshot), snapshot.contract.standards
    frame = frame[frame["standard"].isin([name for name, rule in rules.items() if rule.kind in ("backlog", "profile")])]
    places = _places(frame)
    is_number = frame["standard"].map(lambda name: rules[name].share_of == "count").astype(bool)
    frame = frame.assign(
        status=frame["status"].map(STATUS_WORDS),
        target=[target_words(rules[name]) for name in frame["standard"]],
        what=[_what_is_counted(rules[name]) for name in frame["standard"]],
        whole=frame["whole"].mask(is_number),
    )
    return Table(
        frame,
        f"Backlogs and profiles, as on {day_words(snapshot.as_of)}",
        {
            "name": text("Standard"),
            "what": text("What is counted"),
            "part": count("Counted", missing="none"),
            "whole": number("Of", of=("part",), people=True, places=0, missing="a count"),
            "rate": percent("Rate", "part", "whole", places=places, missing="none counts"),
            "target": text("Target"),
            "status": status("Status"),
        },
        note="Rate: counted, of the number beside it. A backlog is that of the day; whoever was in it before and has "
        "been resolved is in it no more.",
        empty="no standard is of a backlog or of a profile",
    )


def _what_is_counted(rule: Standard) -> str:
    """Return what a backlog or a profile counts, of what, in words."""
    if rule.kind == "profile":
        return "to date in the lowest month, of the profile by then"
    of = "" if rule.share_of == "count" else f", of {SHARES[rule.share_of]}"
    return f"open for more than {rule.limit} {rule.days} days{of}"


def _places(frame: pd.DataFrame) -> int:
    """Return the decimal places with which no rate looks like the target that it is not."""
    pairs = frame[["rate", "target"]].dropna().to_numpy()
    shown = [percent_words(rate, 1, target=target).strip("<%") for rate, target in pairs if rate <= 1]
    return max((len(words.partition(".")[2]) for words in shown), default=1)


def bases(snapshot: Snapshot) -> Table:
    """The share in time on the four period bases."""
    shares = share_standards(snapshot)
    frame = pd.DataFrame({"name": [rule.name for rule in shares.values()]}, index=list(shares))
    columns: dict[str, Column] = {"name": text("Standard")}
    for basis in BASES:
        span = window(basis, snapshot.month, snapshot.first_day)
        found = standards.measure(snapshot, basis=basis).set_index("standard").loc[list(shares)]
        frame = frame.join(found[["part", "whole"]].astype(int).add_suffix(f"_{basis}"))
        partial = span.first_partial or span.months < span.full
        header = f"{basis_name(basis)} ({span.label})" if partial else basis_name(basis)
        columns[basis] = percent(header, f"part_{basis}", f"whole_{basis}", missing="none due")
    return Table(
        frame,
        f"Share in time of the cases that began in each period, to {month_words(snapshot.month)}",
        columns,
        note="A case belongs to the month of its referral, so that those of the last month may not be due yet: they do "
        "not count. Backlogs are of a day, not of a period.",
        empty=NO_CASE,
    )


def exemptions(snapshot: Snapshot) -> Table:
    """Results with and without the cases that were exempted."""
    frame = standards.of_provider(snapshot)
    frame = frame[frame["exempt"] > 0].assign(
        status=lambda rows: rows["status"].map(STATUS_WORDS),
        status_unexempted=lambda rows: rows["status_unexempted"].map(STATUS_WORDS),
    )
    return Table(
        frame,
        "With and without exempted cases",
        {
            "name": text("Standard"),
            "exempt": count("Exempted"),
            "rate": percent("Rate", "part", "whole"),
            "status": status("Status"),
            "rate_unexempted": percent("Rate without exemptions", "part_unexempted", "whole_unexempted"),
            "status_unexempted": status("Status without exemptions"),
        },
        note="Only exemptions that were approved count.",
        empty="no exemption has been approved, or the extract has no table of exemptions",
    )


def recent(snapshot: Snapshot, months: int = 6) -> Table:
    """The share in time of the cases of each of the last months."""
    rules = share_standards(snapshot)
    shown = snapshot.months[-months:]
    columns: dict[str, Column] = {"name": text("Standard")}
    columns |= {f"rate_{m}": percent(f"{m:%b %Y}", f"met_{m}", f"counted_{m}", missing="none due") for m in shown}
    history, rows = standards.history(snapshot, list(rules)), []
    for name, rule in rules.items():
        row: dict[str, object] = {"name": rule.name}
        for m, values in history.loc[name].reindex(shown).iterrows():
            row |= {f"met_{m}": values["met"], f"counted_{m}": values["counted"]}
        rows.append(row)
    return Table(
        pd.DataFrame(rows),
        "Share in time, by month of referral",
        columns,
        note="Cases of the last month that are not due yet do not count; later months can still change.",
        empty=NO_CASE,
    )


def by_unit(snapshot: Snapshot, attribute: str | None = None) -> Table:
    """The share in time of each standard's cases, by who delivered."""
    units = snapshot.programme.units
    attribute = attribute or (units[0] if units else snapshot.programme.group)
    rules = share_standards(snapshot)
    frame = standards.measure(snapshot, by=attribute)
    label = snapshot.programme.attributes[attribute].label
    frame = frame[(frame["whole"] > 0) & frame["standard"].isin(list(rules))]
    wide = frame.astype({"part": int, "whole": int}).pivot(
        index=attribute, columns="standard", values=["part", "whole"]
    )
    levels = (wide.columns.get_level_values(level) for level in (0, 1))
    wide = wide.set_axis([f"{what}_{name}" for what, name in zip(*levels, strict=True)], axis="columns")
    columns: dict[str, Column] = {attribute: text(label)}
    columns |= {
        name: percent(rule.name, f"part_{name}", f"whole_{name}", missing="none due")
        for name, rule in rules.items()
        if f"part_{name}" in wide
    }
    return Table(
        wide.reset_index(),
        f"Share in time since day one, by {label.lower()}",
        columns,
        note="These are not ranked: where a unit has few cases, chance alone makes large differences.",
        empty=NO_CASE,
    )


def register(snapshot: Snapshot) -> Table:
    """The standards as the programme, the management regime and the contract state them."""
    frame = standards.register(snapshot)
    return Table(
        frame.assign(
            duty=frame["duty"].map({"provider": "the provider's", "department": "the department's"}),
            how=frame["sampled"].map({True: "a sample", False: "everybody"}),
            where=frame["applies"].map({True: "yes", False: "not in this nation"}),
            source=frame["source"] + frame["invented"].map({True: " (invented)", False: ""}),
        ),
        "The standards as they are written down",
        {
            "name": text("Standard"),
            "duty": text("Whose duty"),
            "asks": text("Asks"),
            "of": text("Of"),
            "target": text("Target"),
            "how": text("Measured on"),
            "where": text("Holds here"),
            "source": text("Source"),
        },
        empty=NONE,
    )
