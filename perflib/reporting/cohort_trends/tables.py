"""Tables of the trend report."""

from __future__ import annotations

import numpy as np
import pandas as pd

from perflib.analysis import cohorts, journey
from perflib.analysis import counts as counts_analysis
from perflib.disclosure.columns import Column, count, month, number, percent, status, text
from perflib.disclosure.presenter import Table
from perflib.disclosure.words import AGAINST_PROFILE, CLOCKS, EXPECTED_SO_FAR, SIGNIFICANTLY, day_words, month_words
from perflib.records.snapshot import Snapshot

BASIS_NAMES = {"month": "In month", "cumulative": "Since day one"}


NO_PROFILE = "none given"


EVERYBODY = "Everybody"


def basis_name(basis: str) -> str:
    """Return a period basis in words: 'Rolling 3 months'."""
    return BASIS_NAMES.get(basis) or f"Rolling {basis.removeprefix('rolling_')} months"


def flow_table(snapshot: Snapshot) -> Table:
    """Every measure on the four bases, side by side."""
    summary = counts_analysis.summary(snapshot, "event")
    wide = summary.pivot(index="measure", columns="basis", values="actual").reindex(summary["measure"].unique())
    wide.insert(0, "label", summary.drop_duplicates("measure").set_index("measure")["label"])
    columns = {"label": text("Measure")}
    for span in summary.drop_duplicates("basis").to_dict("records"):
        name = basis_name(span["basis"])
        columns[span["basis"]] = count(f"{name} ({span['period']})" if span["partial"] else name)
    return Table(
        wide.reset_index(drop=True),
        f"What happened, by period, to {month_words(snapshot.month)}",
        columns,
        note=f"Counted {CLOCKS['event']}, so far: recent months are still being recorded, and are not judged.",
    )


def against_promises(snapshot: Snapshot) -> Table:
    """The measures that the contract has a profile or volume of, on the four bases."""
    summary = counts_analysis.summary(snapshot)
    known = summary.groupby("measure")["profile"].transform("count") > 0
    summary = summary[known].assign(basis=lambda rows: rows["basis"].map(basis_name))
    summary = summary.assign(status=summary["status"].map(AGAINST_PROFILE), share=100 * summary["recorded_share"])
    return Table(
        summary,
        f"Recorded against expected so far, to {month_words(snapshot.month)}",
        {
            "label": text("Measure"),
            "basis": text("Basis"),
            "period": text("Period"),
            "actual": count("Recorded"),
            "profile": number("Expected so far", people=True, places=0, missing="too early"),
            "difference": number(
                "Difference",
                of=("actual",),
                make=lambda f: f["actual"] - f["profile"],
                people=True,
                places=0,
                signed=True,
                missing="too early",
            ),
            "of_profile": number(
                "Recorded for each 100 expected",
                of=("actual",),
                places=0,
                make=lambda f: 100 * f["actual"] / f["profile"].where(f["profile"] > 0),
                missing="none",
            ),
            "status": status("Status", of=("actual",)),
            "happened": count("Happened so far"),
            "share": number("Of these recorded, about %", places=0),
        },
        note=f"{EXPECTED_SO_FAR} {SIGNIFICANTLY} What happened in the period is never judged: part of it is not "
        "recorded yet.",
        empty="the contract file gives no profile or volume",
    )


def referral_results(snapshot: Snapshot, months: int = 12) -> Table:
    """What became of the referrals of each of the last months."""
    table = journey.referrals(snapshot).tail(months).reset_index()
    columns = {"month": month("Month of referral"), "referral": count("Referrals", parts=_parts(snapshot))}
    columns |= {name: count(snapshot.programme.label(name)) for name in snapshot.programme.resolves}
    columns |= {"open": count("Still open"), "started": percent("Started, of those resolved", "start", "resolved")}
    table["resolved"] = table["referral"] - table["open"]
    when = f"the last {len(table)} months" if len(table) > 1 else month_words(snapshot.month)
    return Table(table, f"What became of the referrals of {when}", columns)


def _parts(snapshot: Snapshot) -> list[str]:
    return [*snapshot.programme.resolves, "open"]


def time_to_start(snapshot: Snapshot) -> Table:
    """Days from referral to start."""
    frame = counts_analysis.time_to_start(snapshot).reset_index()
    frame["basis"] = frame["basis"].map(basis_name)
    return Table(
        frame,
        "Calendar days from referral to start, of those who started",
        {
            "basis": text("Basis"),
            "period": text("Period"),
            "starts": count("Starts"),
            "median": number("Median (days)", of=("starts",), places=0),
            "p90": number("Nine in ten within (days)", of=("starts",), places=0),
        },
        note="Referrals that are still open have no such time and are not in it.",
    )


def participants(snapshot: Snapshot) -> Table:
    """Who started, by characteristic; each adds up to everybody."""
    frame = counts_analysis.demographics(snapshot, snapshot.contract.shows("cohort_trends"))
    counts = ["month", "rolling_12", "cumulative"]
    everybody = frame.groupby("attribute", sort=False)[counts].sum().head(1).assign(name=EVERYBODY, attribute="")
    frame = pd.concat([_named(frame).drop(columns="share"), everybody], ignore_index=True)
    return Table(
        frame.assign(starts=frame["cumulative"].iloc[-1] if len(frame) else 0),
        "Starts by characteristic, as recorded at the start",
        {
            "name": text("Characteristic"),
            "month": count("In month"),
            "rolling_12": count("Last 12 months"),
            "cumulative": count("Since day one"),
            "share": percent("Share of all starts", "cumulative", "starts", places=0),
        },
        total=EVERYBODY,
        within="attribute",
        empty="nobody has started yet",
    )


def _named(frame: pd.DataFrame) -> pd.DataFrame:
    """Add one name for an attribute and its value."""
    return frame.assign(name=frame["attribute"].astype("str") + ": " + frame["value"].astype("str"))


def cohort_table(snapshot: Snapshot) -> Table:
    """Each cohort against what its profile leads one to expect so far."""
    frame = cohorts.against_profile(snapshot).reset_index()
    final = cohorts.is_final(snapshot).reindex(frame["cohort"]).to_numpy(dtype=bool)
    known = frame["expected"].notna() & (frame["starts"] > 0)
    frame = frame.assign(
        state=np.where(final, "final", "open"), status=frame["status"].map(AGAINST_PROFILE).where(known)
    )
    columns = {
        "cohort": month("Cohort"),
        "age": number("Age (months)", places=0),
        "starts": count("Starts"),
        "recorded": count("Recorded"),
        "lower": number("95% from", of=("recorded", "starts"), people=True),
        "upper": number("95% to", of=("recorded", "starts"), people=True),
    }
    if known.any():
        columns |= {
            "expected": number("Expected so far", of=("starts",), people=True, missing=NO_PROFILE),
            "difference": number("Difference", of=("recorded", "starts"), people=True, signed=True, missing=NO_PROFILE),
            "status": status("Status", of=("recorded", "starts"), missing="not judged"),
        }
    return Table(
        frame,
        f"{snapshot.programme.label('outcome')} of each cohort to date, {CLOCKS['recorded']}",
        columns | {"state": text("State")},
        note=f"{EXPECTED_SO_FAR} {SIGNIFICANTLY} Too early: even none would be in line. A final cohort can change no "
        "more.",
        empty="nobody has started yet",
    )


def conversion(snapshot: Snapshot) -> Table:
    """Outcomes against each tender level at equal maturity."""
    return Table(
        levels(snapshot).assign(status=lambda rows: rows["status"].map(AGAINST_PROFILE)),
        "Outcomes recorded against each tender level, every cohort at the age it has reached",
        {
            "name": text("Level"),
            "starts": count("Starts"),
            "observed": count("Recorded"),
            "expected": number("Expected so far", of=("starts",), people=True, missing=NO_PROFILE),
            "ratio": _per_hundred("Recorded for each 100 expected", 0),
            "lower": _per_hundred("95% from", 1, "wider_lower"),
            "upper": _per_hundred("95% to", 2, "wider_upper"),
            "status": status("Status", of=("observed", "starts")),
        },
        note=f"Each cohort is held to the profile at its own age, so young cohorts do not pull the ratio down. "
        f"{EXPECTED_SO_FAR} {SIGNIFICANTLY}",
        empty="the programme has no tender levels",
    )


def mix(snapshot: Snapshot) -> Table:
    """The effect of the mix of groups apart from performance within them."""
    frame = levels(snapshot)
    return Table(
        frame[frame["expected_tender"].notna()],
        "The mix of groups apart from performance within groups",
        {
            "name": text("Level"),
            "observed": count("Recorded"),
            "expected_tender": number("Expected so far of the tender's mix", of=("starts",), people=True),
            "expected": number("Expected so far of the actual mix", of=("starts",), people=True),
            "mix_effect": number("Effect of the mix", of=("starts",), people=True, signed=True),
            "within_groups": number("Within groups", of=("observed", "starts"), people=True, signed=True),
        },
        note="The effect of the mix is what is expected of the actual mix less what would be of the tender's. Within "
        "groups is what was recorded less what is expected of the actual mix.",
        empty="the contract file gives no tender mix, or no profile by group",
    )


def final_rates(snapshot: Snapshot) -> Table:
    """The conversion of cohorts that can change no more, beside the tender level."""
    frame = levels(snapshot)
    return Table(
        frame[frame["final_starts"] > 0],
        "Conversion of the final cohorts against the tender level",
        {
            "name": text("Level"),
            "final_starts": count("Starts in final cohorts"),
            "final_observed": count("Outcomes"),
            "final_rate": percent("Conversion", "final_observed", "final_starts"),
            "level": percent("Tender level", missing=NO_PROFILE),
        },
        empty="no cohort is final yet",
    )


def levels(snapshot: Snapshot) -> pd.DataFrame:
    """Return where each tender level stands, an area's under the area's name."""
    frame = cohorts.conversion(snapshot)
    area = frame["area"].astype("str")
    _, low, high = cohorts.poisson_ratio(frame["observed"], frame["expected"])
    with np.errstate(invalid="ignore", divide="ignore"):
        lower, upper = np.where(low > 0, frame["lower"] / low, 1.0), frame["upper"] / high
    named = frame["name"].where(frame["area"].isna(), frame["name"] + " (" + area + ")")
    return frame.assign(name=named, wider_lower=lower, wider_upper=upper)


def _per_hundred(header: str, which: int, wider: str | None = None) -> Column:
    """Return the ratio (0) or its lower (1) or upper (2) limit, from the counts as they are shown.

    `wider` is the column that says how much the delays widen a limit.
    """

    def make(frame: pd.DataFrame) -> pd.Series:
        value = 100 * cohorts.poisson_ratio(frame["observed"], frame["expected"])[which]
        return pd.Series(value if wider is None else value * frame[wider].to_numpy(), index=frame.index)

    return number(header, of=("observed", "starts"), places=0, make=make)


def positions(snapshot: Snapshot, cohorts_shown: int = 24) -> Table:
    """Where everybody stands, by cohort."""
    table = journey.position(snapshot)
    table = table.assign(starts=table.sum(axis=1)).tail(cohorts_shown).reset_index()
    names = journey.stages(snapshot)
    columns = {"cohort": month("Cohort"), "starts": count("Starts", parts=list(names))}
    return Table(
        table,
        f"Where the participants of each cohort stood on {day_words(snapshot.as_of)}",
        columns | {code: count(label) for code, label in names.items()},
        note="Each participant stands at the furthest stage reached. Those who have left may still reach the outcome.",
        empty="nobody has started yet",
    )
