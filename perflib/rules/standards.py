"""What a service standard is, as data: what starts its clock, what stops it, how long is allowed, and what share.

Standards stand under `standards:` in a programme file, by id. A contract file may add its own (tender standards) under
the same key, and change the programme's by repeating their id with the keys that differ and a source.

Conventions
-----------
- The clock begins on the earliest date of the events in `from` and stops at the first of those in `to` (at the last of
  them when it `needs: all`); by when they happened, or by when that was first recorded.
- The day it begins is day 0, or the next working day when it is not one. "Within n working days" ends with working
  day n, inclusive; what is done at the weekend after it is late.
- An age in working days stands still over a weekend: what is still open at the weekend after working day n is n days
  old, not more. That is what `backlog` and `oldest` ask.
- With `days: calendar` the day it begins is day 0, whatever day it is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from perflib.rules.dated import Misplaced, Name, Place, Rules, Sourced, check_known

Kind = Literal["within", "notice", "backlog", "oldest", "every", "profile"]
ShareOf = Literal["all", "month", "open", "count"]

WORDS = {"at_least": "at least", "more_than": "more than", "at_most": "no more than", "less_than": "less than"}

Names = Annotated[tuple[Name, ...], BeforeValidator(lambda names: [names] if isinstance(names, str) else names)]
"""Names of events: one, or a list."""


class Threshold(Rules):
    """What a share (a count, for a backlog of which no share is taken) is held against; one of the four."""

    at_least: Decimal | None = Field(None, ge=0, description="A share, 0 to 1: this or more.")
    more_than: Decimal | None = Field(None, ge=0, description="More than this share.")
    at_most: Decimal | None = Field(None, ge=0, description="This share (of a count: number) or less.")
    less_than: Decimal | None = Field(None, ge=0, description="Less than this share.")

    @model_validator(mode="after")
    def _is_one(self) -> Threshold:
        if len(self.model_dump(exclude_none=True)) != 1:
            raise ValueError(f"give one of {', '.join(WORDS)}")
        return self

    @property
    def rule(self) -> str:
        """How it compares, in words: 'at least', 'more than', 'no more than', 'less than'."""
        return WORDS[next(iter(self.model_dump(exclude_none=True)))]

    @property
    def value(self) -> Decimal:
        """What is compared with."""
        value: Decimal = next(iter(self.model_dump(exclude_none=True).values()))
        return value

    def met(self, count: float, total: float = 1) -> bool:
        """Test count / total against the target, without division or rounding: 4 of 100 is no more than 4 %.

        >>> limit = Threshold(at_most="0.04")
        >>> limit.met(4, 100), limit.met(401, 10_000)
        (True, False)
        """
        part, whole = Decimal(str(count)), self.value * Decimal(str(total))
        return {
            "at least": part >= whole,
            "more than": part > whole,
            "no more than": part <= whole,
            "less than": part < whole,
        }[self.rule]


class Validity(Rules):
    """The days that a standard holds for, by the date of an event: the referral, the start, a signature."""

    by: Name = Field("referral", description="An event; a journey in which it has not happened is not ruled out.")
    since: date | None = Field(None, alias="from", description="The first day.")
    until: date | None = Field(None, alias="to", description="The last day.")
    source: str = Field(min_length=1, description="Document and paragraph.")


class Standard(Sourced):
    """One service standard.

    Its `kind` is one of

    - `within`: each case is done within `limit` days. Without a limit every case counts at once, done or not.
    - `notice`: each case is not done before `limit` days have gone by.
    - `oldest`: no case is open for more than `limit` days; its target is every case.
    - `backlog`: of the cases, only a share is open for more than `limit` days on any day.
    - `every`: something is repeated, from `from` to `until`: in each calendar month that lies wholly between them or,
      with a limit, no more than that many days after the last time.
    - `profile`: the cumulative count of an event never falls below a share of what the contract promised.
    """

    name: str = Field(description="What reports call it.")
    kind: Kind = Field("within", description="What is asked: see above.")
    begins: Names = Field(("referral",), alias="from", min_length=1, description="Events that begin the clock.")
    to: Names = Field((), description="Events that stop it; none: those that resolve a referral.")
    duty: Literal["provider", "department"] = Field(
        "provider",
        description="Who must meet it. What the department must do itself is shown apart and counted in no figure of "
        "the provider's.",
    )
    needs: Literal["any", "all"] = Field("any", description="Whether the first of `to` stops it or the last.")
    recorded: bool = Field(False, description="True: `to` counts when it was first recorded, not when it happened.")
    limit: int | None = Field(None, ge=0, description="Days allowed; the last one is in time.")
    days: Literal["working", "calendar"] = Field("working", description="Which days are counted.")
    done_late: Literal["not_met", "met"] = Field(
        "not_met",
        description="What a case is that is done after the limit. With `met` the limit only says from when on a case "
        "that is still open counts.",
    )
    target: Threshold = Field(Threshold(at_least=Decimal(1)), description="By default every case.")
    share_of: ShareOf = Field(
        "all",
        description="What a backlog is a share of: all referrals to date, those of the month, those open; or a count.",
    )
    sampled: bool = Field(False, description="True: the department measures a sample, so the rate has an interval.")
    applies_to: Name = Field("referral", description="Only journeys in which this event has happened.")
    nations: tuple[Literal["ENG", "WLS", "SCT", "NIR"], ...] = Field((), description="Only there; none: everywhere.")
    valid: tuple[Validity, ...] = Field((), description="The days it holds for; all of them must agree.")
    excused_by: Names = Field((), description="Events after which the case no longer counts, unless it was done.")
    failed_by: Names = Field((), description="Events after which the case cannot be met any more.")
    until: Names = Field((), description="Events that end the repeating.")
    table: str | None = Field(
        None,
        description="A table, each row a case: `from` and `to` are its date columns. Its rows may be of no referral: "
        "they are then the contract's.",
    )
    where: dict[Name, Names] = Field(
        default_factory=dict, description="Only rows of that table with one of these codes in a column."
    )
    item: tuple[str, ...] = Field(
        (), description="Columns of that table that tell cases apart: of rows alike in them the latest recorded holds."
    )

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Standard:
        if self.kind in ("backlog", "oldest", "notice") and self.limit is None:
            what = "the days of notice" if self.kind == "notice" else "the days that a case may be open"
            raise Misplaced(f"{self.kind!r} needs `limit`, {what}", "kind")
        allowed = {
            "share_of": self.kind == "backlog",
            "target": self.kind != "oldest",
            "until": self.kind == "every",
            "limit": self.kind != "profile",
            "done_late": self.kind == "within" and self.limit is not None,
            "table": self.kind in ("within", "notice"),
            "item": self.table is not None,
            "where": self.table is not None,
            "needs": self.kind != "every" and self.table is None,
            "recorded": self.kind != "every" and self.table is None,
        }
        for field, fits in allowed.items():
            if field in self.model_fields_set and not fits:
                raise Misplaced(f"`{field}` does not go with {'`table`' if self.table else repr(self.kind)}", field)
        if self.kind in ("every", "profile") and not self.to:
            raise Misplaced(f"{self.kind!r} needs `to`, the events that are counted", "kind")
        if self.table and (len(self.begins), len(self.to)) != (1, 1):
            raise Misplaced("with `table`, `from` and `to` name one date column each", "table")
        return self

    @property
    def is_age(self) -> bool:
        """Whether the limit is of an age: how long what is open has been open."""
        return self.kind in ("backlog", "oldest")

    @property
    def rests(self) -> bool:
        """Whether the days that a case has been open stand still on days off."""
        return self.is_age or self.done_late == "met"

    @property
    def unlimited(self) -> bool:
        """Whether a case counts as late until it is done."""
        return self.kind == "within" and self.limit is None

    def asks(self, resolves: Collection[str]) -> str:
        """Describe in words what is asked; `resolves` are the events that resolve a referral.

        >>> Standard(name="CSS 2", source="ch. 16", to="acknowledged", limit=2).asks([])
        'referral to acknowledged: within 2 working days'
        """
        begins, until = _listed(self.begins, "or"), _listed(self.until, "or")
        stops = _listed(self.to or tuple(resolves), "and" if self.needs == "all" else "or")
        recorded = " first recorded" if self.recorded else ""
        limit = f"{self.limit} {self.days} day{'' if self.limit == 1 else 's'}"
        counted = "counted when decided, or open for more than" if self.done_late == "met" else "within"
        span = f"from {begins} to {until}" if until else f"from {begins} on"
        return {
            "within": f"{begins} to {stops}{recorded}" + (f": {counted} {limit}" if self.limit is not None else ""),
            "notice": f"{begins} to {stops}{recorded}: not before {limit}",
            "oldest": f"{begins} to {stops}{recorded}: none open for more than {limit}",
            "backlog": f"{begins} to {stops}{recorded}: open for more than {limit}",
            "every": f"{stops} "
            + ("in every calendar month" if self.limit is None else f"every {limit}")
            + f", {span}",
            "profile": f"{stops}{recorded} to date, as a share of what was promised",
        }[self.kind]

    @property
    def promises(self) -> str:
        """What the target is, in words.

        >>> Standard(name="CSS 3", source="ch. 16", kind="backlog", limit=15, target={"at_most": 0.04}).promises
        'no more than 4 % of all referrals to date'
        """
        if self.kind == "oldest":
            return "no single one"
        if self.kind == "backlog":
            whole = {"all": "all referrals to date", "month": "the month's referrals", "open": "the open referrals"}
            if self.share_of == "count":
                number = self.target.value.normalize()
                return f"{self.target.rule} {number:f} referral{'' if number == 1 else 's'}"
            return f"{self.target.rule} {_percent(self.target.value)} of {whole[self.share_of]}"
        return f"{self.target.rule} {_percent(self.target.value)}"

    @property
    def conditions(self) -> tuple[str, ...]:
        """The events that decide whether and how a case counts, besides those of its clock."""
        named = (self.applies_to, *(validity.by for validity in self.valid))
        return tuple(dict.fromkeys((*named, *self.excused_by, *self.failed_by, *self.until)))

    @property
    def events(self) -> dict[Place, str]:
        """The events it names, by their places in the file."""
        lists = {"excused_by": self.excused_by, "failed_by": self.failed_by, "until": self.until}
        if self.table is None:
            lists |= {"from": self.begins, "to": self.to}
        single: dict[Place, str] = {("applies_to",): self.applies_to}
        single |= {("valid", i, "by"): validity.by for i, validity in enumerate(self.valid)}
        return single | {(key, i): name for key, names in lists.items() for i, name in enumerate(names)}


def _listed(names: tuple[str, ...], last: str) -> str:
    """Return names as words, "a, b or c"."""
    words = [name.replace("_", " ") for name in names]
    return f" {last} ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _percent(share: Decimal) -> str:
    return f"{(100 * share).normalize():f} %"


def merge(*layers: Mapping[str, Sourced | Any]) -> dict[str, Any]:
    """Lay sets of rules over each other: a later one adds rules, or changes keys of those before it.

    A rule that is changed keeps its place, and needs the source of the change.

    >>> first = {"css2": {"limit": 2, "name": "CSS 2", "source": "guidance"}}
    >>> merge(first, {"css2": {"limit": 1, "source": "schedule 2"}})
    {'css2': {'limit': 1, 'name': 'CSS 2', 'source': 'schedule 2'}}
    """
    merged: dict[str, Any] = {}
    for layer in layers:
        for name, given in layer.items():
            own = given.model_dump(by_alias=True, exclude_unset=True) if isinstance(given, Sourced) else given
            held = merged.get(name)
            if isinstance(held, dict) and isinstance(own, dict):
                unsourced = {key: value for key, value in held.items() if key not in ("source", "invented")}
                own = unsourced | own
            merged[name] = own
    return merged


def check_events(standards: Mapping[str, Standard], events: Collection[str]) -> None:
    """Refuse a standard that names an event the programme does not have."""
    named = {
        ("standards", name, *place): event for name, item in standards.items() for place, event in item.events.items()
    }
    check_known(named, events, "event of the programme")
