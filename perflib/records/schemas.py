"""The tables of an extract: their columns, and what makes a cell or a row unusable.

The columns stand once, in `TABLES`; the pandera schemas and the data dictionary are made from them. Codes are trimmed
and casefolded and aliases applied before anything is checked; identifiers are trimmed only.

A column is read and checked by its distinct values, however many rows there are of each. Identifiers of referrals, and
the text of events, which are many, are kept as categories in alphabetical order.

What cannot be used is returned as a table of faults, one row a cell: its row number in the file (the header is row 1),
its column, the value as the file has it, the reason and the effect. Identifiers are never repeated there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
import pandera.pandas as pa
from numpy.typing import NDArray

from perflib.errors import DataError
from perflib.records.cells import CUT, NOT_A_DATE, RANGE, Reading, cut_short, read_dates
from perflib.records.cells import FIRST_DATE as FIRST_DATE
from perflib.records.cells import LAST_DATE as LAST_DATE
from perflib.records.cells import parse_codes as parse_codes
from perflib.records.cells import parse_dates as parse_dates
from perflib.records.current_rows import MISSING, categorical, codes, day_numbers, of_codes
from perflib.rules.data_source import DateForm
from perflib.rules.programme import Attribute, Programme

Kind = Literal["id", "code", "text", "prose", "date", "integer", "number"]

SET_ASIDE = ["table", "row", "column", "value", "reason", "effect"]
ROW_NOT_USED, NOT_RECORDED = "row not used", "cell counted as not recorded"
TOO_EARLY, NOT_A_CODE = "dated after it was recorded", "not a code of the programme"
LISTED = {
    ("events", "action"): ("record", "withdraw"),
    ("consent", "given"): ("y", "n", "yes", "no"),
    ("exemptions", "decision"): ("requested", "approved", "refused"),
}
"""The codes of columns whose list is the same in every programme."""

NOT_LISTED = {
    ("events", "event"): "not an event of the programme",
    ("events", "action"): "neither record nor withdraw",
    ("attributes", "attribute"): "not an attribute of the programme",
    ("consent", "given"): "neither y nor n",
    ("exemptions", "decision"): "neither requested, approved nor refused",
}
UNREAD = {"date": NOT_A_DATE, "integer": "not a number", "number": "not a number"}


@dataclass(frozen=True)
class Column:
    """One column of a table: what it holds, whether it must be there, how it is read."""

    kind: Kind
    description: str
    required: bool = False
    filled: bool = False  # a blank cell makes the row unusable


def _date(description: str, *, required: bool = False) -> Column:
    return Column("date", description, required, required)


_REFERRAL = Column("id", "Identifies one journey.", required=True, filled=True)
_OF_REFERRAL = Column("id", "The journey it is about; blank where it is about none.")
_UNIT_TYPE = Column(
    "code", "What kind of unit it is about: subcontractor, centre, caseworker ...; blank: the contract."
)
_UNIT = Column("id", "The unit it is about; blank: that of the referral or, without one, the contract.")
_RECORDED = _date("Day on which the row was recorded.", required=True)

TABLES: dict[str, dict[str, Column]] = {
    "participants": {
        "referral_id": _REFERRAL,
        "participant_id": Column("id", "Identifies a person, who may have several referrals.", required=True),
    },
    "events": {
        "referral_id": _REFERRAL,
        "event": Column("code", "What happened: an event of the programme.", required=True, filled=True),
        "event_date": _date("Day on which it happened.", required=True),
        "recorded_date": _RECORDED,
        "value": Column("text", "What the event measures, where it does."),
        "detail": Column("code", "A code that says more: a reason for leaving."),
        "ref": Column("id", "The job, claim or course it belongs to."),
        "source": Column("code", "Where it comes from: hmrc, prap, claim, crm."),
        "event_id": Column("id", "Identifies the event, so that a later row corrects it."),
        "action": Column("code", "record (default) or withdraw."),
    },
    "attributes": {
        "referral_id": _REFERRAL,
        "attribute": Column("code", "Which attribute of the participant.", required=True, filled=True),
        "value": Column("text", "Its value.", required=True),
        "from_date": _date("First day it applies to.", required=True),
        "recorded_date": _RECORDED,
    },
    "units": {
        "unit_id": Column("id", "Identifies a unit.", required=True, filled=True),
        "unit_type": Column("code", "subcontractor, centre, caseworker ...", required=True, filled=True),
        "role": Column("code", "end_to_end, specialist or own."),
        "parent": Column("id", "The unit it belongs to."),
        "from_date": _date("First day.", required=True),
        "to_date": _date("Last day."),
    },
    "courses": {
        "course_id": Column("id", "Identifies a course.", required=True, filled=True),
        "centre": Column("id", "Where it is held."),
        "planned_date": _date("Day one as planned."),
        "day1_date": _date("Day one as held."),
        "cancelled_date": _date("Day on which it was cancelled."),
        "notified_date": _date("Day on which the department was told."),
        "recorded_date": _RECORDED,
    },
    "assessments": {
        "referral_id": _REFERRAL,
        "wave": Column("code", "outset, completion, follow_up.", required=True, filled=True),
        "instrument": Column("code", "The questionnaire.", required=True, filled=True),
        "item": Column("code", "The question, where answers are kept singly."),
        "value": Column("text", "The score.", required=True),
        "trigger_date": _date("Day from which the time allowed counts."),
        "collected_date": Column("date", "Day on which it was collected; blank while it is awaited.", required=True),
        "recorded_date": _RECORDED,
    },
    "evidence": {
        "referral_id": _REFERRAL,
        "ref": Column("id", "The claim, or the outcome, that it is evidence of.", required=True, filled=True),
        "item": Column("code", "What it is: a payslip, a declaration ...", required=True, filled=True),
        "checked_by": Column("id", "Who checked it; blank while nobody has."),
        "checked_date": _date("Day on which it was checked; blank while it is not."),
        "submitted_by": Column("id", "Who submitted the claim; blank while nobody has."),
        "place": Column("prose", "Where it is kept."),
        "recorded_date": _RECORDED,
    },
    "exemptions": {
        "referral_id": _REFERRAL,
        "standard": Column("code", "The standard it is asked of.", required=True, filled=True),
        "requested_date": _date("Day on which it was asked for."),
        "decision": Column("code", "requested, approved or refused.", required=True, filled=True),
        "recorded_date": _RECORDED,
    },
    "plan_requests": {
        "referral_id": _REFERRAL,
        "requested_date": _date("Day on which the department asked for the Action Plan.", required=True),
        "sent_date": _date("Day on which it was sent; blank while it is awaited."),
        "recorded_date": _RECORDED,
    },
    "notices": {
        "notice_id": Column("id", "Identifies an issue that the department is to be told of.", True, True),
        "kind": Column(
            "code", "red_flag, urgent, or issue (default): one that can be resolved without the department."
        ),
        "plan_id": Column("id", "The plan it belongs to."),
        "identified_date": _date("Day on which it was found.", required=True),
        "notified_date": _date("Day on which the department was told; blank until then."),
        "summary": Column("prose", "What happened."),
        "support": Column("prose", "What is asked of the department."),
        "remedy": Column("prose", "What was done, or is being done."),
        "prevention": Column("prose", "What keeps it from happening again."),
        "recorded_date": _RECORDED,
    },
    "samples": {
        "sample_id": Column("id", "Identifies a sample of records to be checked.", True, True),
        "sent_date": _date("Day on which the department sent it.", required=True),
        "returned_date": _date("Day on which the provider's own checks went back; blank until then."),
        "check_date": _date("Day of the department's check; blank until then."),
        "recorded_date": _RECORDED,
    },
    "assurance": {
        "review_id": Column("id", "Identifies a review by the department's assurance team.", True, True),
        "start_date": _date("Day on which it began.", required=True),
        "end_date": _date("Day on which it ended; blank until then."),
        "rating": Column("code", "weak, limited, reasonable or strong; blank until it is given."),
        "reasons": Column("code", "Why: codes, separated by semicolons."),
        "plan_due_date": _date("Day by which the action plan was to be submitted."),
        "plan_submitted_date": _date("Day on which it was; blank until then."),
        "implementation_due_date": _date("Day by which it was to be implemented."),
        "plan_implemented_date": _date("Day on which it was; blank until then."),
        "recorded_date": _RECORDED,
    },
    "plans": {
        "plan_id": Column("id", "Identifies a plan, notice or measure taken about performance.", True, True),
        "kind": Column("code", "What it is: an instrument of the programme or of the regime.", True, True),
        "step": Column("integer", "Where its kind has steps: which one."),
        "unit_type": _UNIT_TYPE,
        "unit_id": _UNIT,
        "kpi": Column("code", "The KPI, standard or measure it is to mend."),
        "theme": Column("code", "What lay behind it."),
        "expected": Column("prose", "The improvement that is expected, and the figures that will show it."),
        "owner": Column("code", "The role that answers for it."),
        "opened_date": _date("First day.", required=True),
        "due_date": _date("Day by which it is to have worked."),
        "closed_date": _date("Day on which it was closed; blank until then."),
        "shared_date": _date("Day on which the department was given it."),
        "recorded_date": _RECORDED,
    },
    "actions": {
        "action_id": Column("id", "Identifies an action of a plan.", True, True),
        "plan_id": Column("id", "Its plan.", True, True),
        "action": Column("prose", "What is to be done."),
        "measure": Column("prose", "How it will be seen that it worked."),
        "owner": Column("code", "The role that answers for it."),
        "due_date": _date("Day by which it is to be done."),
        "done_date": _date("Day on which it was done; blank until then."),
        "recorded_date": _RECORDED,
    },
    "reviews": {
        "plan_id": Column("id", "The plan that is reviewed.", True, True),
        "due_date": _date("Day on which the review was due.", required=True),
        "held_date": _date("Day on which it was held; blank until then."),
        "result": Column("code", "What it found: improved, unchanged, worse."),
        "recorded_date": _RECORDED,
    },
    "targets": {
        "unit_type": Column("code", "What kind of unit it is set for; contract for the whole.", True, True),
        "unit_id": Column("id", "The unit; blank for the whole contract."),
        "kpi": Column("code", "The KPI of the regime.", True, True),
        "target": Column("number", "The value, on the KPI's own scale.", True, True),
        "from_date": _date("First day it applies to.", required=True),
        "reason": Column("code", "Why it was set or changed."),
        "recorded_date": _RECORDED,
    },
    "checks": {
        "check_id": Column("id", "Identifies one check of one item.", True, True),
        "kind": Column("code", "What was checked: compliance, evidence, submission, visit ...", True, True),
        "checked_by": Column(
            "code", "Who checked: provider, compliance (the department's), performance (its managers)."
        ),
        "sample_id": Column("id", "The sample it belongs to."),
        "referral_id": _OF_REFERRAL,
        "unit_type": _UNIT_TYPE,
        "unit_id": _UNIT,
        "check_date": _date("Day of the check.", required=True),
        "result": Column("code", "pass, fail, pending, or a code of its own; blank until it is known.", True),
        "recorded_date": _RECORDED,
    },
    "feedback": {
        "feedback_id": Column("id", "Identifies an answer or a complaint.", True, True),
        "kind": Column("code", "survey, complaint, compliment ...", True, True),
        "referral_id": _OF_REFERRAL,
        "unit_type": _UNIT_TYPE,
        "unit_id": _UNIT,
        "asked_date": _date("Day on which it was asked for."),
        "received_date": Column("date", "Day on which it came; blank where there was no answer.", required=True),
        "score": Column("integer", "The score of an answer."),
        "result": Column("code", "Of a complaint: upheld, not_upheld; blank until it is decided."),
        "recorded_date": _RECORDED,
    },
    "activities": {
        "activity_id": Column("id", "Identifies an activity.", True, True),
        "kind": Column("code", "eligibility_check, placement, employer_meeting, session ...", True, True),
        "referral_id": _OF_REFERRAL,
        "unit_type": _UNIT_TYPE,
        "unit_id": _UNIT,
        "date": _date("Day on which it took place.", required=True),
        "number": Column("integer", "How many: people, places, minutes; blank counts as one."),
        "recorded_date": _RECORDED,
    },
    "mi_pack": {
        "figure": Column("code", "What is counted: an event or outcome of the programme.", True, True),
        "month": _date("Any day of the month that it is of.", required=True),
        "basis": Column("code", "month (default), rolling_3, rolling_12, cumulative, or cohort."),
        "group": Column("code", "The customer group; blank: all."),
        "area": Column("id", "The devolved area; blank: all."),
        "value": Column("text", "The department's figure.", True, True),
        "recorded_date": _RECORDED,
    },
    "issued_reports": {
        "report": Column("code", "Which report: one of the regime's or the programme's calendar.", True, True),
        "period_end": _date("Last day of the period it is about.", required=True),
        "issued_date": _date("Day on which it was issued; blank until then."),
        "reviewed_date": _date("Day on which it was reviewed; blank until then."),
        "reviewed_by": Column("code", "The role that reviewed it."),
        "recorded_date": _RECORDED,
    },
    "notes": {
        "section": Column("code", "The heading of the contract review that it goes under.", True, True),
        "month": _date("Any day of the month that it is of.", required=True),
        "text": Column("prose", "What the report is to say. Reports repeat it: name nobody.", True, True),
        "recorded_date": _RECORDED,
    },
    "labour_market": {
        "series": Column("code", "What is measured, and where: claimant_count, vacancies ...", True, True),
        "month": _date("Any day of the month that it is of.", required=True),
        "value": Column("text", "Its value.", True, True),
        "source": Column("prose", "Who publishes it, and the release."),
        "recorded_date": _RECORDED,
    },
    "consent": {
        "referral_id": _REFERRAL,
        "purpose": Column("code", "What is consented to.", required=True, filled=True),
        "given": Column("code", "y or n.", required=True, filled=True),
        "from_date": _date("First day it applies to.", required=True),
    },
}
"""Table, column, meaning: the data dictionary. A participants table may hold any attribute of the programme besides."""

REQUIRED_TABLES = ("participants", "events")

KEYS: dict[str, tuple[str, ...]] = {
    "evidence": ("referral_id", "ref", "item"),
    "notices": ("notice_id",),
    "samples": ("sample_id",),
    "assurance": ("review_id",),
    "plans": ("plan_id",),
    "actions": ("action_id",),
    "reviews": ("plan_id", "due_date"),
    "targets": ("unit_type", "unit_id", "kpi", "from_date"),
    "checks": ("check_id",),
    "feedback": ("feedback_id",),
    "activities": ("activity_id",),
    "mi_pack": ("figure", "month", "basis", "group", "area"),
    "issued_reports": ("report", "period_end"),
    "notes": ("section", "month", "text"),
    "labour_market": ("series", "month"),
}
"""What tells the items of a table apart: of rows alike in it the latest recorded holds (`Snapshot.current`)."""


def parse(
    table: str, raw: pd.DataFrame, file: str, programme: Programme, reading: Reading | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the cells of one table and find those that cannot be used.

    Parameters
    ----------
    table : str
        A name of `TABLES`.
    raw : DataFrame
        The cells as the file has them; index the row numbers in the file.
    file : str
        What messages call it.
    programme : Programme
        Its events, attributes and their codes.
    reading : Reading, optional
        What the contract says of its cells.

    Returns
    -------
    frame : DataFrame
        The columns that are known, read; index `row`. Rows that cannot be used are still in it.
    faults : DataFrame
        Columns of `SET_ASIDE`: one row for each unusable cell.

    Raises
    ------
    DataError
        A required column is missing.
    """
    columns, reading = _columns(table, programme), reading or Reading()
    raw = raw.set_axis([str(name).strip().casefold() for name in raw.columns], axis="columns")
    _check_header(raw, file, columns)
    read, faults = {}, []
    for name, column in columns.items():
        if name in raw:
            read[name], found = _read_column(table, name, raw[name], programme, reading)
            faults.append(found)
        else:
            read[name] = _absent(column, raw.index, categories=_coded(table, name, column))
    frame = pd.DataFrame(read, copy=False).rename_axis("row")
    if table == "attributes":
        frame["value"], found = _attribute_values(frame, raw["value"], programme, reading)
        faults.append(found)
    elif table == "events":
        faults.append(_too_early(frame, raw["event_date"]))
    return frame, pd.concat(faults, ignore_index=True).sort_values(["row", "column"], kind="stable", ignore_index=True)


def _check_header(raw: pd.DataFrame, file: str, columns: dict[str, Column]) -> None:
    """Refuse a table without its columns. What stands in place of a header is not repeated: it may be a person's."""
    if not any(name in raw for name, column in columns.items() if column.required):
        required = ", ".join(name for name, column in columns.items() if column.required)
        raise DataError(f"{file}: the first row must name the columns, separated by commas. Required are {required}.")
    missing = [name for name, column in columns.items() if column.required and name not in raw]
    if missing:
        raise DataError(
            f"{file}: column {missing[0]!r} is missing (it has: {', '.join(raw.columns)}). "
            f"Add it, or correct its name in the header."
        )
    twice = raw.columns[raw.columns.duplicated()].intersection(list(columns))
    if len(twice):
        raise DataError(f"{file}: column {twice[0]!r} stands twice. Keep one of them.")


def _columns(table: str, programme: Programme) -> dict[str, Column]:
    """Return the columns of a table; those of participants include the programme's attributes."""
    if table != "participants":
        return TABLES[table]
    kinds: dict[str, Column] = {
        name: Column("integer" if attribute.numeric else "code" if attribute.codes else "id", attribute.label)
        for name, attribute in programme.attributes.items()
    }
    return TABLES[table] | kinds


def _read_column(
    table: str, name: str, cells: pd.Series, programme: Programme, reading: Reading
) -> tuple[pd.Series, pd.DataFrame]:
    """Read one column by its distinct values, and find the cells of it that cannot be used."""
    column = _columns(table, programme)[name]
    place, distinct = _distinct(cells)
    aliases = _aliases(table, name, programme)
    blank = reading.blank(distinct, name, {*aliases, *_closed_list(table, name, programme)})
    filled, words = len(distinct), distinct.mask(blank) if blank.any() else distinct
    read, unread = _read(words, column, aliases, reading, reading.form(table, name))
    if (place < 0).any():  # a missing cell, of place -1, reads as the last
        distinct, read = (values.reindex(range(len(distinct) + 1)) for values in (distinct, read))
        blank = np.append(blank, True)
    reasons = _reasons(schema(table, programme, [name]), read)
    if column.kind in UNREAD:  # a cell that could not be read is missing now, but was not blank
        reasons |= dict.fromkeys(np.flatnonzero(read.isna() & ~blank).tolist(), UNREAD[column.kind])
    reasons |= unread
    bad = np.zeros(len(read), dtype=bool)
    bad[list(reasons)] = True
    rows = np.flatnonzero(bad[place]) if reasons else np.array([], dtype=int)
    kinds_of = [int(kind) % len(read) for kind in place[rows]]
    shown = {kind: _shown(column, distinct.iloc[kind]) for kind in reasons}
    faults = pd.DataFrame(
        {
            "table": table,
            "row": cells.index[rows],
            "column": name,
            "value": [shown[kind] for kind in kinds_of],
            "reason": [reasons[kind] for kind in kinds_of],
            "effect": ROW_NOT_USED if column.filled or name == "action" else NOT_RECORDED,
        },
        columns=SET_ASIDE,
    )
    if table == "participants" and name in programme.attributes:
        stands_for = programme.attributes[name].blank
        read = (read if stands_for is None else read.fillna(stands_for)).mask(bad)
    elif column.kind == "date":
        read = read.mask(bad)
    elif (table, name) == ("events", "action"):
        read = read.fillna("record")
    if _coded(table, name, column):
        if (
            isinstance(cells.dtype, pd.CategoricalDtype)
            and read.equals(distinct)
            and cells.cat.categories.is_monotonic_increasing
        ):
            return cells, faults  # as they stand
        kinds = categorical(read)
        if not np.array_equal(codes(kinds), np.append(np.arange(filled), -1)[: len(read)]):
            place = codes(kinds)[place]
        return of_codes(place, kinds.cat.categories, cells), faults
    return pd.Series(read.array.take(place), index=cells.index), faults


def _coded(table: str, name: str, column: Column) -> bool:
    """Return whether a column is kept as categories: many rows of few texts and dates."""
    return table == "events" or name == "referral_id" or (table == "participants" and column.kind not in UNREAD)


def _distinct(cells: pd.Series) -> tuple[NDArray[np.integer], pd.Series]:
    """Return the place of each cell among the distinct values, -1 where it is missing, and those values."""
    if isinstance(cells.dtype, pd.CategoricalDtype):
        return cells.array.codes, pd.Series(cells.cat.categories)
    place, values = pd.factorize(cells)
    return place, pd.Series(values)


def _reasons(rules: pa.DataFrameSchema, read: pd.Series) -> dict[int, str]:
    """Return why values cannot be used, by their places."""
    ((name, rule),) = rules.columns.items()
    if not rule.checks:  # of a million identifiers it is only asked whether they are there
        return {} if rule.nullable else dict.fromkeys(np.flatnonzero(read.isna()).tolist(), "blank")
    try:
        rules.validate(read.rename(name).to_frame(), lazy=True)
    except pa.errors.SchemaErrors as errors:
        cases = errors.failure_cases
        return dict(zip(cases["index"].astype(int), cases["check"].replace("not_nullable", "blank"), strict=True))
    return {}


def _too_early(events: pd.DataFrame, cells: pd.Series) -> pd.DataFrame:
    """Find the events that are dated after they were recorded."""
    happened, recorded = day_numbers(events["event_date"]), day_numbers(events["recorded_date"])
    rows = np.flatnonzero((happened > recorded) & (recorded > MISSING))
    fixed = {"table": "events", "row": events.index[rows], "column": "event_date"}
    shown = [_shown(TABLES["events"]["event_date"], cell) for cell in cells.iloc[rows]]
    return pd.DataFrame(fixed | {"value": shown, "reason": TOO_EARLY, "effect": ROW_NOT_USED}, columns=SET_ASIDE)


def _absent(column: Column, index: pd.Index, *, categories: bool) -> pd.Series:
    """Return a column that the file does not have: nothing of it is recorded."""
    if column.kind == "date":
        return pd.Series(pd.NaT, index=index, dtype="datetime64[s]")
    if column.kind in ("integer", "number"):
        return pd.Series(np.nan, index=index, dtype="float64")
    if not categories:
        return pd.Series(np.nan, index=index, dtype="str")
    nothing = pd.Categorical.from_codes(np.full(len(index), -1, dtype=np.int8), pd.Index([], dtype="str"))
    return pd.Series(nothing, index=index)


def _read(
    values: pd.Series, column: Column, aliases: dict[str, str], reading: Reading, form: DateForm
) -> tuple[pd.Series, dict[int, str]]:
    """Read distinct values, and say by their positions why some cannot be read."""
    match column.kind:
        case "date":
            return read_dates(values, form, reading.zone)
        case "integer" | "number":
            return pd.to_numeric(values, errors="coerce").astype("float64"), {}
        case "code":
            return parse_codes(values, aliases), {}
        case "id":
            cut, read = cut_short(values), parse_codes(values, fold=False)
            if len(cut):
                read.iloc[cut] = np.nan
            return read, dict.fromkeys(cut.tolist(), CUT)
        case _:
            return parse_codes(values, fold=False), {}


def _aliases(table: str, name: str, programme: Programme) -> dict[str, str]:
    if (table, name) == ("events", "event"):
        return {alias: code for code, event in programme.events.items() for alias in event.aliases}
    if table == "participants" and name in programme.attributes:
        return attribute_aliases(programme.attributes[name])
    return {}


def _attribute_values(
    frame: pd.DataFrame, cells: pd.Series, programme: Programme, reading: Reading
) -> tuple[pd.Series, pd.DataFrame]:
    """Read the values of the attributes table, each by the rules of its own attribute."""
    values, faults = frame["value"].copy(), [pd.DataFrame(columns=SET_ASIDE)]
    for name in programme.attributes:
        mine = (frame["attribute"] == name).to_numpy()
        if mine.any():
            read, found = _read_column("participants", name, cells[mine], programme, reading)
            values[mine] = read.astype("str")
            faults.append(found.assign(table="attributes", column="value"))
    return values, pd.concat(faults, ignore_index=True)


def attribute_aliases(attribute: Attribute) -> dict[str, str]:
    """Return alias to code for an attribute's closed list."""
    return {alias: code for code, entry in attribute.codes.items() for alias in entry.aliases}


def schema(table: str, programme: Programme, names: Iterable[str] | None = None) -> pa.DataFrameSchema:
    """Return the pandera schema of one table of one programme, as the table stands after its cells were read.

    `names` are the columns that the file has; by default all that it may have. A check's error is the reason that
    reports give.
    """
    columns = _columns(table, programme)
    checked = {name: columns[name] for name in (columns if names is None else names)}
    return pa.DataFrameSchema(
        {
            name: pa.Column(
                checks=_checks(table, name, column, programme),
                nullable=_may_be_blank(table, name, column, programme),
            )
            for name, column in checked.items()
        }
    )


def _may_be_blank(table: str, name: str, column: Column, programme: Programme) -> bool:
    if table == "participants" and name in programme.attributes:
        return programme.attributes[name].blank is not None
    return not column.filled and name != "participant_id"  # a referral of nobody known stays, and is counted


def _checks(table: str, name: str, column: Column, programme: Programme) -> list[pa.Check]:
    """Return what a filled cell must satisfy."""
    if column.kind == "date":
        return [pa.Check.in_range(FIRST_DATE, LAST_DATE, error=RANGE)]
    if table == "participants" and name in programme.attributes:
        attribute = programme.attributes[name]
        if attribute.minimum is not None:
            words = f"not a whole number from {attribute.minimum} to {attribute.maximum}"
            return [pa.Check(lambda numbers: whole_within(numbers, attribute), error=words)]
        return [pa.Check.isin(list(attribute.codes), error=NOT_A_CODE)] if attribute.codes else []
    values = _closed_list(table, name, programme)
    return [pa.Check.isin(list(values), error=NOT_LISTED[table, name])] if values else []


def _closed_list(table: str, name: str, programme: Programme) -> Iterable[str]:
    """Return the codes of a column that may hold no other; nothing where there is no such list."""
    if table == "participants" and name in programme.attributes:
        return programme.attributes[name].codes
    known: dict[tuple[str, str], Iterable[str]] = {
        ("events", "event"): programme.events,
        ("attributes", "attribute"): programme.attributes,
    }
    return (known | LISTED).get((table, name), ())


def open_columns(table: str, programme: Programme) -> list[str]:
    """Return the columns of free text that reports may show: not what is a number, a date, or has a list of codes.

    What identifies a row is not shown, but for the name of a unit. Of the attributes table `value` is open where its
    attribute is.
    """
    if table == "attributes":
        return ["value"]
    return [
        name
        for name, column in _columns(table, programme).items()
        if column.kind in ("id", "code", "prose")
        and (name == "unit_id" or not (name.endswith("_id") or name == "ref"))
        and not _checks(table, name, column, programme)
    ]


def is_filled(table: str, name: str) -> bool:
    """Return whether a row without this cell cannot be used."""
    return name in TABLES[table] and TABLES[table][name].filled


def whole_within(numbers: pd.Series, attribute: Attribute) -> pd.Series:
    """Return which numbers are whole and within an attribute's bounds."""
    low = -np.inf if attribute.minimum is None else attribute.minimum
    high = np.inf if attribute.maximum is None else attribute.maximum
    return numbers.between(low, high) & (numbers == numbers.round())


def _shown(column: Column, value: object) -> str:
    """Return a cell's text as set_aside may show it: identifiers never."""
    if column.kind == "id" or pd.isna(value):  # type: ignore[call-overload]
        return ""
    return str(value).removesuffix(" 00:00:00") if isinstance(value, pd.Timestamp) else str(value)
