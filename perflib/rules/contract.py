"""What one contract promised: its dates, profiles and targets, its source, and who may see what.

A contract is one file, `params/contracts/<id>.yaml`; `load_contract` reads it with its programme.

Conventions
-----------
- `profile[a]` is the cumulative number of outcomes a start by the end of month cohort + a; the last value holds for
  every later age.
- A profile applies to the cohorts from its `from` month on.
- The tender level (tMPL) of a group is the last value of its profile.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator

from perflib.errors import ParameterError
from perflib.rules import yaml_errors
from perflib.rules.data_source import FolderSource as FolderSource
from perflib.rules.data_source import SampleSource as SampleSource
from perflib.rules.data_source import Source, Tolerance, check_mapping
from perflib.rules.dated import Misplaced, Month, Name, Place, Rules, Sourced, check_known, hint
from perflib.rules.management import CONTRACT, Kpi, Management, Rating
from perflib.rules.oversight import Instrument, Report
from perflib.rules.prices import Prices
from perflib.rules.programme import Attribute, Programme
from perflib.rules.standards import Standard, check_events, merge


def built_in(name: str) -> Path:
    """Locate a folder that comes with perflib: beside the modules where it is installed, else in the checkout."""
    return next((up / name for up in Path(__file__).parents[1:3] if (up / name).is_dir()), Path(name))


SHOWS_CUTS = ("cohort_trends",)
"""Reports that show a contract's own cuts."""

TAKEN = ("referral_id", "participant_id")
"""Columns of participants that are no attribute."""

BUILT_IN = built_in("params")
"""The parameters that come with perflib: the programmes and the sample contracts."""


class Profile(Sourced):
    """Cumulative outcomes a start, by months since the cohort's month, as promised for one group (and area)."""

    measure: str = Field("outcome", description="An event or outcome of the programme.")
    group: str | None = Field(None, description="Customer group; None: every group without a profile of its own.")
    area: str | None = Field(None, description="Devolution area; None: wherever there is no profile of its own.")
    since: Month = Field(alias="from", description="The first cohort it applies to.")
    values: tuple[Annotated[float, Field(ge=0)], ...] = Field(
        min_length=1,
        description="Cumulative outcomes a start by the end of month cohort + 0, 1, 2 ...; the last one holds on.",
    )

    @field_validator("values")
    @classmethod
    def _never_falls(cls, values: tuple[float, ...]) -> tuple[float, ...]:
        if any(later < earlier for earlier, later in zip(values, values[1:], strict=False)):
            raise ValueError("a cumulative profile never falls; give outcomes a start by the end of each month")
        return values


class Volume(Sourced):
    """How many of something were promised in each month from `from` on."""

    measure: str = Field(description="An event or outcome of the programme.")
    since: Month = Field(alias="from", description="The month of the first value.")
    values: tuple[Annotated[float, Field(ge=0)], ...] = Field(
        min_length=1, description="Participants (or events) promised in each month, one value a month."
    )


class Requirement(Sourced):
    """What an outcome takes, where the programme's documents leave it to the contract: days in a job, or sessions."""

    days: int | None = Field(None, ge=1, description="Days that a job has lasted.")
    sessions: int | None = Field(None, ge=1, description="Sessions of a course that were attended.")

    @model_validator(mode="after")
    def _one_of_the_two(self) -> Requirement:
        if (self.days is None) == (self.sessions is None):
            raise ValueError("give `days` or `sessions`")
        return self

    @property
    def words(self) -> str:
        """What it takes, in words.

        >>> Requirement(days=91, source="Schedule 3").words
        'a job that has lasted 91 days'
        """
        return f"a job that has lasted {self.days} days" if self.days else f"{self.sessions} sessions attended"


class AudienceRule(Rules):
    """What one audience may see."""

    suppress_below: int = Field(0, ge=0, description="Counts from 1 to this less 1 are not shown; 0: all are.")
    round_to: int = Field(1, ge=1, description="Counts are rounded to a multiple of this.")
    names: bool = Field(True, description="Whether staff may be named.")


class DisclosureRules(Sourced):
    """What each audience may see."""

    internal: AudienceRule = Field(AudienceRule(), description="What the provider itself may see.")
    external: AudienceRule = Field(
        AudienceRule(suppress_below=10, round_to=5, names=False), description="What anybody else may see."
    )


class EarlyWarning(Sourced):
    """When a level is said to be in danger, and how large the changes of scenarios are."""

    probability: float = Field(0.5, gt=0, lt=1, description="Of being missed, from which a level is said to be so.")
    least: float = Field(5, ge=0, description="Promised outcomes below which nothing is warned of: chance rules there.")
    change: float = Field(0.2, gt=0, lt=1, description="Of job entry, referrals and conversion, either way.")


class LeastDifference(Sourced):
    """How large a difference must be to matter: a smaller one is no signal, however sure it is."""

    ratio: float = Field(0.1, ge=0, description="Of what it is compared with: .1 is a tenth more or less.")
    points: float = Field(0.02, ge=0, description="Of a share, as a fraction: .02 is two percentage points.")

    def matters(self, value: Any, beside: Any, *, share: bool = False) -> Any:
        """Return whether a value differs enough from another; arrays are compared one by one.

        Parameters
        ----------
        value, beside : float or array
        share : bool
            Whether both are shares of a whole: then a difference in points is enough too.

        Examples
        --------
        >>> least = LeastDifference(source="none", invented=True)
        >>> least.matters(1675, 1655), least.matters(0.985, 0.973, share=True), least.matters(0.96, 0.99, share=True)
        (False, False, True)
        """
        apart = abs(value - beside)
        enough = apart >= self.ratio * abs(beside)
        return enough | (apart >= self.points) if share else enough


class Release(Rules):
    """A publication: figures for months up to `through` may be seen outside from the day `on`."""

    through: Month = Field(description="The last month that it covers.")
    on: date = Field(description="The day on which it is published.")


class Change(Rules):
    """A stated change (a new rule, a suspension of referrals) at which the limits of a trend start afresh."""

    month: Month = Field(description="The first month after it.")
    measures: tuple[str, ...] = Field((), description="The measures it concerns; none: all.")
    reason: str = Field(description="What changed, in words that reports repeat.")


class Contract(Rules):
    """One contract's parameters, with its programme resolved."""

    contract: str = Field(description="Its id: the file's own name.")
    name: str = Field(description="What reports call it.")
    programme: Programme = Field(description="The id of its programme, a file in `params/programmes`.")
    management: Management | None = Field(None, description="How the provider manages, in `params/management`.")
    provider: str = Field("", description="Who delivers it.")
    package_area: str = Field("", description="Contract package area.")
    nation: Literal["ENG", "WLS", "SCT", "NIR"] = Field(description="Whose bank holidays count.")
    first_day: date | None = Field(None, description="Day one; None: the day of the first referral in the extract.")
    source: Source = Field(description="Where its extract is: a folder, a database, or the built-in sample.")
    history: Literal["appended", "overwritten"] = Field(
        "appended",
        description="Whether corrections are added to the extract as new rows, or each export replaces the last one.",
    )
    tolerance: Tolerance = Field(
        Tolerance(),
        description="How much of the extract may be lost before `check` and `run` stop: by default 2 % of a table's "
        "records or a column's cells, and at least 5. A number alone is the share.",
    )
    source_order: tuple[Name, ...] = Field(
        ("hmrc", "prap", "claim", "crm"), description="Which source is believed first when two disagree."
    )
    quarter_basis: Literal["financial", "calendar", "contract", "department"] = Field(
        "financial",
        description="What a quarter is: of the financial year (from April), of the calendar year, of the contract "
        "(from its first month), or of the department's releases (ending February, May, August and November).",
    )
    report_lag: int = Field(0, ge=0, description="Days after the month's end until a report is made.")
    recording_allowance: int = Field(130, ge=0, description="Days within which everything has been recorded.")
    profile_clock: Literal["event", "recorded"] = Field(
        "event",
        description="Whether profiles promise outcomes by when they happen or by when they are recorded.",
    )
    attributes: dict[Name, Attribute] = Field(
        default_factory=dict,
        description="What its extract records of participants beyond the programme's attributes, by column.",
    )
    cuts: dict[Name, tuple[Name, ...]] = Field(
        default_factory=dict,
        description="Attributes that a report shows beside the programme's `demographics`, by notebook.",
    )
    mix: dict[str, Annotated[float, Field(ge=0)]] = Field(
        default_factory=dict, description="The tender's share of each customer group."
    )
    requires: dict[str, Requirement] = Field(
        default_factory=dict, description="What an outcome takes, where the programme leaves it to the contract."
    )
    profiles: tuple[Profile, ...] = Field((), description="Outcomes promised to each cohort, by age.")
    volumes: tuple[Volume, ...] = Field((), description="Referrals, starts and the like promised in each month.")
    prices: Prices | None = Field(None, description="What the department pays; none: nothing is said of money.")
    changes: tuple[Change, ...] = Field((), description="Stated changes at which the limits of trends begin afresh.")
    disclosure: DisclosureRules = Field(description="What each audience may see.")
    releases: tuple[Release, ...] = Field((), description="When figures are published.")
    least_difference: LeastDifference = Field(
        LeastDifference(source="no document gives a number", invented=True),
        description="How large a difference between units, between groups or in a trend must be to be a signal.",
    )
    early_warning: EarlyWarning = Field(
        EarlyWarning(source="default: more likely missed than met"),
        description="When a forecast warns that a level may be missed.",
    )
    standards: dict[Name, Standard] = Field(
        default_factory=dict, description="Its own, and keys of the programme's and the regime's that it changes."
    )
    kpis: dict[Name, Kpi] = Field(
        default_factory=dict, description="Its own KPIs, and keys of the regime's that it changes, with their source."
    )
    rating: Rating | None = Field(None, description="Keys of the regime's rating that it changes, with their source.")
    restriction: str = Field(
        "Restricted: these figures have not been published. Do not share them outside the provider.",
        description="Shown on every report of figures that are not published yet.",
    )
    notice: str | None = Field(None, description="Shown at the top of every report of this contract.")
    path: Path = Field(description="The file this was read from.")

    @model_validator(mode="before")
    @classmethod
    def _is_laid_over_programme_and_regime(cls, data: Any) -> Any:
        own = data.get("standards", {}) if isinstance(data, dict) else None
        if not isinstance(own, dict) or not isinstance(data.get("programme"), Programme):
            return data
        programme, regime = data["programme"], data.get("management")
        if not isinstance(regime, Management):
            return data | {"standards": merge(programme.standards, own)}
        laid = {"standards": merge(programme.standards, regime.standards, own)}
        if isinstance(data.get("kpis", {}), dict):
            laid["kpis"] = merge(regime.kpis, data.get("kpis", {}))
        if regime.rating is not None:
            laid |= merge({"rating": regime.rating}, {"rating": data["rating"]} if "rating" in data else {})
        return data | {"programme": regime.extend(programme)} | laid

    @model_validator(mode="after")
    def _has_attributes_of_its_own(self) -> Contract:
        programme = self.programme
        taken = {*programme.attributes, *programme.events, *(f"{name}_recorded" for name in programme.events)}
        for name in self.attributes:
            if name in taken or name in TAKEN:
                raise Misplaced(f"{name!r} is a column or an event already. Give it another name", "attributes", name)
        if self.attributes:
            more = Programme.model_validate(dict(programme) | {"attributes": programme.attributes | self.attributes})
            self.__dict__["programme"] = more  # the only change of a model that is frozen from here on
        check_known({("cuts", book): book for book in self.cuts}, SHOWS_CUTS, "report that shows cuts")
        shown: dict[Place, str] = {
            ("cuts", book, i): name for book, names in self.cuts.items() for i, name in enumerate(names)
        }
        check_known(shown, self.programme.attributes, "attribute of the programme or this contract")
        return self

    @model_validator(mode="after")
    def _fits_the_programme(self) -> Contract:
        programme = self.programme
        check_events(self.standards, programme.events)
        check_mapping(self.source, programme)
        groups: dict[Place, str] = {("mix", name): name for name in self.mix}
        groups |= {("profiles", i, "group"): item.group for i, item in enumerate(self.profiles) if item.group}
        check_known(groups, programme.attributes[programme.group].codes, f"customer group of {programme.programme}")
        measures: dict[Place, str] = {("profiles", i, "measure"): item.measure for i, item in enumerate(self.profiles)}
        measures |= {("volumes", i, "measure"): item.measure for i, item in enumerate(self.volumes)}
        for i, change in enumerate(self.changes):
            measures |= {("changes", i, "measures", j): name for j, name in enumerate(change.measures)}
        check_known(
            {("requires", name): name for name in self.requires}, programme.outcomes, "outcome of the programme"
        )
        check_known(measures, [*programme.outcomes, *programme.events], f"event or outcome of {programme.programme}")
        if self.prices is not None:
            priced: dict[Place, str] = {("prices", "outcomes", name): name for name in self.prices.outcomes}
            if self.prices.accelerator is not None:
                priced["prices", "accelerator", "measure"] = self.prices.accelerator.measure
            check_known(priced, programme.outcomes, f"outcome of {programme.programme}")
        roles: dict[Place, str] = {
            ("kpis", name, "roles", i): role for name, kpi in self.kpis.items() for i, role in enumerate(kpi.roles)
        }
        check_known(roles, self.management.roles if self.management else (), "role of the regime")
        for name, kpi in self.kpis.items():
            rule = self.standards.get(kpi.standard or "")
            if rule is not None and rule.duty == "department":
                raise Misplaced(
                    f"{kpi.standard!r} is for the department to meet. A KPI is of the provider's",
                    "kpis",
                    name,
                    "standard",
                )
        if self.mix and abs(sum(self.mix.values()) - 1) > 0.005:
            raise Misplaced(f"the shares add up to {sum(self.mix.values()):g}, not to 1", "mix")
        _check_once("profiles", [(item.measure, item.group, item.area, item.since) for item in self.profiles])
        _check_once("volumes", [(item.measure, item.since) for item in self.volumes])
        return self

    @property
    def invented(self) -> tuple[str, ...]:
        """What in this file no document vouches for, as words for a notice."""
        kinds = {
            "profiles": self.profiles,
            "volumes": self.volumes,
            "definitions of outcomes": self.requires.values(),
            "limits of some service standards": self.standards.values(),
            "targets of some KPIs": [value for kpi in self.kpis.values() if kpi.target for value in kpi.target.root],
            "rules of rating": (self.rating,) if self.rating else (),
            "disclosure rules": (self.disclosure,),
            "prices": (self.prices,) if self.prices else (),
        }
        return tuple(kind for kind, items in kinds.items() if any(item.invented for item in items))

    def shows(self, notebook: str) -> tuple[str, ...]:
        """List the attributes that a report shows: the programme's demographics, and its own cuts."""
        return tuple(dict.fromkeys([*self.programme.demographics, *self.cuts.get(notebook, ())]))

    @property
    def instruments(self) -> dict[str, Instrument]:
        """What may be used when performance falls short: the programme's and the regime's."""
        return self.programme.instruments | (self.management.instruments if self.management else {})

    @property
    def reports(self) -> dict[str, Report]:
        """What is to be reported, and how often: to the department, and inside the provider."""
        return self.programme.reports | (self.management.reports if self.management else {})

    def kpis_of(self, role: str) -> dict[str, Kpi]:
        """Select the KPIs of a role of the regime, with those of the roles it `has`, in the order of the file."""
        assert self.management is not None, "roles are a regime's"
        held = self.management.roles[role]
        roles, whole = {role, *held.has}, held.unit == CONTRACT
        return {name: kpi for name, kpi in self.kpis.items() if roles & set(kpi.roles) or (whole and not kpi.roles)}

    def profile(
        self,
        cohorts: pd.PeriodIndex,
        ages: int,
        *,
        group: str | None,
        area: str | None = None,
        measure: str = "outcome",
    ) -> NDArray[np.float64]:
        """Profile of cumulative outcomes a start, for each cohort and age.

        The profile of the group in the area comes before the group's, the area's, and the one for all; for a cohort
        before the `from` of one, the next holds. Where there is no group (or it was not recorded) and no profile for
        all, the groups' profiles are averaged with the tender's mix.

        Parameters
        ----------
        cohorts : PeriodIndex of length c
            Start months.
        ages : int
            Number of ages, from 0.
        group, area : str or None
            Whose profile; None for all.
        measure : str
            Event or outcome that is promised.

        Returns
        -------
        ndarray of shape (c, ages)
            Outcomes a start, cumulative; NaN where nothing was promised.
        """
        curve = np.full((len(cohorts), ages), np.nan)
        for g, a in dict.fromkeys([(group, area), (group, None), (None, area), (None, None)]):
            curve = np.where(np.isnan(curve), self._curve(cohorts, ages, g, a, measure), curve)
        if group is None and self.mix and np.isnan(curve).any():
            curves = [self.profile(cohorts, ages, group=name, area=area, measure=measure) for name in self.mix]
            mixed = np.einsum("g,gca->ca", np.array(list(self.mix.values())), np.array(curves))
            curve = np.where(np.isnan(curve), mixed, curve)
        return curve

    def _curve(
        self, cohorts: pd.PeriodIndex, ages: int, group: str | None, area: str | None, measure: str
    ) -> NDArray[np.float64]:
        """Return the profile that stands for just this group and area, NaN for cohorts before its `from`."""
        curve = np.full((len(cohorts), ages), np.nan)
        found = [p for p in self.profiles if (p.measure, p.group, p.area) == (measure, group, area)]
        for item in sorted(found, key=lambda p: p.since):
            values = np.asarray(item.values)[np.minimum(np.arange(ages), len(item.values) - 1)]
            curve[np.asarray(cohorts >= item.since)] = values
        return curve

    def volume(self, measure: str, months: pd.PeriodIndex) -> pd.Series:
        """Profiled volume of `measure` in each month; NaN where there is none."""
        promised = pd.Series(np.nan, index=months, dtype=float)
        for item in sorted((v for v in self.volumes if v.measure == measure), key=lambda v: v.since):
            own = pd.Series(item.values, index=pd.period_range(item.since, periods=len(item.values), freq="M"))
            promised = own.reindex(months).combine_first(promised)
        return promised

    def release(self, month: pd.Period) -> date | None:
        """Day from which figures for `month` may be seen outside; None if no release covers it."""
        days = [release.on for release in self.releases if release.through >= month]
        return min(days) if days else None

    def stated_changes(self, measure: str) -> dict[pd.Period, str]:
        """Map the month of each stated change that concerns a measure to its reason."""
        return {c.month: c.reason for c in self.changes if not c.measures or measure in c.measures}


def _check_once(key: str, items: Sequence[Hashable]) -> None:
    """Refuse an item of a list that an earlier one already is: which of the two holds cannot be told."""
    for i, item in enumerate(items):
        if item in items[:i]:
            raise Misplaced("one for the same measure, group, area and month stands above", key, i)


def find_params(params: str | Path = "params") -> Path:
    """Find the folder of parameter files: as given, else in the nearest folder above that has one, else built in.

    Raises
    ------
    ParameterError
        There is no such folder.
    """
    found = _own_params(params)
    if found is not None:
        return found
    if Path(params) == Path("params"):
        return BUILT_IN
    raise ParameterError(f"--params {params}: no such folder. Give the folder that holds contracts/ (and programmes/).")


def new_file(contract: str, params: str | Path = "params") -> Path:
    """Return where a new contract's file goes: the user's own folder of parameters, else a new one."""
    check_plain(contract, "contract")
    return (_own_params(params) or Path(params)) / "contracts" / f"{contract}.yaml"


def check_plain(name: str, what: str) -> None:
    """Refuse an id that is no plain name: it stands in the paths of files, which must not lead elsewhere.

    Parameters
    ----------
    name : str
    what : str
        What it is the id of, for the message.

    Raises
    ------
    ParameterError
        It has anything but letters, digits, '.', '_' and '-', or does not begin with a letter or digit.

    Examples
    --------
    >>> check_plain("whp-north", "contract")
    >>> check_plain("../whp-north", "contract")
    Traceback (most recent call last):
    perflib.errors.ParameterError: contract '../whp-north': is no plain name. Give letters, digits, '.', '_' and '-'.
    """
    if not re.fullmatch(r"[^\W_][\w.-]*", name):
        raise ParameterError(f"{what} {name!r}: is no plain name. Give letters, digits, '.', '_' and '-'.")


def _own_params(params: str | Path) -> Path | None:
    given = Path(params)
    places = [Path(), *([] if given.is_absolute() else Path.cwd().parents)]
    return next((place / given for place in places if (place / given).is_dir()), None)


def _file(params: Path, kind: str, name: str) -> Path:
    """Return the file of a programme or contract; what is not in `params` may be built in."""
    check_plain(name, kind.removesuffix("s"))
    for folder in (params / kind, BUILT_IN / kind):
        if (folder / f"{name}.yaml").is_file():
            return folder / f"{name}.yaml"
    known = sorted({path.stem for folder in (params / kind, BUILT_IN / kind) for path in folder.glob("*.yaml")})
    what = kind.removesuffix("s")
    raise ParameterError(f"{what} {name!r}: {params / kind} has no file {name}.yaml; {hint(name, known)}")


def load_programme(programme: str, params: str | Path = "params") -> Programme:
    """Load a programme's rules.

    Raises
    ------
    ParameterError
        There is no such file, or something in it is wrong.
    """
    path = _file(find_params(params), "programmes", programme)
    read = yaml_errors.read(path, Programme)
    _named_as_its_file(path, "programme", read.programme)
    return read


def load_management(management: str, params: str | Path = "params") -> Management:
    """Load a provider's management regime.

    Raises
    ------
    ParameterError
        There is no such file, or something in it is wrong.
    """
    path = _file(find_params(params), "management", management)
    read = yaml_errors.read(path, Management)
    _named_as_its_file(path, "management", read.management)
    return read


def _named_as_its_file(path: Path, key: str, name: object) -> None:
    if name is None:
        raise ParameterError(f"{yaml_errors.at(path, key)}: missing; give the file's own name, {key}: {path.stem!r}.")
    if not isinstance(name, str):
        raise ParameterError(
            f"{yaml_errors.at(path, key)}: {yaml_errors.written(path, key)} is not allowed: "
            f'write the file\'s own name in quotation marks: {key}: "{path.stem}".'
        )
    if name != path.stem:
        raise ParameterError(f"{yaml_errors.at(path, key)}: {name!r} is not the file's own name, {path.stem!r}.")


def load_contract(contract: str, params: str | Path = "params") -> Contract:
    """Load a contract's parameters, with the programme and the management regime they name.

    Parameters
    ----------
    contract : str
        Stem of a file in `params/contracts/`.
    params : str or Path
        Folder of parameter files; programmes and regimes that are not in it are taken from those built in.

    Raises
    ------
    ParameterError
        There is no such file, or something in it is wrong: file, place, value, what is allowed.
    """
    folder = find_params(params)
    path = _file(folder, "contracts", contract)
    data = yaml_errors.load(path)
    _named_as_its_file(path, "contract", data.get("contract"))
    resolved = {"programme": _named(path, data, "programme", "whp", partial(load_programme, params=folder))}
    if "management" in data:
        resolved["management"] = _named(path, data, "management", "ks", partial(load_management, params=folder))
    return yaml_errors.read(path, Contract, path=path, **resolved)


def _named(path: Path, data: dict[str, Any], key: str, example: str, load: Callable[[str], Rules]) -> Rules:
    """Return what a contract file names in another file."""
    name = data.get(key)
    if name is None:
        raise ParameterError(f"{yaml_errors.at(path, key)}: missing; name a {key}, for example {key}: {example}.")
    if not isinstance(name, str):
        value = yaml_errors.written(path, key)
        raise ParameterError(
            f"{yaml_errors.at(path, key)}: {value} is not allowed: name a {key}, for example {example}."
        )
    try:
        return load(name)
    except ParameterError as error:
        raise ParameterError(f"{yaml_errors.at(path, key)}: {error}") from None


def contracts(params: str | Path = "params") -> list[str]:
    """List the ids of the contracts in a parameter folder, in order."""
    return sorted(path.stem for path in (find_params(params) / "contracts").glob("*.yaml"))


def programmes(params: str | Path = "params") -> list[str]:
    """List the ids of the programmes in a parameter folder and of those built in, in order."""
    folders = (find_params(params) / "programmes", BUILT_IN / "programmes")
    return sorted({path.stem for folder in folders for path in folder.glob("*.yaml")})
