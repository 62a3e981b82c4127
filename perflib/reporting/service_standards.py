"""The service standards report: each standard against its target, the backlog, months, units, and what has changed."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from perflib.analysis import kpis, standards, trends
from perflib.records.snapshot import Snapshot
from perflib.reporting import figures
from perflib.reporting.columns import Column, count, date, number, percent, status, text
from perflib.reporting.disclosure import Disclosure
from perflib.reporting.present import Figure, Presenter, Shown, Table
from perflib.reporting.report import together
from perflib.reporting.style import label_ends, series_styles
from perflib.reporting.words import day_words, listed
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
SHARES = {"all": "referrals to date", "month": "referrals of the month", "open": "open referrals", "count": "a count"}


def findings(snapshot: Snapshot, d: Disclosure) -> list[str]:
    """Which standards are met and which are not, worst first."""
    frame = standards.measure(snapshot)
    if frame.empty:
        return [f"{snapshot.programme.name} has no service standards in its file, and the contract adds none."]
    sentences = [
        f"{row['name']}: not met. {_account(row, snapshot.contract.standards[row['standard']], d)}"
        for row in frame[frame["status"] == "not_met"].to_dict("records")
    ]
    met = frame.loc[frame["status"] == "met", "name"]
    if len(met):
        sentences.append(f"Met: {listed(list(met))}.")
    for code in ("no_data", "not_due", "not_applicable", "exempt"):
        names = frame.loc[frame["status"] == code, "name"]
        if len(names):
            sentences.append(f"{STATUS_WORDS[code].capitalize()}: {listed(list(names))}.")
    return sentences


def _account(row: Mapping[Hashable, Any], rule: Standard, d: Disclosure) -> str:
    """Return how a missed standard was missed, in a sentence."""
    unit = f"{rule.days} days"
    counted = row["met"] + row["not_met"] + row["open_late"]
    late = row["not_met"] + row["open_late"]
    worst = f" The slowest took, or has taken, {row['worst']:.0f} {unit}." if row["worst"] == row["worst"] else ""
    if rule.kind == "backlog":
        share = d.number(100 * row["rate"], of=(row["open_late"],), places=1)
        return f"{share}% are in backlog, where {row['rule']} {100 * row['target']:g}% may be.{worst}"
    if rule.kind == "profile":
        return f"The lowest month stood at {100 * row['rate']:.0f}% of what was promised by then."
    return (
        f"{d.count(late)} of {d.count(counted)} were late, of which {d.count(row['open_late'])} are still open; "
        f"{d.percent(row['met'], counted, places=1)} were in time, where {_target(row['rule'], row['target'])} must be."
        f"{worst}"
    )


def _target(rule: str, value: float) -> str:
    """Return a target in words: 'all', 'no more than 4%'."""
    return "all" if (rule, value) == ("at least", 1) else f"{rule} {100 * value:g}%"


def overview(snapshot: Snapshot) -> Table:
    """Each standard with its cases, rate and target."""
    frame = standards.measure(snapshot)
    frame = frame.assign(
        status=frame["status"].map(STATUS_WORDS),
        counted=frame[standards.COUNTED].sum(axis=1),
        target=[_target(rule, value) for rule, value in zip(frame["rule"], frame["target"], strict=True)],
    )
    return Table(
        frame,
        f"The standards since day one, as on {day_words(snapshot.period_end)}",
        {
            "name": text("Standard"),
            "met": count(STATE_WORDS["met"]),
            "not_met": count(STATE_WORDS["not_met"]),
            "open_late": count(STATE_WORDS["open_late"]),
            "not_due": count(STATE_WORDS["not_due"]),
            "rate": percent("Rate", of=("met", "not_met", "open_late"), missing="none counts"),
            "target": text("Target"),
            "worst": number("Slowest (days)", of=("not_met", "open_late"), places=0, missing="none"),
            "status": status("Status"),
        },
        note="Rate: met, of those met, done late, or open and late; of a backlog, the share in it now. Cases that are "
        "not due, exempt or without data do not count. 100% means that a single late case is a miss.",
        empty="the programme and the contract name no standard",
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
            "rate": percent("Rate", of=("met", "not_met", "open_late")),
            "status": status("Status"),
            "rate_unexempted": percent("Rate without exemptions", of=("met", "not_met", "open_late", "exempt")),
            "status_unexempted": status("Status without exemptions"),
        },
        note="Only exemptions that were approved count.",
        empty="no exemption has been approved, or the extract has no table of exemptions",
    )


def recent(snapshot: Snapshot, months: int = 6) -> Table:
    """The share in time of the cases of each of the last months."""
    history = standards.history(snapshot)
    names = {name: rule.name for name, rule in snapshot.contract.standards.items()}
    rows = []
    for name, frame in history.groupby(level="standard", sort=False):
        last = frame.droplevel("standard").tail(months)
        row: dict[str, object] = {"name": names[str(name)]}
        for month, values in last.iterrows():
            row |= {f"met_{month}": values["met"], f"counted_{month}": values["counted"]}
        rows.append(row)
    shown = snapshot.months[-months:]
    columns: dict[str, Column] = {"name": text("Standard")}
    columns |= {f"rate_{m}": percent(f"{m:%b %Y}", f"met_{m}", f"counted_{m}", missing="none due") for m in shown}
    return Table(
        pd.DataFrame(rows),
        "Share in time, by month of referral",
        columns,
        note="Cases of the last month that are not due yet do not count; later months can still change.",
        empty="the programme and the contract name no standard",
    )


def charts(snapshot: Snapshot, show: Presenter) -> Shown:
    """A control chart of the share in time of each standard, by month of referral."""
    shown = []
    history = standards.history(snapshot) if snapshot.contract.standards else pd.DataFrame()
    for name, rule in snapshot.contract.standards.items():
        if rule.kind != "within" or name not in history.index:
            continue
        months = history.loc[name]
        if months["counted"].sum() == 0:
            continue
        chart = trends.control_chart(months["met"], months["counted"], "p_prime", complete=months["complete"])
        trend = kpis.Trend(
            name, f"{rule.name}, in time", "cases", False, chart, trends.shift(chart), months["rate"], None
        )
        shown.append(show.figure(figures.control_chart(trend)))
    return together(*shown) if shown else show.say("No standard has a case that counts yet, so there is no trend.")


def backlog(snapshot: Snapshot) -> Figure:
    """The backlog at each month's end, as a share of three denominators."""
    name = next((n for n, rule in snapshot.contract.standards.items() if rule.kind == "backlog"), None)
    if name is None:
        empty = pd.DataFrame(columns=["date", "late"])
        data = Table(
            empty, "Backlog", {"date": date("Day"), "late": count("In backlog")}, empty="no standard is of a backlog"
        )
        return Figure(data, lambda *_: None, "Backlog", "No backlog is measured.")
    rule = snapshot.contract.standards[name]
    frame = standards.backlog(snapshot, standard=name).reset_index()
    wholes = {"of_all": "all", "of_month": "month", "of_open": "open"}
    labels = {key: f"of {SHARES[whole]}" for key, whole in wholes.items()}
    limit = 100 * float(rule.target.value)

    def draw(axes: Axes, data: pd.DataFrame) -> None:
        for key, style in zip(wholes, series_styles(3), strict=True):
            axes.plot(data["date"], 100 * data[key], label=labels[key], markevery=3, **style)
        axes.axhline(limit, color="#801650", linewidth=1.2, linestyle=(0, (4, 2)))
        axes.set_ylabel("% in backlog")
        axes.set_ylim(bottom=0)
        label_ends(axes)

    def alt(data: pd.DataFrame) -> str:
        last = data.dropna(subset="of_all")
        if last.empty:
            return "No month has a referral yet."
        row = last.iloc[-1]
        over = int((100 * data["of_all"] > limit).sum())
        return (
            f"Lines of the share of referrals open for more than {rule.limit} working days at each month's end. On "
            f"{day_words(row['date'].date())} it was {100 * row['of_all']:.1f}% of all referrals to date; {over} of "
            f"{len(data)} month ends were above {limit:g}%."
        )

    columns = {"date": date("Day"), "late": count("In backlog")}
    columns |= {whole: count(SHARES[whole].capitalize()) for whole in wholes.values()}
    columns |= {key: percent(labels[key].capitalize(), "late", whole) for key, whole in wholes.items()}
    columns |= {"oldest": number("Oldest open (working days)", of=("open",), places=0, missing="none open")}
    return Figure(
        Table(
            frame,
            f"Referrals open for more than {rule.limit} working days, at each month's end",
            columns,
            note=f"The standard is measured as a share of {SHARES[rule.share_of]}. A referral resolved late counts for "
            "the time it was late.",
        ),
        draw,
        f"Referrals open for more than {rule.limit} working days, at each month's end; dashed: the standard",
        alt,
    )


def by_unit(snapshot: Snapshot, attribute: str | None = None) -> Table:
    """The share in time of each standard's cases, by who delivered."""
    units = snapshot.programme.units
    attribute = attribute or (units[0] if units else snapshot.programme.group)
    frame = standards.measure(snapshot, by=attribute)
    label = snapshot.programme.attributes[attribute].label
    frame = frame.assign(counted=frame[standards.COUNTED].sum(axis=1))
    frame = frame[(frame["counted"] > 0) & frame["standard"].map(_is_share(snapshot))]
    wide = frame.pivot(index=attribute, columns="standard", values=["met", "counted"])
    levels = (wide.columns.get_level_values(level) for level in (0, 1))
    wide = wide.set_axis([f"{what}_{name}" for what, name in zip(*levels, strict=True)], axis="columns")
    names = [name for name in snapshot.contract.standards if f"met_{name}" in wide]
    columns: dict[str, Column] = {attribute: text(label)}
    columns |= {
        name: percent(snapshot.contract.standards[name].name, f"met_{name}", f"counted_{name}", missing="none due")
        for name in names
    }
    return Table(
        wide.reset_index(),
        f"Share in time since day one, by {label.lower()}",
        columns,
        note="These are not ranked: where a unit has few cases, chance alone makes large differences.",
        empty="no case counts yet",
    )


def _is_share(snapshot: Snapshot) -> dict[str, bool]:
    return {name: rule.kind == "within" for name, rule in snapshot.contract.standards.items()}


def changes(earlier: Snapshot | None, later: Snapshot, d: Disclosure) -> list[str]:
    """How many cases of the last month's report are seen differently now, and why."""
    if earlier is None:
        return ["This is the contract's first month: there is no earlier report to compare with."]
    frame = standards.revisions(earlier, later)
    if frame.empty:
        return [f"Nothing that was known on {day_words(earlier.known_at)} is seen differently now."]
    reasons = frame.groupby("reason")["cases"].sum()
    words = {"recorded late": "something was recorded late", "corrected": "something was corrected"}
    said = [f"{d.count(total)} because {words.get(str(why), 'of something else')}" for why, total in reasons.items()]
    return [
        f"{d.count(frame['cases'].sum())} cases of the report as known on {day_words(earlier.known_at)} are seen "
        f"differently now: {listed(said)}."
    ]


def conventions(snapshot: Snapshot) -> list[str]:
    """The conventions of the clocks, as they hold for this contract."""
    resolving = [snapshot.programme.label(name).lower() for name in snapshot.programme.resolves]
    backlogs = [rule for rule in snapshot.contract.standards.values() if rule.kind == "backlog"]
    return [
        f"Working days are Monday to Friday without the bank holidays of {snapshot.contract.nation}.",
        "A clock that begins on a day off begins on the next working day, which is day 0. Within n days means on or "
        "before day n.",
        f"A referral is resolved by the first of: {listed(resolving)}.",
        "A standard of recording uses the day on which something was first recorded, whatever was corrected later.",
        *(
            f"{rule.name}: day {rule.limit} is not backlog, the day after is; a share of {SHARES[rule.share_of]}."
            for rule in backlogs
        ),
    ]


def rules(snapshot: Snapshot) -> Table:
    """The standards as the programme and contract files state them."""
    rows = [
        {
            "name": rule.name,
            "limit": "none" if rule.limit is None else f"{rule.limit} {rule.days} days",
            "target": _target(rule.target.rule, float(rule.target.value)),
            "how": "by sample" if rule.sampled else "everybody",
            "source": rule.source + (" (invented)" if rule.invented else ""),
        }
        for rule in snapshot.contract.standards.values()
    ]
    return Table(
        pd.DataFrame(rows, columns=["name", "limit", "target", "how", "source"]),
        "The standards as they are written down",
        {
            "name": text("Standard"),
            "limit": text("Limit"),
            "target": text("Target"),
            "how": text("The department measures"),
            "source": text("Source"),
        },
        empty="the programme and the contract name no standard",
    )
