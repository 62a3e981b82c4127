"""What `perflib check` says of a contract's file and extract, line by line."""

from __future__ import annotations

from collections.abc import Iterator

from perflib.analysis import availability, quality
from perflib.errors import counted
from perflib.records.snapshot import ONCE, Extract, Snapshot

KEPT = ("", ONCE)
"""Effects of what is told and yet used: of a repeat one row counts."""


def lines(extract: Extract, snapshot: Snapshot) -> Iterator[str]:
    """Yield what was read, what is not used and why, what looks wrong, and what can have no data."""
    contract = snapshot.contract
    yield f"{contract.contract}: {contract.programme.name}, from {contract.path}"
    for name, table in extract.tables.items():
        unused = f"; columns not read: {', '.join(extract.unused[name])}" if extract.unused[name] else ""
        mapped = f"{name} from " if extract.parts.get(name) else ""
        yield f"  {mapped}{extract.files[name]}: {counted(len(table), 'row')}{unused}"
    yield f"  recorded to {extract.known_to}; last whole month {extract.last_month}"
    yield f"Month {snapshot.month}, as known at {snapshot.known_at}; day one {snapshot.first_day}"
    if snapshot.known_at > extract.known_to:
        yield f"  what was recorded after {extract.known_to} is not in the extract"
    yield f"  {counted(len(snapshot.journeys), 'referral')} and {counted(len(snapshot.events), 'event')} are used"
    if snapshot.not_yet_known:
        yield f"  {counted(snapshot.not_yet_known, 'referral has', 'referrals have')} no event recorded by then"
    yield from _account(snapshot)
    for row in quality.oddities(snapshot).to_dict("records"):
        yield f"  {row['count']:>6,}  used, but look: {row['what']}"
    for kind in contract.invented:
        yield f"  the {kind} in {contract.path.name} are placeholders"
    if not contract.profiles:
        yield f"  {contract.path.name} gives no profile: outcomes cannot be compared with one"
    yield from _without_data(snapshot)


def _account(snapshot: Snapshot) -> Iterator[str]:
    """Yield where every row went, and each kind of fault once."""
    yield "Account of every line:"
    yield from (f"  {table.words}" for table in snapshot.account.tables)
    lost = sum(complaint.count for complaint in snapshot.account.complaints if complaint.effect not in KEPT)
    yield f"  {counted(lost, 'row or cell is', 'rows or cells are')} not used{':' if lost else ''}"
    yield from (f"    {complaint.words}" for complaint in snapshot.account.complaints)


def _without_data(snapshot: Snapshot) -> Iterator[str]:
    """Yield the KPIs, standards and sections that can have no data, those with one reason together."""
    found = availability.without_data(snapshot)
    if len(found):
        yield f"  {counted(len(found), 'KPI, standard or section', 'KPIs, standards and sections')} can have no data:"
    for (kind, why), rows in found.groupby(["kind", "why"], sort=False):
        report = rows["id"] + ": " if kind == "section" else ""
        names = "; ".join(report + rows["name"])
        yield f"    {kind}{'s' if len(rows) > 1 else ''} {names} ({why})"
