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
from perflib.disclosure.presenter import Presenter, Shown, Table
from perflib.disclosure.rules import Disclosure
from perflib.disclosure.words import day_words, listed, month_words
from perflib.errors import ParameterError
from perflib.records.loading import PARAMETERS
from perflib.records.snapshot import Snapshot
from perflib.reporting import data_quality, losses
from perflib.reporting.data_quality import has_last_day
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
    return Presenter(disclosure(snapshot, chosen))


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


def front(snapshot: Snapshot, show: Presenter) -> Shown:
    """Return what a reader must know first: restriction, placeholders, what the source cannot say."""
    contract = snapshot.contract
    notices = [
        show.say(
            f"{', '.join(filter(None, [contract.name, contract.provider, contract.package_area]))}. "
            f"{snapshot.programme.name}: {month_words(snapshot.month)}, as known on {day_words(snapshot.known_at)}. "
            f"Quarters are {contract.quarter_basis} quarters."
        )
    ]
    if snapshot.as_of < snapshot.period_end:
        month, day = month_words(snapshot.month), day_words(snapshot.as_of)
        notices.append(
            show.notice(
                f"{month} had not ended by {day}. Where people stand, standards, backlogs and plans are as at the "
                f"close of that day. What goes by month (volumes, cohorts, trends, quarters) counts {month} to that "
                f"day, beside what was promised for the whole month. A forecast begins after the last whole month.",
                heading="Month so far.",
            )
        )
    if snapshot.known_to is not None and snapshot.ends_early:
        notices.append(
            show.notice(
                f"The extract holds only what was recorded to {day_words(snapshot.known_to)}: nothing recorded after "
                f"that day is in this report, though it is asked for as known on {day_words(snapshot.known_at)}.",
                heading="Extract ends earlier.",
            )
        )
    if not published(snapshot):
        notices.append(show.notice(contract.restriction, heading="Not published."))
    if contract.notice:
        notices.append(show.notice(contract.notice))
    elif contract.invented:
        notices.append(
            show.notice(
                f"The {listed(contract.invented)} in the contract file are placeholders: no document vouches for them. "
                f"Replace them before anything in this report is relied on.",
                heading="Placeholders.",
            )
        )
    notices += [show.notice(text, heading="The extract.") for text in _what_it_cannot_tell(snapshot)]
    return together(*losses.notices(snapshot, show), *notices)


def _what_it_cannot_tell(snapshot: Snapshot) -> list[str]:
    """Return what the extract says nothing about, because of how it is kept."""
    contract, texts = snapshot.contract, []
    if contract.history == "overwritten":
        texts.append("The source is overwritten at each export: what was known earlier cannot be told from it.")
        if snapshot.known_to is not None and snapshot.known_at < snapshot.known_to:
            texts[0] += (
                f" This report is made from the export of {day_words(snapshot.known_to)}, less what it says was "
                f"recorded after {day_words(snapshot.known_at)}: what was corrected since stands here as corrected."
            )
    silent = recorded_as_it_happened(contract.source)
    if silent:
        named = [snapshot.programme.label(name) if name in snapshot.programme.events else name for name in silent]
        texts.append(
            f"It does not say when these were recorded: {listed(named)}. They are taken as recorded on the day they "
            f"happened, so that no delay in recording shows, and each counts as recorded in time."
        )
    return texts


def together(*shown: Shown) -> Shown:
    """Return several things as one output of a cell."""
    return Shown("".join(item.html for item in shown), {"kind": "group", "items": [item.data for item in shown]})


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


def closing(snapshot: Snapshot, show: Presenter) -> Shown:
    """Return what ends every report: where every row of the extract went, and what makes the report again."""
    return together(
        show.table(losses.account(snapshot)),
        show.table(data_quality.not_used(snapshot)),
        show.table(provenance(snapshot)),
    )


def _counted(snapshot: Snapshot, route: Route) -> str:
    """Return which events of a route count, in words."""
    event, end = snapshot.programme.label(route.event).lower(), snapshot.period_end
    if route.within_days is None:
        return f"{event}, without a last day"
    claimed = f", claimed by day {route.claim.within_days.on(end)}" if route.claim else ""
    return f"{event} to day {route.within_days.on(end)}{claimed}"


def conventions(snapshot: Snapshot) -> list[str]:
    """Return the conventions that the figures follow, as they hold for this contract."""
    programme, contract = snapshot.programme, snapshot.contract
    resolving = [programme.label(name).lower() for name in programme.resolves]
    counted = [_counted(snapshot, route) for route in programme.outcomes["outcome"].routes]
    limited = "; both ends inclusive" if has_last_day(snapshot) else ""
    calls = [f"{own} ({ours})" for ours, own in programme.terms.items() if ours in OWN_WORDS and own != ours]
    return [
        "A cohort is the calendar month of the current start date; the month of start is age 0. A start is a "
        "referral: one person with two started referrals is two starts.",
        f"The start date is day {programme.start_day}. Counted: {'; '.join(counted)}{limited}.",
        *(
            f"{programme.label(name)}: {rule.words} ({rule.source}{'; invented' if rule.invented else ''})."
            for name, rule in contract.requires.items()
        ),
        *([f"The programme's own words: {listed(calls)}."] if calls else []),
        f"A referral is resolved by the first of: {listed(resolving)}.",
        f"Groups and units are those at the start. Quarters are {contract.quarter_basis} quarters; one that is still "
        f"running is not judged.",
        "Control charts follow the XmR and Laney p′ and u′ rules; a run of 7 makes a signal. About one stable series "
        "in six, of 24 months, has a false signal.",
    ]
