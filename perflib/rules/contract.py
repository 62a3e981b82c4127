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

from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from perflib.errors import ParameterError
from perflib.rules import yamlfile
from perflib.rules.programme import Programme
from perflib.rules.values import Month, Rules, Sourced

BUILT_IN = next(
    (
        folder
        for folder in (Path(__file__).parents[1] / "params", Path(__file__).parents[2] / "params")
        if folder.is_dir()
    ),
    Path("params"),
)
"""The parameters that come with perflib: the programmes and the sample contracts."""


class FolderSource(Rules):
    """Tables as files in a folder, in the columns of the data dictionary."""

    folder: str = Field(description="Relative to the parameter file.")
    encoding: str = Field("utf-8", description="Of CSV files, e.g. cp1252.")
    known_to: date | None = Field(
        None,
        description="The day to which everything recorded is in the extract; by default the last recorded date.",
    )


class SampleSource(Rules):
    """The built-in synthetic contract, made in memory from the parameters given here."""

    sample: dict[str, Any]


def _kind_of_source(value: Any) -> str:
    return "sample" if isinstance(value, dict) and "sample" in value else "folder"


Source = Annotated[
    Annotated[FolderSource, Tag("folder")] | Annotated[SampleSource, Tag("sample")],
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
    provider: str = "not stated"
    package_area: str = Field("not stated", description="Contract package area.")
    nation: Literal["ENG", "WLS", "SCT", "NIR"] = Field(description="Whose bank holidays count.")
    first_day: date | None = Field(None, description="Day one; None: the day of the first referral in the extract.")
    source: Source
    history: Literal["appended", "overwritten"] = "appended"
    source_order: tuple[str, ...] = Field(
        ("hmrc", "prap", "claim", "crm"), description="Which source is believed first when two disagree."
    )
    quarter_basis: Literal["financial", "calendar", "contract", "department"] = "financial"
    report_lag: int = Field(0, ge=0, description="Days after the month's end until a report is made.")
    recording_allowance: int = Field(130, ge=0, description="Days within which everything has been recorded.")
    profile_clock: Literal["event", "recorded"] = Field(
        "event",
        description="Whether profiles promise outcomes by when they happen or by when they are recorded.",
    )
    mix: dict[str, float] = Field(default_factory=dict, description="The tender's share of each customer group.")
    profiles: tuple[Profile, ...] = ()
    volumes: tuple[Volume, ...] = ()
    changes: tuple[Change, ...] = ()
    disclosure: DisclosureRules
    releases: tuple[Release, ...] = ()
    restriction: str = "Restricted: these figures have not been published. Do not share them outside the provider."
    notice: str | None = Field(None, description="Shown at the top of every report of this contract.")
    path: Path = Field(description="The file this was read from.")

    @model_validator(mode="before")
    @classmethod
    def _codes_are_casefolded(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("source_order"), list):
            data["source_order"] = [str(item).strip().casefold() for item in data["source_order"]]
        return data

    @model_validator(mode="after")
    def _fits_the_programme(self) -> Contract:
        groups = self.programme.attributes[self.programme.group].codes
        for group in [*self.mix, *(profile.group for profile in self.profiles if profile.group)]:
            if group not in groups:
                raise ValueError(f"{group!r} is no customer group of {self.programme.programme} ({', '.join(groups)})")
        measures = self.programme.events.keys() | self.programme.outcomes.keys()
        named = [*self.profiles, *self.volumes]
        for measure in [item.measure for item in named] + [m for change in self.changes for m in change.measures]:
            if measure not in measures:
                close = get_close_matches(measure, measures, n=1)
                hint = f"; did you mean {close[0]!r}?" if close else ""
                raise ValueError(f"{measure!r} is no event or outcome of {self.programme.programme}{hint}")
        if self.mix and abs(sum(self.mix.values()) - 1) > 0.005:
            raise ValueError(f"the shares of `mix` add up to {sum(self.mix.values()):g}, not to 1")
        return self

    @property
    def invented(self) -> tuple[str, ...]:
        """What in this file no document vouches for, as words for a notice."""
        kinds = {"profiles": self.profiles, "volumes": self.volumes, "disclosure rules": (self.disclosure,)}
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

        The profile of the group in the area comes before the group's, the area's, and the one for all. Where there
        is no group (or it was not recorded) and no profile for all, the groups' profiles are averaged with the
        tender's mix.

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
        for g, a in dict.fromkeys([(group, area), (group, None), (None, area), (None, None)]):
            curve = self._curve(cohorts, ages, g, a, measure)
            if curve is not None:
                return curve
        if group is None and self.mix:
            curves = {name: self.profile(cohorts, ages, group=name, area=area, measure=measure) for name in self.mix}
            return np.sum([self.mix[name] * curve for name, curve in curves.items()], axis=0)
        return np.full((len(cohorts), ages), np.nan)

    def _curve(
        self, cohorts: pd.PeriodIndex, ages: int, group: str | None, area: str | None, measure: str
    ) -> NDArray[np.float64] | None:
        found = [p for p in self.profiles if (p.measure, p.group, p.area) == (measure, group, area)]
        if not found:
            return None
        curve = np.full((len(cohorts), ages), np.nan)
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


def find_params(params: str | Path = "params") -> Path:
    """Return the folder of parameter files: as given, else in the nearest folder above that has one, else built in."""
    given = Path(params)
    if given.is_dir():
        return given
    if not given.is_absolute():
        for folder in Path.cwd().parents:
            if (folder / given).is_dir():
                return folder / given
        if given == Path("params"):
            return BUILT_IN
    raise ParameterError(f"--params {params}: no such folder. Give the folder that holds contracts/ (and programmes/).")


def _file(params: Path, kind: str, name: str) -> Path:
    """Return the file of a programme or contract; what is not in `params` may be built in."""
    for folder in (params / kind, BUILT_IN / kind):
        if (folder / f"{name}.yaml").is_file():
            return folder / f"{name}.yaml"
    known = sorted({path.stem for folder in (params / kind, BUILT_IN / kind) for path in folder.glob("*.yaml")})
    close = get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known) or 'none'}."
    what = kind.removesuffix("s")
    raise ParameterError(f"{what} {name!r}: {params / kind} has no file {name}.yaml; {hint}")


def load_programme(programme: str, params: str | Path = "params") -> Programme:
    """Return a programme's rules.

    Raises
    ------
    ParameterError
        There is no such file, or something in it is wrong.
    """
    return yamlfile.read(_file(find_params(params), "programmes", programme), Programme)


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
    if data.get("contract") != contract:
        raise ParameterError(f"{path}: contract: {data.get('contract')!r} is not the file's own name, {contract!r}.")
    if not isinstance(data.get("programme"), str):
        raise ParameterError(
            f"{path}: programme: {data.get('programme')!r} is not allowed: name a programme, e.g. whp."
        )
    try:
        programme = load_programme(data["programme"], folder)
    except ParameterError as error:
        raise ParameterError(f"{path}: {error}") from None
    return yamlfile.read(path, Contract, programme=programme, path=path)


def contracts(params: str | Path = "params") -> list[str]:
    """Return the ids of the contracts in a parameter folder, in order."""
    return sorted(path.stem for path in (find_params(params) / "contracts").glob("*.yaml"))
