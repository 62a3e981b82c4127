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

from collections.abc import Hashable, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from perflib.errors import ParameterError
from perflib.rules import yamlfile
from perflib.rules.programme import Programme
from perflib.rules.standards import Standard, check_events, merge
from perflib.rules.values import Misplaced, Month, Name, Place, Rules, Sourced, check_known, hint


def built_in(name: str) -> Path:
    """Return a folder that comes with perflib: beside the modules where it is installed, else in the checkout."""
    return next((up / name for up in Path(__file__).parents[1:3] if (up / name).is_dir()), Path(name))


BUILT_IN = built_in("params")
"""The parameters that come with perflib: the programmes and the sample contracts."""


class FolderSource(Rules):
    """Tables as files in a folder, in the columns of the data dictionary."""

    folder: str = Field(description="Relative to the parameter file.")
    encoding: str = Field("utf-8", description="Of CSV files, e.g. cp1252.")
    known_to: date | None = Field(
        None,
        description="The day to which everything recorded is in the extract; by default the last recorded date.",
    )

    @model_validator(mode="before")
    @classmethod
    def _a_path_alone_is_the_folder(cls, data: Any) -> Any:
        return {"folder": data} if isinstance(data, str) else data


class SampleSource(Rules):
    """The built-in synthetic contract, made in memory from the parameters given here."""

    sample: dict[str, Any]


def _kind_of_source(value: Any) -> str:
    return "SampleSource" if isinstance(value, dict) and "sample" in value else "FolderSource"


Source = Annotated[
    Annotated[FolderSource, Tag("FolderSource")] | Annotated[SampleSource, Tag("SampleSource")],
    Discriminator(_kind_of_source),
]


class Profile(Sourced):
    """Cumulative outcomes a start, by months since the cohort's month, as promised for one group (and area)."""

    measure: str = "outcome"
    group: str | None = Field(None, description="Customer group; None: every group without a profile of its own.")
    area: str | None = Field(None, description="Devolution area; None: wherever there is no profile of its own.")
    since: Month = Field(alias="from", description="The first cohort it applies to.")
    values: tuple[Annotated[float, Field(ge=0)], ...] = Field(min_length=1)

    @field_validator("values")
    @classmethod
    def _never_falls(cls, values: tuple[float, ...]) -> tuple[float, ...]:
        if any(later < earlier for earlier, later in zip(values, values[1:], strict=False)):
            raise ValueError("a cumulative profile never falls; give outcomes a start by the end of each month")
        return values


class Volume(Sourced):
    """How many of something were promised in each month from `from` on."""

    measure: str
    since: Month = Field(alias="from")
    values: tuple[Annotated[float, Field(ge=0)], ...] = Field(min_length=1)


class AudienceRule(Rules):
    """What one audience may see."""

    suppress_below: int = Field(0, ge=0, description="Counts from 1 to this less 1 are not shown; 0: all are.")
    round_to: int = Field(1, ge=1, description="Counts are rounded to a multiple of this.")
    names: bool = Field(True, description="Whether staff may be named.")


class DisclosureRules(Sourced):
    """What each audience may see."""

    internal: AudienceRule = AudienceRule()
    external: AudienceRule = AudienceRule(suppress_below=10, round_to=5, names=False)


class Release(Rules):
    """A publication: figures for months up to `through` may be seen outside from the day `on`."""

    through: Month
    on: date


class Change(Rules):
    """A stated change (a new rule, a suspension of referrals) at which the limits of a trend start afresh."""

    month: Month
    measures: tuple[str, ...] = Field((), description="The measures it concerns; none: all.")
    reason: str


class Contract(Rules):
    """One contract's parameters, with its programme resolved."""

    contract: str
    name: str
    programme: Programme
    provider: str = ""
    package_area: str = Field("", description="Contract package area.")
    nation: Literal["ENG", "WLS", "SCT", "NIR"] = Field(description="Whose bank holidays count.")
    first_day: date | None = Field(None, description="Day one; None: the day of the first referral in the extract.")
    source: Source
    history: Literal["appended", "overwritten"] = "appended"
    source_order: tuple[Name, ...] = Field(
        ("hmrc", "prap", "claim", "crm"), description="Which source is believed first when two disagree."
    )
    quarter_basis: Literal["financial", "calendar", "contract", "department"] = "financial"
    report_lag: int = Field(0, ge=0, description="Days after the month's end until a report is made.")
    recording_allowance: int = Field(130, ge=0, description="Days within which everything has been recorded.")
    profile_clock: Literal["event", "recorded"] = Field(
        "event",
        description="Whether profiles promise outcomes by when they happen or by when they are recorded.",
    )
    mix: dict[str, Annotated[float, Field(ge=0)]] = Field(
        default_factory=dict, description="The tender's share of each customer group."
    )
    profiles: tuple[Profile, ...] = ()
    volumes: tuple[Volume, ...] = ()
    changes: tuple[Change, ...] = ()
    disclosure: DisclosureRules
    releases: tuple[Release, ...] = ()
    standards: dict[Name, Standard] = Field(
        default_factory=dict, description="Its own, and keys of the programme's that it changes."
    )
    restriction: str = "Restricted: these figures have not been published. Do not share them outside the provider."
    notice: str | None = Field(None, description="Shown at the top of every report of this contract.")
    path: Path = Field(description="The file this was read from.")

    @model_validator(mode="before")
    @classmethod
    def _standards_are_laid_over_the_programmes(cls, data: Any) -> Any:
        own = data.get("standards", {}) if isinstance(data, dict) else None
        if isinstance(own, dict) and isinstance(data.get("programme"), Programme):
            return data | {"standards": merge(data["programme"].standards, own)}
        return data

    @model_validator(mode="after")
    def _fits_the_programme(self) -> Contract:
        programme = self.programme
        check_events(self.standards, programme.events)
        groups: dict[Place, str] = {("mix", name): name for name in self.mix}
        groups |= {("profiles", i, "group"): item.group for i, item in enumerate(self.profiles) if item.group}
        check_known(groups, programme.attributes[programme.group].codes, f"customer group of {programme.programme}")
        measures: dict[Place, str] = {("profiles", i, "measure"): item.measure for i, item in enumerate(self.profiles)}
        measures |= {("volumes", i, "measure"): item.measure for i, item in enumerate(self.volumes)}
        for i, change in enumerate(self.changes):
            measures |= {("changes", i, "measures", j): name for j, name in enumerate(change.measures)}
        check_known(measures, [*programme.outcomes, *programme.events], f"event or outcome of {programme.programme}")
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
            "service standards": self.standards.values(),
            "disclosure rules": (self.disclosure,),
        }
        return tuple(kind for kind, items in kinds.items() if any(item.invented for item in items))

    def profile(
        self,
        cohorts: pd.PeriodIndex,
        ages: int,
        *,
        group: str | None,
        area: str | None = None,
        measure: str = "outcome",
    ) -> NDArray[np.float64]:
        """Return the promised cumulative outcomes a start, for each cohort and age.

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
        """Return how many of `measure` were promised in each month, NaN where nothing was."""
        promised = pd.Series(np.nan, index=months, dtype=float)
        for item in sorted((v for v in self.volumes if v.measure == measure), key=lambda v: v.since):
            own = pd.Series(item.values, index=pd.period_range(item.since, periods=len(item.values), freq="M"))
            promised = own.reindex(months).combine_first(promised)
        return promised

    def release(self, month: pd.Period) -> date | None:
        """Return the day from which figures for `month` may be seen outside, None if no release covers it."""
        days = [release.on for release in self.releases if release.through >= month]
        return min(days) if days else None

    def stated_changes(self, measure: str) -> dict[pd.Period, str]:
        """Return the stated changes that concern a measure, month to reason."""
        return {c.month: c.reason for c in self.changes if not c.measures or measure in c.measures}


def _check_once(key: str, items: Sequence[Hashable]) -> None:
    """Refuse an item of a list that an earlier one already is: which of the two holds cannot be told."""
    for i, item in enumerate(items):
        if item in items[:i]:
            raise Misplaced("one for the same measure, group, area and month stands above", key, i)


def find_params(params: str | Path = "params") -> Path:
    """Return the folder of parameter files: as given, else in the nearest folder above that has one, else built in."""
    found = _own_params(params)
    if found is not None:
        return found
    if Path(params) == Path("params"):
        return BUILT_IN
    raise ParameterError(f"--params {params}: no such folder. Give the folder that holds contracts/ (and programmes/).")


def new_file(contract: str, params: str | Path = "params") -> Path:
    """Return where a new contract's file goes: the user's own folder of parameters, else a new one."""
    return (_own_params(params) or Path(params)) / "contracts" / f"{contract}.yaml"


def _own_params(params: str | Path) -> Path | None:
    given = Path(params)
    places = [Path(), *([] if given.is_absolute() else Path.cwd().parents)]
    return next((place / given for place in places if (place / given).is_dir()), None)


def _file(params: Path, kind: str, name: str) -> Path:
    """Return the file of a programme or contract; what is not in `params` may be built in."""
    for folder in (params / kind, BUILT_IN / kind):
        if (folder / f"{name}.yaml").is_file():
            return folder / f"{name}.yaml"
    known = sorted({path.stem for folder in (params / kind, BUILT_IN / kind) for path in folder.glob("*.yaml")})
    what = kind.removesuffix("s")
    raise ParameterError(f"{what} {name!r}: {params / kind} has no file {name}.yaml; {hint(name, known)}")


def load_programme(programme: str, params: str | Path = "params") -> Programme:
    """Return a programme's rules.

    Raises
    ------
    ParameterError
        There is no such file, or something in it is wrong.
    """
    path = _file(find_params(params), "programmes", programme)
    read = yamlfile.read(path, Programme)
    _named_as_its_file(path, "programme", read.programme)
    return read


def _named_as_its_file(path: Path, key: str, name: object) -> None:
    if name != path.stem:
        raise ParameterError(f"{yamlfile.at(path, key)}: {name!r} is not the file's own name, {path.stem!r}.")


def load_contract(contract: str, params: str | Path = "params") -> Contract:
    """Return a contract's parameters, with the programme they name.

    Parameters
    ----------
    contract : str
        Stem of a file in `params/contracts/`.
    params : str or Path
        Folder of parameter files; programmes that are not in it are taken from those built in.

    Raises
    ------
    ParameterError
        There is no such file, or something in it is wrong: file, place, value, what is allowed.
    """
    folder = find_params(params)
    path = _file(folder, "contracts", contract)
    data = yamlfile.load(path)
    _named_as_its_file(path, "contract", data.get("contract"))
    named = data.get("programme")
    if not isinstance(named, str):
        raise ParameterError(f"{yamlfile.at(path, 'programme')}: {named!r} is not allowed: name a programme, e.g. whp.")
    try:
        programme = load_programme(named, folder)
    except ParameterError as error:
        raise ParameterError(f"{yamlfile.at(path, 'programme')}: {error}") from None
    return yamlfile.read(path, Contract, programme=programme, path=path)


def contracts(params: str | Path = "params") -> list[str]:
    """Return the ids of the contracts in a parameter folder, in order."""
    return sorted(path.stem for path in (find_params(params) / "contracts").glob("*.yaml"))
