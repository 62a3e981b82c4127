"""Where a contract's extract comes from, and how its tables are found in files or a database that name them otherwise.

A source is a folder of files, a database, or the built-in sample. Tables in the columns of the data dictionary, called
by its names, need no more than that. For any other `tables` says, table by table, where it is (one place, or a list of
several), and in which columns and codes.

Conventions
-----------
- A column that the extract itself calls by the data dictionary's name needs no line under `columns`.
- `columns` maps our name to the extract's; `codes` maps the extract's words to our codes; `values` says what a column
  holds in every row, where the extract has no such column.
- A wide table has one date column for each event: `events` names them. Everything else is a long table.
- Where nothing tells when something was recorded, `event_date` in place of the recorded column says that it was
  recorded on the day it happened.
- A text such as 03/04/2020 is 3 April, unless `dates` says otherwise, for all or by table and column:
  `dates: {events.recorded_date: month_first}`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, field_validator, model_validator

from perflib.rules.dated import Misplaced, Name, Place, Rules, check_known
from perflib.rules.programme import Programme

AS_IT_HAPPENED = "event_date"
"""In place of the column of recorded dates: there is none, and all is taken as recorded on the day it happened."""

ALL_ROWS = "all"
"""In place of a condition: a table or view holds no other contract's rows."""


def _text(value: Any) -> Any:
    """Return what YAML took for a number or a date as the text that a header or cell holds."""
    return str(value) if isinstance(value, int | float | date) else value


def _some(value: Any) -> Any:
    return [value] if isinstance(value, dict) else value


Text = Annotated[str, BeforeValidator(_text)]
"""A header or a cell of an extract, letter for letter."""

Word = Annotated[Name, BeforeValidator(_text)]
"""A cell of an extract, compared as codes are: trimmed and casefolded."""


DateForm = Literal["day_first", "month_first", "excel_serial", "excel_serial_1904"]
"""How a date that is written in figures is read: 03/04/2020 as 3 April or as March 4; 43924 as a day of Excel."""

EVERY_DATE = "default"
"""Under `dates`, in place of a table and column: all that are not named."""


class Missing(Rules):
    """Words that stand for a blank cell, besides or in place of those that are known."""

    add: tuple[Word, ...] = Field((), description="More words that stand for a blank: [unknown, not given].")
    remove: tuple[Word, ...] = Field((), description='Words that do not, though they usually do: ["-"].')

    @model_validator(mode="before")
    @classmethod
    def _a_list_adds(cls, data: Any) -> Any:
        return {"add": data} if isinstance(data, list | tuple) else data


class Tolerance(Rules):
    """How much of an extract may be lost before `check` and `run` stop."""

    share: float = Field(
        0.02, ge=0, le=1, description="Of a table's records that are set aside, or of a column's cells: 0.02 is 2 %."
    )
    least: int = Field(5, ge=1, description="Fewer rows or cells than this never stop a run.")

    @model_validator(mode="before")
    @classmethod
    def _a_share_alone(cls, data: Any) -> Any:
        return {"share": data} if isinstance(data, int | float) else data


class EventColumns(Rules):
    """The columns of a wide table that hold one event."""

    date: Text = Field(description="The column of the day on which it happened; a blank cell is no event.")
    recorded: Text = Field(
        description="The column of the day on which it was recorded; event_date where there is none: it is then taken "
        "as recorded when it happened, and reports say so."
    )
    value: Text | None = Field(None, description="The column of what it measures.")
    detail: Text | None = Field(None, description="The column of a code that says more.")
    ref: Text | None = Field(None, description="The column of the job, claim or course it belongs to.")


class Mapped(Rules):
    """How one table of the data dictionary stands in an extract."""

    columns: dict[Name, Text] = Field(default_factory=dict, description="Our name of a column: the extract's.")
    codes: dict[Name, dict[Word, Name]] = Field(
        default_factory=dict, description="For a column of ours, the extract's words: our codes."
    )
    values: dict[Name, Text] = Field(
        default_factory=dict, description="What a column of ours holds in every row, where the extract has none."
    )
    events: dict[Name, Annotated[tuple[EventColumns, ...], BeforeValidator(_some)]] = Field(
        default_factory=dict, description="Of a wide table, for each event its columns (or a list, if it repeats)."
    )

    @model_validator(mode="after")
    def _one_way_of_saying_it(self) -> Mapped:
        if twice := self.values.keys() & self.columns.keys():
            raise Misplaced("has a column under `columns`; leave one of them out", "values", min(twice))
        if self.events:
            for key, name in (("values", "event"), ("columns", "event"), ("columns", "event_date")):
                if name in getattr(self, key):
                    raise Misplaced("is what `events` says, column by column; leave one of them out", key, name)
        return self


class FileTable(Mapped):
    """A table, or a part of it, in a file."""

    file: str = Field(description="Its name in the folder, or a pattern for part files: referrals-*.csv.")
    sheet: Text | None = Field(None, description="Of a workbook with several sheets.")


class DatabaseTable(Mapped):
    """A table, or a part of it, in a database."""

    table: str | None = Field(None, description="Name of the table or view, with its schema if need be: crm.referrals.")
    query: str | None = Field(
        None, description="A SELECT that returns its rows, those of this contract alone; :contract stands for it."
    )
    where: str | None = Field(None, min_length=1, description="As the source's `where`, for this table alone.")

    @model_validator(mode="after")
    def _one_of_the_two(self) -> DatabaseTable:
        if (self.table is None) == (self.query is None):
            raise ValueError("give `table` or `query`")
        if self.query is not None and self.where is not None:
            raise Misplaced("a query chooses its rows itself; put the condition into it", "where")
        return self


class _Given(Rules):
    """What every extract may state."""

    known_to: date | None = Field(
        None,
        description="The day to which everything recorded is in the extract; by default the last recorded date.",
    )
    dates: dict[str, DateForm] = Field(
        default_factory=dict,
        description="How dates in figures are read: day_first (03/04/2020 is 3 April), month_first, excel_serial "
        "(43924 is 3 April 2020) or excel_serial_1904. One word for all, or by table or column of the data dictionary: "
        "{events.recorded_date: month_first}; `default` stands for the rest.",
    )
    missing: Missing = Field(
        Missing(),
        description="Words that stand for a blank cell, added to those known ([unknown]) or taken away "
        '({remove: ["-"]}).',
    )

    @field_validator("dates", mode="before")
    @classmethod
    def _one_form_for_all(cls, value: Any) -> Any:
        return {EVERY_DATE: value} if isinstance(value, str) else value


class FolderSource(_Given):
    """Tables as files in a folder."""

    folder: str = Field(description="Relative to the parameter file.")
    encoding: str = Field("utf-8", description="Of CSV files, e.g. cp1252 or utf-16.")
    delimiter: Literal[",", ";", "|", "tab"] | None = Field(
        None, description="Between the cells of CSV files; by default whichever the header has most of."
    )
    tables: dict[Name, Annotated[tuple[FileTable, ...], BeforeValidator(_some)]] = Field(
        default_factory=dict,
        description="Tables that are not in a file (or sheet) of their own name, in the data dictionary's columns.",
    )

    @model_validator(mode="before")
    @classmethod
    def _a_path_alone_is_the_folder(cls, data: Any) -> Any:
        return {"folder": data} if isinstance(data, str) else data


class DatabaseSource(_Given):
    """Tables in a database."""

    url: str = Field(
        description="A SQLAlchemy URL, such as postgresql+psycopg://${CRM_USER}:${CRM_PASSWORD}@db.example/crm, in "
        "which ${NAME} is an environment variable. A password is never written here; without one the driver's own "
        "means apply, for PostgreSQL PGPASSWORD or .pgpass."
    )
    where: str | None = Field(
        None,
        min_length=1,
        description="Which rows of a table are this contract's: an SQL condition in which :contract stands for it, "
        "such as contract_id = :contract; `all` where a table or view holds no other contract's.",
    )
    contract: int | str | None = Field(
        None, description="What the database calls the contract: the value of :contract; by default its id here."
    )
    timeout: int = Field(600, ge=1, description="Seconds after which PostgreSQL gives up a statement.")
    tables: dict[Name, Annotated[tuple[DatabaseTable, ...], BeforeValidator(_some)]] = Field(
        default_factory=dict,
        description="Tables that are not in a database table of their own name, in the data dictionary's columns.",
    )

    @model_validator(mode="before")
    @classmethod
    def _a_url_alone(cls, data: Any) -> Any:
        return {"url": data} if isinstance(data, str) else data

    @model_validator(mode="after")
    def _says_whose_rows(self) -> DatabaseSource:
        parts = [(name, number, part) for name, found in self.tables.items() for number, part in enumerate(found)]
        whose = "say which rows are this contract's, such as contract_id = :contract; `all` if the table has no others"
        for name, number, part in parts:
            if self.where is None and part.table is not None and part.where is None:
                raise Misplaced(f"no `where`: {whose}", "tables", name, number)
        if self.where is None and not parts:
            raise Misplaced(f"no `where`: {whose}")
        return self


class SampleSource(Rules):
    """The built-in synthetic contract, made in memory from the parameters given here."""

    sample: dict[str, Any] = Field(description="`process`, `seed`, `last_day` and whatever else that process takes.")


def _kind_of_source(value: Any) -> str:
    if isinstance(value, str) and "://" in value:
        return "DatabaseSource"
    if isinstance(value, dict):
        return next((kind for key, kind in _KINDS.items() if key in value), "FolderSource")
    return type(value).__name__ if isinstance(value, Rules) else "FolderSource"


_KINDS = {"sample": "SampleSource", "url": "DatabaseSource"}

Source = Annotated[
    Annotated[FolderSource, Tag("FolderSource")]
    | Annotated[DatabaseSource, Tag("DatabaseSource")]
    | Annotated[SampleSource, Tag("SampleSource")],
    Discriminator(_kind_of_source),
]


def mapped_parts(source: Source) -> Iterator[tuple[str, int, Mapped]]:
    """Yield each table's name, the number of the part, and how it is mapped; nothing where all is as we call it."""
    for table, parts in getattr(source, "tables", {}).items():
        for number, part in enumerate(parts):
            yield table, number, part


def check_mapping(source: Source, programme: Programme) -> None:
    """Refuse events and codes in a mapping that the programme does not have.

    Raises
    ------
    Misplaced
        With the place under `source` and what the programme has.
    """
    events: dict[Place, str] = {}
    for table, number, part in mapped_parts(source):
        here: Place = ("source", "tables", table, number)
        if part.events and table != "events":
            raise Misplaced("one date column an event makes the table `events`; move it there", *here, "events")
        events |= {(*here, "events", name): name for name in part.events}
        for column, codes in part.codes.items():
            named: Mapping[Place, str] = {(*here, "codes", column, word): code for word, code in codes.items()}
            if (table, column) == ("events", "event"):
                events |= named
            elif table == "participants" and column in programme.attributes and programme.attributes[column].codes:
                check_known(named, programme.attributes[column].codes, f"code of {column}")
    check_known(events, programme.events, f"event of {programme.programme}")


def recorded_as_it_happened(source: Source) -> tuple[str, ...]:
    """List the events (or their place, of a long table) that the extract gives without a recorded date."""
    found: list[str] = []
    for table, _, part in mapped_parts(source):
        if table != "events":
            continue
        found += [
            name for name, places in part.events.items() if any(place.recorded == AS_IT_HAPPENED for place in places)
        ]
        if part.columns.get("recorded_date") == AS_IT_HAPPENED and not part.events:
            found += dict.fromkeys(part.codes.get("event", {}).values()) or ["every event"]
    return tuple(dict.fromkeys(found))
