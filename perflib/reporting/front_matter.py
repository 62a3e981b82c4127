"""What opens and closes every report: who may read it, its caveats, conventions and provenance."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from difflib import get_close_matches
from importlib.metadata import version

import pandas as pd

from perflib.disclosure.audience import AUDIENCE
from perflib.disclosure.columns import text
from perflib.disclosure.presenter import Notice, Presenter, Table
from perflib.disclosure.rules import Disclosure
from perflib.disclosure.sentences import Day, Listed, Month, Name, Plain, Sentence, name_list, sentence
from perflib.errors import ParameterError
from perflib.records.loading import PARAMETERS
from perflib.records.snapshot import Snapshot
from perflib.reporting import data_quality, losses
from perflib.reporting.data_quality import has_last_day
from perflib.reporting.own_section import AttributeColumns
from perflib.reporting.release import check_released, published
from perflib.rules.data_source import recorded_as_it_happened
from perflib.rules.programme import Route

OWN_WORDS = ("participant", "start", "outcome")
"""What every programme has, and may call otherwise."""


PACKAGES = ("perflib", "pandas", "numpy", "scipy", "statsmodels", "matplotlib")


def open_report(snapshot: Snapshot, audience: str | None = None) -> Presenter:
    """Return a presenter that applies the contract's disclosure rule for the audience.

    Parameters
    ----------
    snapshot : Snapshot
    audience : {'internal', 'external'}, optional
        By default what the environment variable PERFLIB_AUDIENCE says, else 'internal'.

    Raises
    ------
    ParameterError
        There is no such audience.
    DisclosureError
        The audience is outside and the month's figures were not published by the snapshot's `known_at`.
    """
    chosen = audience or os.environ.get(AUDIENCE, "internal")
    return Presenter(disclosure(snapshot, chosen), AttributeColumns(snapshot))


def disclosure(snapshot: Snapshot, audience: str) -> Disclosure:
    """Return the contract's rule for an audience, or refuse what is not published yet.

    Raises
    ------
    ParameterError
        No such audience.
    """
    contract = snapshot.contract
    if audience == "internal":
        rule = contract.disclosure.internal
        return Disclosure("internal", rule.suppress_below, rule.round_to, rule.names)
    if audience == "external":
        check_released(contract, snapshot.month, snapshot.known_at)
        rule = contract.disclosure.external
        return Disclosure("external", rule.suppress_below, rule.round_to, rule.names)
    raise ParameterError(f"audience {audience!r}: give internal or external.")


def check_parameters(namespace: Mapping[str, object]) -> None:
    """Refuse a notebook that was given a parameter it does not have: its default would be reported instead.

    Parameters
    ----------
    namespace : mapping
        The notebook's globals.

    Raises
    ------
    ParameterError
        A plain value stands there under a name that is none of the notebook's parameters.
    """
    ours = {"In", "Out", "exit", "quit", "open", *PARAMETERS}
    for name, value in namespace.items():
        if not name.startswith("_") and name not in ours and isinstance(value, str | int | float | list | dict | None):
            close = get_close_matches(name, PARAMETERS, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(PARAMETERS)}."
            raise ParameterError(f"{name!r} is no parameter of this notebook; {hint}")


def front(snapshot: Snapshot) -> list[Sentence | Notice]:
    """What a reader must know first: restriction, placeholders, what the source cannot say."""
    contract, known_at, month = snapshot.contract, Day(snapshot.known_at), Month(snapshot.month)
    notices: list[Sentence | Notice] = [
        sentence(
            "{contract}. {programme}: {month}, as known on {day}. Quarters are {basis} quarters.",
            contract=name_list(filter(None, [contract.name, contract.provider, contract.package_area]), ", "),
            programme=Name(snapshot.programme.name),
            month=month,
            day=known_at,
            basis=Name(contract.quarter_basis),
        )
    ]
    if snapshot.as_of < snapshot.period_end:
        so_far = sentence(
            "{month} had not ended by {day}. Where people stand, standards, backlogs and plans are as at the close of "
            "that day. Counts of {month} are so far. What is compared with a profile, a trend or a quarter ends with "
            "the last whole month, and a forecast begins after it.",
            month=month,
            day=Day(snapshot.as_of),
        )
        notices.append(Notice(so_far, "Month so far."))
    if snapshot.known_to is not None and snapshot.ends_early:
        ends = sentence(
            "The extract holds only what was recorded to {last}: nothing recorded after that day is in this report, "
            "though it is asked for as known on {day}.",
            last=Day(snapshot.known_to),
            day=known_at,
        )
        notices.append(Notice(ends, "Extract ends earlier."))
    if not published(snapshot):
        notices.append(Notice(sentence("{text}", text=Name(contract.restriction)), "Not published."))
    if contract.notice:
        notices.append(Notice(sentence("{text}", text=Name(contract.notice))))
    elif contract.invented:
        placeholders = sentence(
            "The {invented} in the contract file are placeholders: no document vouches for them. Replace them before "
            "anything in this report is relied on.",
            invented=name_list(contract.invented),
        )
        notices.append(Notice(placeholders, "Placeholders."))
    told = [Notice(text, "The extract.") for text in _what_it_cannot_tell(snapshot)]
    return [*losses.notices(snapshot), *notices, *told]


def _what_it_cannot_tell(snapshot: Snapshot) -> list[Sentence]:
    """Return what the extract says nothing about, because of how it is kept."""
    contract, texts = snapshot.contract, []
    if contract.history == "overwritten":
        since = sentence("")
        if snapshot.known_to is not None and snapshot.known_at < snapshot.known_to:
            since = sentence(
                " This report is made from the export of {export}, less what it says was recorded after {day}: what "
                "was corrected since stands here as corrected.",
                export=Day(snapshot.known_to),
                day=Day(snapshot.known_at),
            )
        texts.append(
            sentence(
                "The source is overwritten at each export: what was known earlier cannot be told from it.{since}",
                since=since,
            )
        )
    silent = recorded_as_it_happened(contract.source)
    if silent:
        labels = [snapshot.programme.label(name) if name in snapshot.programme.events else name for name in silent]
        texts.append(
            sentence(
                "It does not say when these were recorded: {silent}. They are taken as recorded on the day they "
                "happened, so that no delay in recording shows, and each counts as recorded in time.",
                silent=name_list(labels),
            )
        )
    return texts


def provenance(snapshot: Snapshot) -> Table:
    """Return what is needed to make the report again."""
    rows = {
        "Contract": snapshot.contract.contract,
        "Month": str(snapshot.month),
        "As known on": str(snapshot.known_at),
        "Day one": str(snapshot.first_day),
        "Programme rules": snapshot.programme.source,
        "History of the source": snapshot.contract.history,
        "Last day recorded in the rows used": f"{snapshot.events['recorded_date'].max():%Y-%m-%d}",
        "Data fingerprint (SHA-256 of the rows used)": snapshot.fingerprint,
        "Versions": ", ".join(f"{name} {version(name)}" for name in PACKAGES) + f", Python {platform.python_version()}",
    }
    frame = pd.DataFrame({"what": list(rows), "value": list(rows.values())})
    return Table(frame, "Where these figures come from", {"what": text("What"), "value": text("Value")})


def closing(snapshot: Snapshot) -> list[Table]:
    """What ends every report: where every row of the extract went, and what makes the report again."""
    return [losses.account(snapshot), data_quality.not_used(snapshot), provenance(snapshot)]


def _counted(snapshot: Snapshot, route: Route) -> Sentence:
    """Return which events of a route count, in words."""
    event, end = Name(snapshot.programme.label(route.event).lower()), snapshot.period_end
    if route.within_days is None:
        return sentence("{event}, without a last day", event=event)
    last = Plain(route.within_days.on(end))
    if route.claim is None:
        return sentence("{event} to day {last}", event=event, last=last)
    claimed = Plain(route.claim.within_days.on(end))
    return sentence("{event} to day {last}, claimed by day {claimed}", event=event, last=last, claimed=claimed)


def conventions(snapshot: Snapshot) -> list[Sentence]:
    """The conventions that the figures follow, as they hold for this contract."""
    programme, contract = snapshot.programme, snapshot.contract
    calls = [
        sentence("{own} ({ours})", own=Name(own), ours=Name(ours))
        for ours, own in programme.terms.items()
        if ours in OWN_WORDS and own != ours
    ]
    return [
        sentence(
            "A cohort is the calendar month of the current start date; the month of start is age 0. A start is a "
            "referral: one person with two started referrals is two starts."
        ),
        sentence(
            "The start date is day {day}. Counted: {counted}{limited}.",
            day=Plain(programme.start_day),
            counted=Listed([_counted(snapshot, route) for route in programme.outcomes["outcome"].routes], "; "),
            limited=sentence("; both ends inclusive") if has_last_day(snapshot) else sentence(""),
        ),
        *(
            sentence(
                "{label}: {rule} ({source}{invented}).",
                label=Name(programme.label(name)),
                rule=Name(rule.words),
                source=Name(rule.source),
                invented=sentence("; invented") if rule.invented else sentence(""),
            )
            for name, rule in contract.requires.items()
        ),
        sentence("The programme's own words: {calls}.", calls=Listed(calls)),
        sentence(
            "A referral is resolved by the first of: {resolving}.",
            resolving=name_list([programme.label(name).lower() for name in programme.resolves]),
        ),
        sentence(
            "Groups and units are those at the start. Quarters are {basis} quarters; one that is still running is not "
            "judged.",
            basis=Name(contract.quarter_basis),
        ),
        sentence(
            "Control charts follow the XmR and Laney p′ and u′ rules; a run of 7 makes a signal. About one stable "
            "series in six, of 24 months, has a false signal."
        ),
    ]
