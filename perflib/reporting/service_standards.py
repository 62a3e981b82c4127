"""The service standards report: each standard against its target, backlogs, months, units, and what has changed."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from perflib.analysis import kpis, standards, trends
from perflib.records.snapshot import Snapshot
from perflib.reporting import figures
from perflib.reporting.columns import Column, count, date, month, number, percent, status, text
from perflib.reporting.disclosure import Disclosure
from perflib.reporting.present import Figure, Presenter, Shown, Table
from perflib.reporting.report import together
from perflib.reporting.revisions import seen_differently
from perflib.reporting.style import PALETTE, label_ends, series_styles
from perflib.reporting.tables import basis_name
from perflib.reporting.words import day_words, listed, month_words
from perflib.rules.calendar import window
from perflib.rules.standards import Standard

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
NATIONS = {"ENG": "England", "WLS": "Wales", "SCT": "Scotland", "NIR": "Northern Ireland"}
SHARES = {"all": "referrals to date", "month": "referrals of the month", "open": "open referrals"}
BASES = ("month", "rolling_3", "rolling_12", "cumulative")
LIMIT: dict[str, Any] = {"color": PALETTE[2], "linewidth": 1.2, "linestyle": (0, (4, 2))}
NONE = "the programme and the contract name no standard"
NO_CASE = "no case counts yet"


def _shares(snapshot: Snapshot) -> dict[str, Standard]:
    """Return the standards that are of the share of cases done as they should be, and have a case that counts."""
    frame = standards.measure(snapshot).set_index("standard")
    rules = snapshot.contract.standards.items()
    return {
        name: rule for name, rule in rules if not rule.is_age and rule.kind != "profile" and frame["whole"][name] > 0
    }


def findings(snapshot: Snapshot, d: Disclosure) -> list[str]:
    """Which standards are met and which are not."""
    frame = standards.measure(snapshot)
    if frame.empty:
        return [f"{snapshot.programme.name} has no service standards in its file, and the contract adds none."]
    sentences = [
        f"{row['name']}: not met. {_account(row, snapshot.contract.standards[row['standard']], d)}"
        for row in frame[frame["status"] == "not_met"].to_dict("records")
    ]
    for code, words in STATUS_WORDS.items():
        names = frame.loc[frame["status"] == code, "name"]
        if len(names) and code != "not_met":
            sentences.append(f"{words.capitalize()}: {'; '.join(names)}.")
    return sentences


def _account(row: Mapping[Hashable, Any], rule: Standard, d: Disclosure) -> str:
    """Return how a missed standard was missed, in a sentence."""
    late = row["not_met"] + row["open_late"]
    worst = ""
    if row["worst"] == row["worst"]:
        worst = f" The slowest took, or has taken, {d.number(row['worst'], of=(late,), places=0)} {rule.days} days."
    asked = _target(rule)
    if rule.kind == "profile":
        lowest = d.number(100 * row["rate"], of=(row["part"],), places=0)
        return f"The lowest month stood at {lowest} for each 100 promised by then, where {asked} must be."
    if rule.kind == "backlog" and rule.share_of == "count":
        return f"{d.count(row['part'])} are in backlog, where {asked} may be.{worst}"
    if rule.kind == "backlog":
        return f"{d.percent(row['part'], row['whole'], places=1)} are in backlog, where {asked} may be.{worst}"
    counted = row["met"] + late
    return (
        f"{d.count(late)} of {d.count(counted)} were late or missed, {d.count(row['open_late'])} of them still open; "
        f"{d.percent(row['met'], counted, places=1)} were as they should be, where {asked} must be.{worst}"
    )


def _target(rule: Standard) -> str:
    """Return a target in words: 'all', 'no more than 4%', 'less than 20'."""
    words, value = rule.target.rule, float(rule.target.value)
    if (words, value) == ("at least", 1):
        return "all"
    return f"{words} {value:g}" if rule.share_of == "count" else f"{words} {100 * value:g}%"


def overview(snapshot: Snapshot) -> Table:
    """Each standard with its cases, rate and target."""
    frame, rules = standards.measure(snapshot), snapshot.contract.standards
    is_number = frame["standard"].map(lambda name: rules[name].share_of == "count").astype(bool)
    frame = frame.assign(
        status=frame["status"].map(STATUS_WORDS),
        target=[_target(rules[name]) for name in frame["standard"]],
        whole=frame["whole"].mask(is_number),
    )
    return Table(
        frame,
        f"The standards since day one, as on {day_words(snapshot.period_end)}",
        {
            "name": text("Standard"),
            **{state: count(STATE_WORDS[state]) for state in ("met", "not_met", "open_late", "not_due")},
            "rate": percent("Rate", "part", "whole", missing="none counts"),
            "target": text("Target"),
            "worst": number("Slowest (days)", of=("not_met", "open_late"), places=0, missing="none"),
            "status": status("Status"),
        },
        note="Rate: met, of those met, done late, or open and late; of a backlog, the share in it now; of a profile, "
        "the lowest share of what was promised to any month. Cases that are not due, exempt or without data do not "
        "count. A target of all means that a single late case is a miss.",
        empty=NONE,
    )


def bases(snapshot: Snapshot) -> Table:
    """The share in time on the four period bases."""
    shares = _shares(snapshot)
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
    frame = standards.measure(snapshot)
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
    rules = _shares(snapshot)
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


def charts(snapshot: Snapshot, show: Presenter) -> Shown:
    """A control chart of the share in time of each standard, by month of referral."""
    rules = _shares(snapshot)
    history, shown = standards.history(snapshot, list(rules)), []
    for name, rule in rules.items():
        months = history.loc[name]
        chart = trends.control_chart(months["met"], months["counted"], "p_prime", complete=months["complete"])
        trend = kpis.Trend(
            name, f"{rule.name}, in time", "cases", False, chart, trends.shift(chart), months["rate"], None
        )
        shown.append(show.figure(figures.control_chart(trend)))
    return together(*shown) if shown else show.say("No standard has a case that counts yet, so there is no trend.")


def month_ends(snapshot: Snapshot, show: Presenter) -> Shown:
    """What is held at each month's end: backlogs, the oldest in them, and counts against their profile."""
    draw = {"backlog": backlog, "oldest": oldest, "profile": against_profile}
    rules = snapshot.contract.standards.items()
    shown = [show.figure(draw[rule.kind](snapshot, name)) for name, rule in rules if rule.kind in draw]
    return together(*shown) if shown else show.say("No standard here is of a backlog or of a profile.")


def backlog(snapshot: Snapshot, name: str) -> Figure:
    """A backlog at each month's end, as a share of three denominators."""
    rule = snapshot.contract.standards[name]
    frame = standards.backlog(snapshot, standard=name).reset_index()
    labels = {f"of_{whole}": f"of {words}" for whole, words in SHARES.items()}
    is_count = rule.share_of == "count"
    lines = {"late": "referrals in backlog"} if is_count else labels
    scale, limit = (1 if is_count else 100), float(rule.target.value)

    def draw(axes: Axes, data: pd.DataFrame) -> None:
        for (key, label), style in zip(lines.items(), series_styles(len(lines)), strict=True):
            axes.plot(data["date"], scale * data[key], label=label, markevery=3, **style)
        axes.axhline(scale * limit, **LIMIT)
        axes.set_ylabel("referrals" if is_count else "% in backlog")
        axes.set_ylim(bottom=0)
        label_ends(axes)

    def alt(data: pd.DataFrame) -> str:
        key = "late" if is_count else f"of_{rule.share_of}"
        last = data.dropna(subset=key)
        if last.empty:
            return "No month end has a backlog that can be shown."
        row = last.iloc[-1]
        stood = f"{row[key]:,.0f}" if is_count else f"{100 * row[key]:.1f}% {labels[key]}"
        missed = sum(not rule.target.met(value) for value in last[key])
        return (
            f"Lines of the referrals open for more than {rule.limit} {rule.days} days at each month's end. On "
            f"{day_words(row['date'].date())}: {stood}; {missed} of {len(last)} month ends missed the standard."
        )

    columns = {"date": date("Day"), "late": count("In backlog")}
    columns |= {whole: count(words.capitalize()) for whole, words in SHARES.items()}
    columns |= {key: percent(label.capitalize(), "late", key.removeprefix("of_")) for key, label in labels.items()}
    columns |= {"oldest": number(f"Oldest open ({rule.days} days)", of=("open",), places=0, missing="none open")}
    measured = "as a number of referrals" if is_count else f"as a share of {SHARES[rule.share_of]}"
    return Figure(
        Table(
            frame,
            f"{rule.name}: open for more than {rule.limit} {rule.days} days, at each month's end",
            columns,
            note=f"The standard is measured {measured}: {_target(rule)}. A referral resolved late counts for the time "
            "it was late.",
        ),
        draw,
        f"{rule.name}: open for more than {rule.limit} {rule.days} days at each month's end; dashed: the standard",
        alt,
    )


def oldest(snapshot: Snapshot, name: str) -> Figure:
    """The age of the oldest open referral at each month's end."""
    rule = snapshot.contract.standards[name]
    frame = standards.backlog(snapshot, standard=name).reset_index()
    unit = f"{rule.days} days"

    def draw(axes: Axes, data: pd.DataFrame) -> None:
        style = series_styles(1)[0]
        axes.plot(data["date"], data["oldest"], markevery=3, **style)
        axes.axhline(rule.limit or 0, **LIMIT)
        axes.set_ylabel(unit)
        axes.set_ylim(bottom=0)

    def alt(data: pd.DataFrame) -> str:
        last = data.dropna(subset="oldest")
        if last.empty:
            return "No month end has an open referral whose age can be shown."
        over = int((last["oldest"] > (rule.limit or 0)).sum())
        return (
            f"A line of the age of the oldest open referral at each month's end. On "
            f"{day_words(last['date'].iloc[-1].date())} it was {last['oldest'].iloc[-1]:.0f} {unit}; at {over} of "
            f"{len(last)} month ends it was over {rule.limit}."
        )

    return Figure(
        Table(
            frame.assign(status=frame["status"].map(STATUS_WORDS)),
            f"{rule.name}: the oldest open referral at each month's end",
            {
                "date": date("Day"),
                "open": count("Open"),
                "late": count(f"Open for more than {rule.limit} {unit}"),
                "oldest": number(f"Oldest ({unit})", of=("open",), places=0, missing="none open"),
                "status": status("That day"),
            },
        ),
        draw,
        f"{rule.name}: age of the oldest open referral at each month's end; dashed: the standard",
        alt,
        size=(7.4, 3.0),
    )


def against_profile(snapshot: Snapshot, name: str) -> Figure:
    """A cumulative count as a share of what was promised, at each month's end."""
    rule = snapshot.contract.standards[name]
    frame = standards.against_profile(snapshot, name).reset_index()
    limit = 100 * float(rule.target.value)

    def draw(axes: Axes, data: pd.DataFrame) -> None:
        days = pd.PeriodIndex(data["month"], freq="M").to_timestamp()
        axes.plot(days, data["share"], markevery=3, **series_styles(1)[0])
        axes.axhline(limit, **LIMIT)
        axes.set_ylabel("for each 100 promised to date")
        axes.set_ylim(bottom=0)

    def alt(data: pd.DataFrame) -> str:
        known = data.dropna(subset="share")
        if known.empty:
            return "Nothing was promised of it, so there is no share to draw."
        below = int((known["share"] < limit).sum())
        return (
            f"A line of the actual number to date for each 100 promised: {known['share'].iloc[-1]:.0f} in "
            f"{month_words(known['month'].iloc[-1])}; {below} of {len(known)} months were below {limit:g}."
        )

    return Figure(
        Table(
            frame.assign(state=frame["state"].map(STATUS_WORDS)),
            f"{rule.name}, at each month's end",
            {
                "month": month("Month"),
                "actual": count("Actual to date"),
                "promised": number("Promised to date", people=True, places=0, missing="none given"),
                "share": number(
                    "For each 100 promised",
                    of=("actual",),
                    make=lambda f: 100 * f["actual"] / f["promised"].where(f["promised"] > 0),
                    places=0,
                    missing="none promised",
                ),
                "state": status("Standard", of=("actual",)),
            },
            note=f"Asked in every month: {_target(rule)} of what was promised to date. What is caught up later does "
            "not mend a month that was below.",
        ),
        draw,
        f"{rule.name}, at each month's end; dashed: the standard",
        alt,
        size=(7.4, 3.0),
    )


def by_unit(snapshot: Snapshot, attribute: str | None = None) -> Table:
    """The share in time of each standard's cases, by who delivered."""
    units = snapshot.programme.units
    attribute = attribute or (units[0] if units else snapshot.programme.group)
    rules = _shares(snapshot)
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


def register(snapshot: Snapshot) -> Table:
    """The standards as the programme, the management regime and the contract state them."""
    frame = standards.register(snapshot)
    return Table(
        frame.assign(
            how=frame["sampled"].map({True: "a sample", False: "everybody"}),
            where=frame["applies"].map({True: "yes", False: "not in this nation"}),
            source=frame["source"] + frame["invented"].map({True: " (invented)", False: ""}),
        ),
        "The standards as they are written down",
        {
            "name": text("Standard"),
            "asks": text("Asks"),
            "of": text("Of"),
            "target": text("Target"),
            "how": text("Measured on"),
            "where": text("Holds here"),
            "source": text("Source"),
        },
        empty=NONE,
    )
