"""How a provider manages performance, as data: KPIs by role, ratings and what follows from them, service limits.

A regime is one file, `params/management/<id>.yaml`; a contract names its own with `management: <id>`. Its standards are
laid over the programme's, and the contract's over both (`rules.standards.merge`). What a source document redacts
stands in the file with an invented value that says so, for a contract to change.

So are its KPIs and its rating: `kpis:` and `rating:` in a contract file add to the regime's, or change keys of it.

A regime may need events that a programme does not name, such as reviews: they stand under `events` and are added to
the programme's. Where both name an event, the programme's holds.

Conventions
-----------
- A KPI is a numerator and, but for a bare count, a denominator; both add up over months and units.
- The target of a period is the one in force on the period's first day: what is eased or tightened in the middle of a
  quarter holds from the next one on. The table `targets` may set one for a unit.
- Of which quarters a rating is made, and what a missing figure means for it, is `Rating`'s to say.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from perflib.rules.dated import Dated, Misplaced, Name, Place, Rules, Sourced, check_known
from perflib.rules.oversight import Instrument, Report
from perflib.rules.programme import EventType, Programme
from perflib.rules.standards import Names, Standard, Threshold

Kind = Literal["count", "profile", "standard", "share", "advances"]
Per = Literal["referral", "start", "on_programme"]

CONTRACT = "contract"
"""The unit that the whole contract is."""

NEEDS: dict[str, set[str]] = {
    "count": {"of", "equivalents", "per", "table", "where", "adds"},
    "profile": {"of", "equivalents"},
    "standard": {"standard"},
    "share": {"table", "where", "passes", "fails", "least", "more_than"},
    "advances": set(),
}
"""Which keys go with which kind of KPI."""


class Role(Sourced):
    """Somebody whose performance is looked at: a role of staff, a kind of subcontractor, the contract."""

    name: str = Field(description="What it is called.")
    unit: Name = Field(description="What tells one holder from another: an attribute, a unit type, or `contract`.")
    has: Names = Field((), description="Other roles whose KPIs it has as well.")


class Kpi(Sourced):
    """One key performance indicator.

    Its `kind` is one of

    - `count`: how often an event or outcome (`of`) came about, or how many rows a `table` has (the sum of the column
      `adds`); of those the role had (`per`): referrals, starts, or participants on the programme on the first day of
      each month.
    - `profile`: how many came about, of those that the contract promised.
    - `standard`: the share of the cases of a service standard that were met.
    - `share`: of the rows of a `table` that are decided, those that pass.
    - `advances`: net moves through the peer groups, for each participant on the programme.
    """

    name: str = Field(description="What reports call it.")
    kind: Kind = Field("count", description="What is computed: see above.")
    roles: Names = Field((), description="The roles that have it; none: monitored for the contract alone.")
    of: Name | None = Field(None, description="The event or outcome that is counted.")
    equivalents: Names = Field(
        (), description="What programmes call it otherwise: the first that this one has is counted in its place."
    )
    per: Per | None = Field(None, description="Of whom; none: a bare count.")
    standard: Name | None = Field(None, description="The id of a service standard.")
    table: Name | None = Field(None, description="The table of the extract whose rows are counted.")
    where: dict[Name, Names] = Field(default_factory=dict, description="Only rows with one of these codes in a column.")
    adds: Name | None = Field(None, description="The column that is added up; none: rows are counted.")
    passes: dict[Name, Names] = Field(default_factory=dict, description="The codes with which a row passes.")
    fails: dict[Name, Names] = Field(
        default_factory=dict, description="The codes with which it does not; none: any other. A blank is undecided."
    )
    least: dict[Name, float] = Field(default_factory=dict, description="Or the number from which it passes.")
    more_than: dict[Name, float] = Field(default_factory=dict, description="Or the number above which it passes.")
    target: Dated[Threshold] | None = Field(None, description="What is asked, and since when; none: monitored only.")
    rated: bool = Field(True, description="False: it has a target, but no rating rests on it.")

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Kpi:
        given = self.model_fields_set & set().union(*NEEDS.values())
        if extra := sorted(given - NEEDS[self.kind]):
            raise Misplaced(f"`{extra[0]}` does not go with {self.kind!r}", extra[0])
        if self.kind == "count" and (self.of is None) == (self.table is None):
            raise Misplaced("'count' needs `of`, an event or outcome, or `table`: one of the two", "kind")
        if self.kind == "profile" and self.of is None:
            raise Misplaced("'profile' needs `of`, an event or outcome", "kind")
        if self.kind == "standard" and self.standard is None:
            raise Misplaced("'standard' needs `standard`, the id of one", "kind")
        if self.kind == "share" and (self.table is None or not (self.passes or self.least or self.more_than)):
            raise Misplaced("'share' needs `table`, and `passes`, `least` or `more_than`", "kind")
        return self


class Rating(Sourced):
    """How a quarter's KPIs make a rating.

    Green: the targets are hit. Amber: they are missed, and were not in the rated quarter before. Red: they have been
    missed in `red_after` rated quarters running.
    """

    hit: Literal["all", "any", "share"] = Field("all", description="Which targets must be hit for a quarter to be.")
    share: float | None = Field(None, gt=0, le=1, description="With `hit: share`: the least share of them.")
    same_kpi: bool = Field(False, description="True: Red needs one KPI missed in all of those quarters.")
    red_after: int = Field(2, ge=2, description="Missed quarters running that make a Red.")
    no_data: Literal["skips", "resets", "misses"] = Field(
        "skips", description="What a quarter without figures does: it is passed over, ends a run, or counts as missed."
    )
    least_months: int = Field(3, ge=1, le=3, description="A quarter with fewer months is not rated.")
    smallest: float = Field(0, ge=0, description="A KPI of fewer is not judged.")
    not_clear: Literal["hit", "missed"] = Field(
        "hit", description="What a KPI counts as that is short of its target, which its 95 % interval still holds."
    )
    consistent: int = Field(4, ge=2, description="Red or Amber for so many quarters running is consistent.")
    recurs_within: int = Field(4, ge=1, description="Quarters after a plan's end in which a new miss is a recurrence.")

    @model_validator(mode="after")
    def _share_is_given(self) -> Rating:
        if (self.hit == "share") != (self.share is not None):
            raise Misplaced("`share` goes with `hit: share`, and with nothing else", "share")
        return self


class Management(Rules):
    """A provider's way of managing performance."""

    management: str = Field(description="Its id: the file's own name.")
    name: str = Field(description="What reports call it.")
    source: str = Field(description="The document that it is from.")
    events: dict[Name, EventType] = Field(default_factory=dict, description="What it records besides the programme's.")
    standards: dict[Name, Standard] = Field(default_factory=dict, description="Its service limits, by id.")
    roles: dict[Name, Role] = Field(default_factory=dict, description="Whose performance is looked at.")
    kpis: dict[Name, Kpi] = Field(default_factory=dict, description="Its key performance indicators, by id.")
    rating: Rating | None = Field(None, description="How units are rated; none: they are not.")
    instruments: dict[Name, Instrument] = Field(default_factory=dict, description="What it does about performance.")
    reports: dict[Name, Report] = Field(default_factory=dict, description="What it reports, and how often.")

    @model_validator(mode="after")
    def _names_are_known(self) -> Management:
        roles: dict[Place, str] = {
            ("kpis", name, "roles", i): role for name, kpi in self.kpis.items() for i, role in enumerate(kpi.roles)
        }
        roles |= {
            ("roles", name, "has", i): other for name, role in self.roles.items() for i, other in enumerate(role.has)
        }
        check_known(roles, self.roles, "role of the regime")
        return self

    def extend(self, programme: Programme) -> Programme:
        """Add the regime's events that the programme does not have."""
        return Programme.model_validate(dict(programme) | {"events": self.events | programme.events})
