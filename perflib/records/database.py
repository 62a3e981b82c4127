"""Read an extract from a database.

Conventions
-----------
- **Secrets** stand in the environment. The user, the password or any other part of the URL may be `${NAME}`, an
  environment variable: `postgresql+psycopg://${CRM_USER}:${CRM_PASSWORD}@db.example/crm`. Its value is taken letter for
  letter, so that nothing in it needs an escape. A password written into the URL is refused; without one the driver's
  own means apply, for PostgreSQL PGPASSWORD or .pgpass. No message repeats the user or the password.
- **The contract's rows** are those of a table for which `where` holds, or those that `query` returns. `:contract` is
  bound in either, never pasted. Of a table, only the columns that the mapping names or that have a name of the data
  dictionary are asked for.
- **One moment.** All tables are read in one transaction. PostgreSQL and SQLite write nothing in it, and show the
  database as it was when it began. If the connection cannot be made or is cut, it is tried again after each of
  `PAUSES`, and everything is read again from the beginning. What another try cannot mend is not tried again: a
  password, a name, a query that takes too long.
- **Pieces.** Rows are fetched `PIECE` at a time. PostgreSQL gives up a statement, or the fetch of one piece, after
  `timeout` seconds; other servers keep their own limit.
- **Cells** become the text that a CSV file would have, as `cells` writes it. A timestamp with a time zone keeps it:
  the day in the contract's nation counts.
- **Rows** are numbered as they come, from 1. A database may give them in another order next time: only the numbers in
  messages follow it.

SQLAlchemy is imported when a database is read, not before.
"""

from __future__ import annotations

import logging
import os
import re
import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pandas as pd
import pyarrow as pa

from perflib.errors import DataError, ParameterError, install
from perflib.records.cells import text_of
from perflib.records.mapping import Cells, RawTable, map_tables, named, same, wanted
from perflib.records.schemas import REQUIRED_TABLES, TABLES
from perflib.rules import yaml_errors
from perflib.rules.contract import Contract
from perflib.rules.data_source import ALL_ROWS, DatabaseSource, DatabaseTable
from perflib.rules.dated import Place, hint

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine, Select, TextClause
    from sqlalchemy.exc import SQLAlchemyError

log = logging.getLogger(__name__)

PIECE = 20_000
"""Rows that are fetched at a time."""

PAUSES = (1.0, 5.0)
"""Seconds before the second and the third try."""

ALIVE = {"connect_timeout": 15, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
"""How PostgreSQL's client library notices, within a minute, that nobody answers any more. The URL may say otherwise."""

REMEDIES = {
    "25006": "Give a SELECT: a report only reads.",
    "28": "Correct the user and the password in the environment.",
    "42501": "Ask for the right to read it.",
    "42": "Correct the name or the SQL.",
    "57014": "Let the database find the rows by an index, or raise `source.timeout`.",
}
"""What to do, by how an SQLSTATE begins; the first that fits."""

PASSING = ("08", "57P", "40001")
"""How the SQLSTATEs begin of faults that pass: the connection failed, the server stopped, a standby moved on."""

REFUSED = re.compile("password|authentication|access denied|login failed", re.IGNORECASE)
"""Words of a server that does not let a user in: not to be tried again, since some lock the user out."""

UNDECODED = "Could not decode"
"""How SQLite begins to say that a text is in another encoding; it goes on with the text."""

SECRETIVE = re.compile(r"pass(?!file)|pwd|secret|token|odbc_connect", re.IGNORECASE)
"""Names of parameters of a URL that hold secrets."""

VARIABLE = re.compile(r"\$\{(\w+)\}")


class _Lost(DataError):
    """The database could not be reached, or not to the end: another try may mend it."""


@dataclass(frozen=True)
class Asked:
    """One table or query that is to be read.

    Attributes
    ----------
    name : str
        The table of the data dictionary it is for.
    place : tuple of str and int
        Where it stands in the contract file.
    part : DatabaseTable
    """

    name: str
    place: Place
    part: DatabaseTable

    @property
    def called(self) -> str:
        """What messages and reports call it."""
        return self.part.table or f"the query for {self.name}"

    def columns(self, known: Iterable[str]) -> dict[str, str]:
        """Return the columns to be read, as they are compared, and the column of ours that each becomes."""
        taken = {*self.part.columns, *self.part.values}
        return {name: name for name in known if name not in taken} | named(self.name, self.part)


def read_database(contract: Contract) -> dict[str, RawTable]:
    """Return the tables of a contract whose source is a database: those that it lists, and those of our own names.

    Raises
    ------
    ParameterError
        The URL holds a password, names an environment variable that is not set, or cannot be used.
    DataError
        The database cannot be reached or read: its host and name, what happened, what to do.
    """
    database = _Database(contract)
    pauses = iter(PAUSES)
    while True:
        try:
            return database.read()
        except _Lost as lost:
            pause = next(pauses, None)
            if pause is None:
                raise DataError(f"{lost} (Tried {len(PAUSES) + 1} times.)") from None
            log.warning("%s Trying again in %g seconds.", lost, pause)
            time.sleep(pause)


class _Database:
    """The database of one contract."""

    def __init__(self, contract: Contract) -> None:
        assert isinstance(contract.source, DatabaseSource)
        self.contract, self.source = contract, contract.source
        self.url = _url(self.source.url, contract.path)
        self.engine = _engine(self.url, contract.path)

    def read(self) -> dict[str, RawTable]:
        """Read all tables in one transaction."""
        listed: dict[str, list[tuple[int, Cells]]] = {}
        own: dict[str, RawTable] = {}
        with self._connection() as connection:
            for name, parts in self.source.tables.items():
                place: Place = ("source", "tables", name)
                asked = [Asked(name, (*place, number), part) for number, part in enumerate(parts)]
                listed[name] = [(number, self._cells(connection, one)) for number, one in enumerate(asked)]
            for name in [name for name in TABLES if name not in listed]:
                asked_own = Asked(name, ("source",), DatabaseTable(table=name))
                if self.source.where is not None and self._has(connection, asked_own):
                    cells = self._cells(connection, asked_own)
                    own[name] = RawTable.of(cells)
                elif name in REQUIRED_TABLES:
                    self._stop(("source",), f"there is no table {name!r}. Say under `tables` where they are.")
        return map_tables(self.contract, listed) | own

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        """Open a read-only transaction."""
        with self._explained(("source", "url"), "", connecting=True):
            connection = self.engine.connect()
        with connection:
            with self._explained(("source", "url"), ""):
                match self.engine.dialect.name:
                    case "postgresql":
                        connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
                        limit = f"set local statement_timeout = {self.source.timeout * 1000:d}"
                        connection.exec_driver_sql(limit)
                    case "sqlite":
                        connection.exec_driver_sql("begin")
            yield connection

    def _has(self, connection: Connection, asked: Asked) -> bool:
        import sqlalchemy as sa

        with self._explained(asked.place, f"{asked.called}: "):
            return sa.inspect(connection).has_table(asked.name)

    def _cells(self, connection: Connection, asked: Asked) -> Cells:
        """Read one table or query, piece by piece."""
        attributes = self.contract.programme.attributes if asked.name == "participants" else {}
        ours = asked.columns([*TABLES[asked.name], *attributes])
        with self._explained(asked.place, f"{asked.called}: "):
            statement = self._statement(connection, asked, ours)
            needed = statement.compile().params
            if unknown := needed.keys() - {"contract"}:
                self._stop(asked.place, f":{min(unknown)} stands for nothing. Only :contract may be used.")
            bound = self.contract.contract if self.source.contract is None else self.source.contract
            options = {"stream_results": True, "yield_per": PIECE}
            with connection.execute(
                statement, {"contract": bound} if needed else {}, execution_options=options
            ) as rows:
                self._check_columns(asked, list(rows.keys()))
                kept = [(number, name) for number, name in enumerate(rows.keys()) if same(name) in ours]
                pieces = [pa.table([pa.array([], pa.string()) for _ in kept], [name for _, name in kept])]
                for piece in rows.partitions():
                    cells = list(zip(*piece, strict=True))
                    for number, name in kept:
                        self._check_dates(asked, name, ours[same(name)], cells[number])
                    pieces.append(pa.table([_text(cells[number]) for number, _ in kept], pieces[0].column_names))
        frame: pd.DataFrame = pa.concat_tables(pieces).to_pandas()
        numbered = frame.set_axis(pd.RangeIndex(1, len(frame) + 1, name="row"), axis="index")
        return Cells.of_records(asked.called, numbered)

    def _statement(self, connection: Connection, asked: Asked, ours: dict[str, str]) -> Select[Any] | TextClause:
        """Return what asks for the wanted columns of the contract's rows."""
        import sqlalchemy as sa

        if asked.part.query is not None:
            return sa.text(asked.part.query)
        schema, _, table = str(asked.part.table).rpartition(".")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", sa.exc.SAWarning)  # of types that SQLAlchemy does not know
            inspector = sa.inspect(connection)
            try:
                there = [str(column["name"]) for column in inspector.get_columns(table, schema or None)]
            except sa.exc.NoSuchTableError:
                tables = [*inspector.get_table_names(schema or None), *inspector.get_view_names(schema or None)]
                self._stop(asked.place, f"there is no table or view {asked.called!r}; {hint(table, tables)}")
        self._check_columns(asked, there)
        columns: list[sa.ColumnClause[Any]] = [sa.column(name) for name in there if same(name) in ours]
        statement = sa.select(*columns).select_from(sa.table(table, schema=schema or None))
        where = asked.part.where or str(self.source.where)
        return statement if where.strip().casefold() == ALL_ROWS else statement.where(sa.text(where))

    def _check_columns(self, asked: Asked, there: list[str]) -> None:
        """Refuse a table or query without a column that must be there."""
        for name in sorted(wanted(asked.name, asked.part) - set(map(same, there))):
            self._stop(asked.place, f"{asked.called} has no column {name!r}; {hint(name, there)}")

    def _check_dates(self, asked: Asked, name: str, ours: str, cells: Sequence[Any]) -> None:
        """Refuse a column in which not one cell could be the date that it must hold."""
        column = TABLES[asked.name].get(ours)
        kinds = set(map(type, cells)) - {type(None)}
        if column is None or column.kind != "date" or not kinds or any(issubclass(k, date | str) for k in kinds):
            return
        held = {bool: "true and false", int: "numbers", float: "numbers", Decimal: "numbers"}
        said = min(held.get(kind, kind.__name__) for kind in kinds)
        self._stop(asked.place, f"{asked.called}: column {name!r} holds {said}, not dates. Map a column of dates.")

    def _stop(self, place: Place, message: str) -> NoReturn:
        raise DataError(f"{self._at(place)}: {message}")

    def _at(self, place: Place) -> str:
        return f"{yaml_errors.at(self.contract.path, *place)}: {_called(self.url)}"

    @contextmanager
    def _explained(self, place: Place, of: str, *, connecting: bool = False) -> Iterator[None]:
        """Turn what SQLAlchemy raises into one line without secrets."""
        from sqlalchemy.exc import SQLAlchemyError

        try:
            yield
        except (SQLAlchemyError, UnicodeDecodeError) as error:
            what, remedy, passing = _explain(error, self.source.timeout, connecting=connecting)
            if self.url.password:
                what = what.replace(str(self.url.password), "***")
            if self.url.username:
                what = re.sub(rf"(?<!\w){re.escape(self.url.username)}(?!\w)", "***", what)
            kind = _Lost if passing else DataError
            raise kind(" ".join(f"{self._at(place)}: {of}{what}. {remedy}".split())) from None


def _explain(error: SQLAlchemyError | UnicodeDecodeError, timeout: int, *, connecting: bool) -> tuple[str, str, bool]:
    """Return what happened, what to do, and whether it may pass by itself.

    The words of the database are left out where they may quote a cell.
    """
    from sqlalchemy import exc

    driver = getattr(error, "orig", None)
    state = _state(driver)
    if getattr(error, "connection_invalidated", False) or state.startswith(PASSING):
        return "the connection was cut", "", True
    message = getattr(getattr(driver, "diag", None), "message_primary", None) or str(driver or error)
    said = next(iter(message.strip().splitlines()), "nothing").rstrip(".")
    if connecting:
        return _explain_connecting(driver, state, said)
    if state.startswith("22") or isinstance(error, exc.DataError | UnicodeDecodeError) or said.startswith(UNDECODED):
        what = "a cell is not what the SQL makes of it, or cannot be read (such as the date infinity)"
        return what, "Correct the SQL, or let it give the cell as text.", False
    what = f"the database gave up after {timeout} s" if state == "57014" else f"the database says: {said}"
    return what, next((remedy for start, remedy in REMEDIES.items() if state.startswith(start)), ""), False


def _state(driver: object) -> str:
    """Return the SQLSTATE that a driver gives, empty where it gives none."""
    first = next(iter(getattr(driver, "args", ())), "")
    given = getattr(driver, "sqlstate", None) or getattr(driver, "pgcode", None) or first
    return given if isinstance(given, str) and re.fullmatch(r"[0-9A-Z]{5}", given) else ""


def _explain_connecting(driver: object, state: str, said: str) -> tuple[str, str, bool]:
    """As `_explain`, of a connection that was never made; PostgreSQL's client library gives no SQLSTATE then."""
    said = re.split(r"failed: |FATAL: +", said)[-1]
    library = getattr(driver, "pgconn", None)
    if library is not None and library.needs_password:
        remedy = "Give it in the URL as ${NAME}, or in PGPASSWORD or .pgpass."
        return "the database asks for a password and there is none", remedy, False
    if state.startswith("28") or REFUSED.search(said):
        return "the user or the password was refused", REMEDIES["28"], False
    if library is not None and library.used_password:  # so the server has answered
        return f"no connection: {said}", "Correct the URL or ask for access.", False
    return f"no connection: {said}", "Correct the URL, or see whether the server runs.", True


def _url(text: str, path: Path) -> URL:
    """Return the URL with what the environment holds, or refuse one that holds a secret itself."""
    import sqlalchemy as sa

    place = yaml_errors.at(path, "source", "url")
    try:
        url = sa.make_url(text)
    except (sa.exc.ArgumentError, ValueError):
        example = "postgresql+psycopg://${CRM_USER}:${CRM_PASSWORD}@db.example/crm"
        raise ParameterError(f"{place}: is no URL of a database. Write one such as {example}.") from None
    secrets = [value for name, value in url.query.items() if SECRETIVE.search(name)]
    if any(VARIABLE.sub("", str(secret)) for secret in (url.password or "", *secrets)):
        raise ParameterError(
            f"{place}: holds a password. Take it out, change it at the database if others could read it here, and "
            f"write ${{NAME}} in its place, where NAME is an environment variable that holds it."
        )

    def value(variable: re.Match[str]) -> str:
        if variable[1] not in os.environ:
            raise ParameterError(f"{place}: the environment variable {variable[1]} is not set. Set it before the run.")
        return os.environ[variable[1]]

    def filled(part: str | None) -> str | None:
        return part and VARIABLE.sub(value, part)

    url = url.set(
        username=filled(url.username),
        password=filled(url.password),
        host=filled(url.host),
        database=filled(url.database),
        query={
            name: VARIABLE.sub(value, given) if isinstance(given, str) else given for name, given in url.query.items()
        },
    )
    if url.get_backend_name() != "sqlite":
        return url
    file = path.parent / (url.database or "")
    if not file.is_file():
        raise DataError(f"{place}: {url.database!r} is no file (looked for {file.resolve()}). Correct the path.")
    return url.set(database=file.resolve().as_uri(), query={"mode": "ro", "uri": "true"})


def _engine(url: URL, path: Path) -> Engine:
    import sqlalchemy as sa

    own = {"psycopg", "psycopg2"} & {url.drivername.partition("+")[2]}
    try:
        return sa.create_engine(
            url,
            poolclass=sa.NullPool,
            hide_parameters=True,
            connect_args={name: given for name, given in ALIVE.items() if own and name not in url.query},
        )
    except (sa.exc.NoSuchModuleError, ImportError):  # psycopg without libpq is no ModuleNotFoundError
        place = yaml_errors.at(path, "source", "url")
        remedy = "Install one, or name another, such as postgresql+psycopg://."
        if url.drivername == "postgresql+psycopg":
            remedy = f"{install('postgres')}."
        raise ParameterError(f"{place}: no driver for {url.drivername} is installed. {remedy}") from None


def _called(url: URL) -> str:
    """Return what messages call a database: its host and name, never a user."""
    if url.get_backend_name() == "sqlite":
        return Path(url.database or "").name
    return f"{url.host or 'this machine'}/{url.database or ''}"


def _text(cells: Sequence[Any]) -> pa.Array:
    """Return cells as a CSV file would have them."""
    kinds = set(map(type, cells)) - {type(None)}
    if kinds <= {str}:
        return pa.array([cell or None for cell in cells], pa.string())
    if kinds <= {date, datetime}:  # many rows have one day
        texts = {cell: text_of(cell) for cell in set(cells)}
        return pa.array([texts[cell] for cell in cells], pa.string())
    return pa.array([text_of(cell) for cell in cells], pa.string())
