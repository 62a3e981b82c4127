"""Extracts from a database: the same figures as from files, and one clear line without a secret when it fails.

The PostgreSQL server is a real one, and so are its faults.
"""

import json
import logging
import re
import select
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pandas as pd
import pytest

from perflib.batch import job, run
from perflib.errors import DataError, ParameterError, PerfError
from perflib.records import database
from perflib.records.loading import load_snapshot
from perflib.records.snapshot import load_extract
from perflib.rules.contract import load_contract, load_programme
from perflib.rules.new_contract import new_contract

MONTH, KNOWN_AT = "2020-03", "2020-05-28"
USER, PASSWORD = "crm-reader", "p@ss:w/rd%20#1"  # with the signs that mean something in a URL

# The contract `town` as the system of its provider has it, among other contracts, beside what no report may read.
SCHEMA = """
create schema crm;
create table crm.referrals (
    contract text, prap_ref text, person text, customer_group text, devolution_area text, subcontractor text,
    centre text, caseworker text, age numeric(5, 2), sex char(3), ethnicity text, disability boolean,
    priority_group text, surname text
);
create table crm.contacts (contract text, prap_ref text, what text, happened date, entered timestamptz, note text);
create table crm.locked (referral_id text);
create view crm.doubtful as select *,
    case when what = 'start' and prap_ref = 'ref-00003x' then 'in spring' else happened::text end as written,
    happened > '2020-01-01' as recent, happened - '2020-01-01' as days from crm.contacts;
create view crm.wide as select r.contract, r.prap_ref, r.happened as referred, r.entered as referred_on,
    s.happened as started, s.entered as started_on from crm.contacts r
    left join crm.contacts s on s.prap_ref = r.prap_ref and s.what = 'start' where r.what = 'referral';
create role "crm-reader" login password 'p@ss:w/rd%20#1';
grant usage on schema crm to "crm-reader";
grant select (contract, prap_ref, person, customer_group, devolution_area, subcontractor, centre, caseworker, age, sex,
    ethnicity, disability, priority_group) on crm.referrals to "crm-reader";
grant select (contract, prap_ref, what, happened, entered) on crm.contacts to "crm-reader";
grant select on crm.doubtful, crm.wide to "crm-reader";
"""

PEOPLE = "{table: crm.referrals, columns: {referral_id: prap_ref, participant_id: person}}"
COLUMNS = "columns: {referral_id: prap_ref, event: what, event_date: happened, recorded_date: entered}"
EVENTS = f"{{table: crm.contacts, {COLUMNS}}}"
FAULTY = "{table: crm.doubtful, columns: {referral_id: prap_ref, event: what, event_date: %s, recorded_date: entered}}"


LINES = new_contract("town", load_programme("whp")).splitlines()
SOURCE = 1 + next(number for number, line in enumerate(LINES) if line.startswith("source:"))
"""The line of a contract file at which its source begins."""

AT_URL = f"line {SOURCE + 1}: source.url"


@pytest.fixture(scope="module")
def town(town_place) -> dict[str, pd.DataFrame]:
    """Return the tables of `town` as its files have them."""
    folder = town_place.root / "extracts" / "town"
    return {path.stem: pd.read_csv(path, dtype="str", keep_default_na=False) for path in folder.glob("*.csv")}


@pytest.fixture(scope="module")
def crm(postgres, town):
    """Return a server that holds `town`, and another contract's copy of it."""
    people, events = town["participants"], town["events"]
    # What is entered half an hour after midnight has another date in UTC from April to October.
    entered = pd.to_datetime(events["recorded_date"] + " 00:30").dt.tz_localize("Europe/London")
    contacts = events.assign(recorded_date=entered.map(pd.Timestamp.isoformat), note="A. Person called")
    with postgres.connect() as connection, connection.cursor() as cursor:
        cursor.execute(SCHEMA)
        for contract, start in (("Town 7", "ref-"), ("Town 8", "other-")):
            for table, frame in (("referrals", people.assign(surname="Person")), ("contacts", contacts)):
                rows = frame.assign(referral_id=frame["referral_id"].str.replace("ref-", start))
                with cursor.copy(f"copy crm.{table} from stdin (format csv)") as copy:
                    copy.write(rows.assign(**{"": contract})[["", *frame]].to_csv(index=False, header=False))
    return postgres


@pytest.fixture(autouse=True)
def environment(monkeypatch) -> None:
    """Set the secrets as a run does, and do not wait long between tries."""
    for name in ("PGPASSWORD", "PGPASSFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CRM_USER", USER)
    monkeypatch.setenv("CRM_PASSWORD", PASSWORD)
    monkeypatch.setattr(database, "PAUSES", (0.01, 0.01))


@pytest.fixture
def contract(place, crm, town_place) -> Callable[..., Path]:
    """Return a function that writes the contract `town`, whose source is the database."""
    promises = (town_place.params / "contracts" / "town.yaml").read_text(encoding="utf-8").partition("\nmix:")[2]

    def write(participants=PEOPLE, events: str = EVENTS, where: str = "contract = :contract", **keys: object) -> Path:
        given = {"url": url(crm.folder), "contract": "Town 7", "where": where, "known_to": "2020-06-30"} | keys
        lines = [f"  {name}: {json.dumps(value)}" for name, value in given.items() if value is not None]
        tables = f"  tables:\n    participants: {participants}\n    events: {events}"
        return place.contract(source="\n".join(["", *lines, tables]), more=f"\nmix:{promises}")

    return write


def url(folder: Path | str, start: str = "${CRM_USER}:${CRM_PASSWORD}@") -> str:
    return f"postgresql+psycopg://{start}/postgres?host={folder}"


def snapshot():
    return load_snapshot("town", MONTH, KNOWN_AT)


def refused(kind: type[PerfError] = DataError) -> str:
    """Read the contract, which must fail, and return where in its file and why: in one line, without a secret."""
    with pytest.raises(kind) as stop:
        load_extract(load_contract("town"))
    message = str(stop.value)
    assert type(stop.value) is kind
    assert "\n" not in message
    assert not secrets(message)
    return message.rpartition("town.yaml ")[2]


def secrets(text: str) -> list[str]:
    """Return what no message may hold: the user, the password as it is and as a URL has it, a person's name and id."""
    return [secret for secret in (USER, PASSWORD, "p%40ss", "A. Person", "ref-00", "person-00") if secret in text]


def written_secrets(folder: Path) -> list[str]:
    """Return the secrets that the files of a run hold."""
    texts = [path.read_bytes().decode("latin-1") for path in folder.rglob("*") if path.is_file()]
    assert texts
    return [secret for text in texts for secret in secrets(text)]


class TestTheSameContract:
    def test_postgresql_gives_the_snapshot_of_the_files(self, contract, town_snapshot):
        contract()
        assert snapshot().equals(town_snapshot)
        assert snapshot().fingerprint == town_snapshot.fingerprint

    def test_several_queries_give_what_one_table_does(self, contract, town_snapshot):
        query = (
            "select prap_ref, what, happened, entered, note from crm.doubtful where contract = :contract and what %s"
        )
        parts = [f"{{query: {json.dumps(query % choice)}, {COLUMNS}}}" for choice in ("= 'start'", "<> 'start'")]
        contract(events=f"[{', '.join(parts)}]")
        assert snapshot().equals(town_snapshot)

    def test_a_wide_table_gives_what_a_long_one_does(self, contract):
        where = "contract = :contract and what in ('referral', 'start')"
        contract(events=f'{{table: crm.contacts, where: "{where}", {COLUMNS}}}')
        long = snapshot()
        wide = "referral: {date: referred, recorded: referred_on}, start: {date: started, recorded: started_on}"
        contract(events=f"{{table: crm.wide, columns: {{referral_id: prap_ref}}, events: {{{wide}}}}}")
        assert snapshot().fingerprint == long.fingerprint

    @pytest.mark.parametrize("piece", [1, 7])
    def test_the_size_of_the_pieces_is_of_no_account(self, contract, town_snapshot, monkeypatch, piece):
        monkeypatch.setattr(database, "PIECE", piece)
        contract()
        assert snapshot().equals(town_snapshot)

    def test_neither_is_the_order_in_which_rows_come(self, contract, town_snapshot):
        query = "select * from (select prap_ref, what, happened, entered from crm.contacts where contract = :contract"
        contract(events=f"{{query: '{query} order by entered desc, what) as backwards', {COLUMNS}}}")
        assert snapshot().fingerprint == town_snapshot.fingerprint

    def test_sqlite_gives_the_snapshot_of_the_files(self, place, town, town_snapshot):
        with closing(sqlite3.connect(place.root / "town.db")) as file:
            for name, table in town.items():
                table.to_sql(name, file, index=False)
        place.contract(source="{url: 'sqlite:///../../town.db', where: all, known_to: 2020-06-30}")
        assert snapshot().journeys.equals(town_snapshot.journeys)
        assert snapshot().fingerprint == town_snapshot.fingerprint

    def test_sqlite_may_hold_other_contracts_columns_and_codes(self, place, town, town_snapshot):
        people, events = town["participants"], town["events"]
        people = people.rename(columns={"referral_id": "PRaP ref", "age": "Age at referral"})
        people = people.assign(disability=(people["disability"] == "Y").astype(int), contract=17)
        people = people.astype({"Age at referral": float})
        with closing(sqlite3.connect(place.root / "town.db")) as file:
            pd.concat([people, people.assign(contract=18)]).to_sql("people", file, index=False)
            events.assign(event_date=events["event_date"] + " 10:05:00").to_sql("events", file, index=False)
        mapped = "columns: {referral_id: PRaP ref, age: Age at referral}, codes: {disability: {1: y, 0: n}}"
        tables = f"{{participants: {{table: people, where: 'contract = :contract', {mapped}}}}}"
        given = "url: 'sqlite:///../../town.db', where: all, contract: 17, known_to: 2020-06-30"
        place.contract(source=f"{{{given}, tables: {tables}}}")
        assert snapshot().fingerprint == town_snapshot.fingerprint

    @pytest.mark.usefixtures("in_process")
    def test_the_report_has_the_same_bytes_and_no_secret_is_written_or_logged(self, contract, town_reports, caplog):
        caplog.set_level(logging.DEBUG)
        caplog.set_level(logging.INFO, logger="sqlalchemy")
        page = Path("town", MONTH, "cohort_trends.html")
        contract()
        results = run.run(jobs(), Path("reports"))
        assert [result.error for result in results] == [None]
        made, from_files = (without_account((folder / page).read_bytes()) for folder in (Path("reports"), town_reports))
        assert made == from_files
        assert not written_secrets(Path("reports"))
        assert "SELECT prap_ref" in caplog.text
        assert not secrets(caplog.text)


def without_account(page: bytes) -> bytes:
    """Cut the account of rows, which names files or database tables and their lines."""
    cut, tables = re.subn(rb"Where every row of the extract went.*?</table>", b"", page, flags=re.DOTALL)
    assert tables
    return cut


def jobs() -> list[job.Job]:
    return run.plan(["town"], [MONTH], run.find_notebooks(["cohort_trends"]), known_at=KNOWN_AT)


class TestOnlyWhatIsNeeded:
    def test_the_name_of_the_contract_is_bound_not_pasted(self, contract):
        contract(contract="Town 7' or contract > '")
        assert refused() == "crm.referrals: holds a header and no rows. There is nothing to report yet."

    def test_a_table_of_many_contracts_is_not_read_as_if_it_were_of_one(self, contract):
        contract(where=None)
        assert refused(ParameterError) == (
            f"line {SOURCE + 5}: source.tables.participants: no `where`: say which rows are this contract's, such as "
            "contract_id = :contract; `all` if the table has no others."
        )

    def test_a_condition_that_is_blank_is_none(self, contract):
        contract(where="")
        assert refused(ParameterError).startswith(f"line {SOURCE + 3}: source.where: ")

    def test_a_query_needs_no_condition_beside_it(self, contract):
        query = "{query: select prap_ref from crm.contacts, where: all}"
        contract(participants=query)
        assert refused(ParameterError).endswith("a query chooses its rows itself; put the condition into it.")

    def test_a_column_that_is_not_mapped_is_not_asked_for(self, contract, crm):
        with crm.connect() as owner:
            allowed = "select has_column_privilege('crm-reader', 'crm.contacts', 'note', 'select')"
            assert owner.execute(allowed).fetchone() == (False,)  # so that asking for all columns fails
        contract()
        load_extract(load_contract("town"))

    def test_all_tables_are_of_one_moment(self, contract, crm, town_snapshot, meanwhile):
        late = "insert into crm.contacts values ('Town 7', 'ref-00004x', 'start', '2019-02-01', '2019-02-01')"
        contract()
        meanwhile(1, late)
        assert snapshot().equals(town_snapshot)
        assert not snapshot().equals(town_snapshot)
        with crm.connect() as owner:
            owner.execute("delete from crm.contacts where happened = '2019-02-01' and what = 'start' and note is null")

    def test_sqlalchemy_is_imported_for_a_database_only(self):
        code = "import sys, perflib.records.snapshot; sys.exit('sqlalchemy' in sys.modules)"
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.fixture
def meanwhile(monkeypatch, crm) -> Callable[[int, str], None]:
    """Return a function that has the server's owner run SQL while the contract is read: once, or at each try."""

    def plan(times: int, sql: str) -> None:
        read, left = database._text, [times]

        def text(cells):
            if left[0] and str(cells[0]).startswith("ref-"):  # one column of each piece
                left[0] -= 1
                with crm.connect() as owner:
                    owner.execute(sql)
            return read(cells)

        monkeypatch.setattr(database, "_text", text)

    return plan


CUT = "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'crm-reader'"


class TestAConnectionThatFails:
    def test_is_tried_again_and_everything_read_again(self, contract, town_snapshot, monkeypatch, meanwhile, caplog):
        monkeypatch.setattr(database, "PIECE", 100)
        contract()
        meanwhile(2, CUT)
        assert snapshot().equals(town_snapshot)
        assert [record.message.partition("town.yaml ")[2] for record in caplog.records] == 2 * [
            f"line {SOURCE + 6}: source.tables.participants: this machine/postgres: crm.referrals: the connection "
            "was cut. Trying again in 0.01 seconds."
        ]

    def test_is_tried_three_times(self, contract, meanwhile, monkeypatch):
        monkeypatch.setattr(database, "PIECE", 100)
        contract()
        meanwhile(9, CUT)
        assert refused() == (
            f"line {SOURCE + 6}: source.tables.participants: this machine/postgres: crm.referrals: the connection "
            "was cut. (Tried 3 times.)"
        )

    def test_in_the_network_is_as_one_that_the_server_cuts(self, contract, crm, place, town_snapshot, caplog):
        with cutting(crm.folder / SOCKET, place.root / SOCKET, after=[20_000, 0]):
            contract(url=url(place.root))
            assert snapshot().equals(town_snapshot)
        first, second = (record.message for record in caplog.records)
        assert "the connection was cut" in first
        assert "source.url: this machine/postgres: no connection: server closed the connection unexpectedly" in second

    def test_because_no_server_is_there_is_tried_three_times(self, contract, place):
        contract(url=url(place.root))
        assert refused() == (
            f"{AT_URL}: this machine/postgres: no connection: No such file or directory. Correct the URL, or "
            "see whether the server runs. (Tried 3 times.)"
        )

    def test_because_no_host_is_there_names_it(self, contract):
        contract(url="postgresql+psycopg://${CRM_USER}:${CRM_PASSWORD}@db.invalid/crm")
        assert "source.url: db.invalid/crm: no connection: failed to resolve host 'db.invalid'" in refused()


SOCKET = ".s.PGSQL.5432"


@contextmanager
def cutting(server: Path, socket_file: Path, after: Sequence[int]) -> Iterator[None]:
    """Pass connections on to a server; cut each when so many bytes came from it. Those beyond `after` stay whole."""

    def serve() -> None:
        for limit in [*after, None]:
            client = listener.accept()[0]
            with client, socket.socket(socket.AF_UNIX) as upstream:
                upstream.connect(str(server))
                passed = 0
                while limit is None or passed < limit:
                    ready = select.select([client, upstream], [], [])[0]
                    data = ready[0].recv(4096)
                    if not data:
                        break
                    (client if ready[0] is upstream else upstream).sendall(data)
                    passed += len(data) if ready[0] is upstream else 0

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(socket_file))
        listener.listen()
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield
        thread.join(timeout=30)
        assert not thread.is_alive()


class TestAPassword:
    def test_that_is_wrong_is_refused_at_once(self, contract, monkeypatch, caplog):
        monkeypatch.setenv("CRM_PASSWORD", "of-yesterday")
        contract()
        assert refused() == (
            f"{AT_URL}: this machine/postgres: the user or the password was refused. Correct the user and "
            "the password in the environment."
        )
        assert not caplog.records

    def test_that_is_missing_is_asked_for(self, contract, crm, caplog):
        contract(url=url(crm.folder, start="${CRM_USER}@"))
        assert refused() == (
            f"{AT_URL}: this machine/postgres: the database asks for a password and there is none. Give it "
            "in the URL as ${NAME}, or in PGPASSWORD or .pgpass."
        )
        assert not caplog.records

    def test_may_be_where_postgresql_keeps_it(self, contract, crm, monkeypatch):
        monkeypatch.setenv("PGPASSWORD", PASSWORD)
        contract(url=url(crm.folder, start=f"{USER}@"))
        load_extract(load_contract("town"))

    @pytest.mark.parametrize(
        "written",
        [
            f"postgresql+psycopg://{USER}:p%40ss@db.example/crm",
            f"postgresql+psycopg://{USER}:p%40ss${{CRM_PASSWORD}}@db.example/crm",
            f"postgresql+psycopg://db.example/crm?user={USER}&password=p%40ss",
            f"mssql+pyodbc:///?odbc_connect=Driver%3DX;UID={USER};PWD=p%40ss",
        ],
    )
    def test_in_the_contract_file_is_refused(self, contract, written):
        contract(url=written)
        assert refused(ParameterError) == (
            f"{AT_URL}: holds a password. Take it out, change it at the database if others could read it "
            "here, and write ${NAME} in its place, where NAME is an environment variable that holds it."
        )

    @pytest.mark.parametrize("key", ["where", "tabels", "timeout"])
    def test_is_not_repeated_when_something_else_is_wrong(self, place, key):
        written = f"postgresql+psycopg://{USER}:p%40ss@h/d"
        given = {"where": "", "tabels": ", tabels: {}", "timeout": ", where: all, timeout: soon"}[key]
        place.contract(source=f"{{url: '{written}'{given}}}")
        refused(ParameterError)

    def test_is_not_repeated_when_the_url_stands_alone(self, place):
        place.contract(source=f"postgresql+psycopg://{USER}:p%40ss@h/d")
        assert "no `where`" in refused(ParameterError)

    def test_that_is_not_in_the_environment_is_named(self, contract, monkeypatch):
        monkeypatch.delenv("CRM_PASSWORD")
        contract()
        assert refused(ParameterError) == (
            f"{AT_URL}: the environment variable CRM_PASSWORD is not set. Set it before the run."
        )

    @pytest.mark.usefixtures("in_process")
    def test_that_was_changed_before_the_run_is_in_no_file_of_it(self, contract, postgres):
        contract()
        planned = jobs()
        with postgres.connect() as owner:
            owner.execute("alter role \"crm-reader\" password 'other'")
        (result,) = run.run(planned, Path("reports"))
        with postgres.connect() as owner:
            owner.execute(f"alter role \"crm-reader\" password '{PASSWORD}'")
        assert "the user or the password was refused" in (result.error or "")
        assert not written_secrets(Path("reports"))


INFINITE = "select prap_ref, what, entered, date 'infinity' as happened from crm.contacts"


class TestTheDatabaseSaysNo:
    @pytest.mark.parametrize(
        ("events", "message"),
        [
            pytest.param(
                f"{{table: crm.contact, {COLUMNS}}}",
                "there is no table or view 'crm.contact'; did you mean 'contacts'?",
                id="no table",
            ),
            pytest.param(
                f"{{query: select * from crm.contact, {COLUMNS}}}",
                'the query for events: the database says: relation "crm.contact" does not exist. Correct the name or '
                "the SQL.",
                id="no table in a query",
            ),
            pytest.param(
                f"{{table: crm.contacts, {COLUMNS.replace('happened', 'happend')}}}",
                "crm.contacts has no column 'happend'; did you mean 'happened'?",
                id="no column",
            ),
            pytest.param(
                f"{{table: crm.contacts, where: contractor = :contract, {COLUMNS}}}",
                'crm.contacts: the database says: column "contractor" does not exist. Correct the name or the SQL.',
                id="no column in a condition",
            ),
            pytest.param(
                f"{{table: crm.contacts, where: contract = :contact, {COLUMNS}}}",
                ":contact stands for nothing. Only :contract may be used.",
                id="no parameter",
            ),
            pytest.param(
                f"{{table: crm.contacts, where: contract = = :contract, {COLUMNS}}}",
                'crm.contacts: the database says: syntax error at or near "=". Correct the name or the SQL.',
                id="no SQL",
            ),
            pytest.param(
                f"{{table: crm.contacts, {COLUMNS.replace('}', ', detail: note}')}}}",
                "crm.contacts: the database says: permission denied for table contacts. Ask for the right to read it.",
                id="no right",
            ),
            pytest.param(
                f"{{query: 'delete from crm.contacts returning *', {COLUMNS}}}",
                'the query for events: the database says: syntax error at or near "delete". Correct the name or the '
                "SQL.",
                id="no SELECT",
            ),
            pytest.param(
                f"{{query: 'select pg_sleep(30), * from crm.doubtful', {COLUMNS}}}",
                "the query for events: the database gave up after 1 s. Let the database find the rows by an index, or "
                "raise `source.timeout`.",
                id="no time",
            ),
            pytest.param(
                f"{{table: crm.contacts, where: cast(prap_ref as date) > '2020-01-01', {COLUMNS}}}",
                "crm.contacts: a cell is not what the SQL makes of it, or cannot be read (such as the date infinity). "
                "Correct the SQL, or let it give the cell as text.",
                id="a cell that the message of the database repeats",
            ),
            pytest.param(
                f'{{query: "{INFINITE}", {COLUMNS}}}',
                "the query for events: a cell is not what the SQL makes of it, or cannot be read (such as the date "
                "infinity). Correct the SQL, or let it give the cell as text.",
                id="a date that never comes",
            ),
            pytest.param(
                f"{{query: select 1 as one, {COLUMNS}}}",
                "the query for events has no column 'entered'; known: one.",
                id="no column in a query",
            ),
            pytest.param(
                FAULTY % "recent",
                "crm.doubtful: column 'recent' holds true and false, not dates. Map a column of dates.",
                id="truth values in place of dates",
            ),
            pytest.param(
                FAULTY % "days",
                "crm.doubtful: column 'days' holds numbers, not dates. Map a column of dates.",
                id="numbers in place of dates",
            ),
        ],
    )
    def test_in_one_line(self, contract, caplog, events, message):
        contract(events=events, timeout=1)
        assert refused() == f"line {SOURCE + 8}: source.tables.events: this machine/postgres: {message}"
        assert not caplog.records  # nothing is tried again in vain

    def test_there_is_no_such_database(self, contract, crm):
        contract(url=url(crm.folder).replace("/postgres?", "/nowhere?"))
        assert refused() == (
            f'{AT_URL}: this machine/nowhere: no connection: database "nowhere" does not exist. Correct the '
            "URL or ask for access."
        )

    def test_a_table_that_the_data_dictionary_does_not_have(self, place, crm):
        place.contract(source=f"{{url: '{url(crm.folder)}', where: all, tables: {{event: {EVENTS}}}}}")
        assert refused() == (
            f"line {SOURCE}: source.tables.event: 'event' is no table of the data dictionary; did you mean 'events'?"
        )

    def test_a_table_that_is_needed_is_missing(self, place, crm):
        place.contract(source=f"{{url: '{url(crm.folder)}', where: all}}")
        assert refused().endswith("postgres: there is no table 'participants'. Say under `tables` where they are.")

    def test_text_in_place_of_a_date_is_set_aside_and_counted(self, contract, town_snapshot):
        contract(events=FAULTY % "written")
        aside = snapshot().set_aside
        assert aside[["column", "value", "reason"]].to_numpy().tolist() == [["written", "in spring", "not a date"]]
        assert len(snapshot().events) == len(town_snapshot.events) - 1


class TestAUrl:
    def test_needs_a_driver(self, contract):
        contract(url="oracle+oracledb://db.example/crm")
        assert refused(ParameterError).startswith(f"{AT_URL}: no driver for oracle+oracledb is installed.")

    def test_of_postgresql_without_the_extra_says_what_to_install(self, contract, monkeypatch):
        monkeypatch.setitem(sys.modules, "psycopg", None)
        contract(url="postgresql+psycopg://db.example/crm")
        assert refused(ParameterError) == (
            f"{AT_URL}: no driver for postgresql+psycopg is installed. Run: pip install 'perflib[postgres]'."
        )

    @pytest.mark.parametrize("written", ["db.example, port 5432", f"postgresql://{USER}:p%40ss@db:p%40ss/crm"])
    def test_is_one_of_a_database(self, contract, written):
        contract(url=written)
        assert refused(ParameterError).startswith(f"{AT_URL}: is no URL of a database. Write one such as ")

    def test_of_a_file_that_is_not_there_makes_none(self, place):
        place.contract(source="{url: 'sqlite:///town.db', where: all}")
        assert "source.url: 'town.db' is no file (looked for " in refused()
        assert not list(place.root.rglob("town.db"))

    def test_of_a_file_whose_text_is_in_another_encoding(self, place):
        with closing(sqlite3.connect(place.root / "town.db")) as file:
            file.execute("create table participants (referral_id, participant_id)")
            file.execute("insert into participants values ('ref-00001', cast(x'412e20506572736f6ee9' as text))")
            file.commit()
        place.contract(source="{url: 'sqlite:///../../town.db', where: all}")
        assert refused().startswith(
            f"line {SOURCE}: source: town.db: participants: a cell is not what the SQL makes of it"
        )

    def test_of_a_file_that_is_no_database(self, place):
        place.contract(source="{url: 'sqlite:///town.yaml', where: all}")
        assert refused().endswith("source: town.yaml: participants: the database says: file is not a database.")
