"""Damage valid files at random, read them, and hold what comes of it against an independent reader.

Run from the project's root: `python benchmarks/records/fuzz.py --files 2000 --form csv --seed 1`. Forms: csv, xlsx,
parquet, sqlite, yaml. Each file is damaged by its bytes (flipped, cut, repeated, overwritten) or by its structure
(cells, rows, columns, types, keys), a few times over. Of each file this must hold:

- There is a snapshot, or one clear line (a `PerfError`); never another exception, never two lines.
- It takes less than `--seconds` and the memory limit; a process that dies is a fault.
- Where there is a snapshot, every record that an independent reader finds in the damaged file is in the account:
  `csv` of the standard library for CSV, its zip and XML parsers for Excel, DuckDB for Parquet, `sqlite3` for databases.

A case is made again from `--seed`, the form and its number: `--only 17 --keep FOLDER` leaves its file there.
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import random
import resource
import shutil
import sqlite3
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

import pandas as pd

sys.path.insert(0, str(Path(__file__).parent))
from independent import Count, count

from perflib.errors import PerfError
from perflib.records.account import AccountError
from perflib.records.loading import load_snapshot
from perflib.rules.contract import load_contract

FORMS = ("csv", "xlsx", "parquet", "sqlite", "yaml")
MEMORY = 4 << 30
COLUMNS = ["referral_id", "event", "event_date", "recorded_date", "detail", "ref", "event_id"]
WORDS = ["", "NULL", "\\N", "N/A", "#N/A", "-", "nan", "1.23457E+15", "43101", "31/12/2020", "12/31/2020", "0", "-3"]
WORDS += [
    "2020-03-01T23:30:00Z",
    "2020-13-45",
    "total",
    "é",
    "\ufeff",
    "'",
    '"',
    '""',
    "a,b",
    "a\nb",
    "9" * 400,
    "=1+1",
]
WORDS += ["01.02.2020", "2020-02-30", "99999999999999999999", "1e309", "\x00", "\u2028", "start", "referral", "True"]
CONTRACT = """\
contract: fuzz
name: Fuzz
programme: whp
nation: ENG
first_day: 2020-01-01
source: {source}
tolerance: 1
disclosure: {{source: none, invented: true}}
"""

Damage = Callable[[random.Random, bytes], bytes]


def tables() -> dict[str, pd.DataFrame]:
    """Make a small extract: 24 referrals, six rows of events each, every row different."""
    people, events = [], []
    for n in range(24):
        referral = f"R{n:03d}"
        people.append((referral, f"P{n:03d}", str(20 + n), "SC1" if n % 2 else "SC2"))
        day = pd.Timestamp("2020-01-02") + pd.Timedelta(days=5 * n)
        happened = ["referral", "acknowledged", "start", "appointment", "job_start", "job_end"]
        for place, event in enumerate(happened):
            when = day + pd.Timedelta(days=7 * place)
            told = when + pd.Timedelta(days=2)
            ref = f"J{n}" if event.startswith("job") else ""
            note = f"note {n}" if place % 3 == 0 else ""
            events.append((referral, event, f"{when:%Y-%m-%d}", f"{told:%Y-%m-%d}", note, ref, f"E{n}-{place}"))
    return {
        "participants": pd.DataFrame(people, columns=["referral_id", "participant_id", "age", "subcontractor"]),
        "events": pd.DataFrame(events, columns=COLUMNS),
    }


# ------------------------------------------------------------------------------------------------------------- by bytes


def by_bytes(rng: random.Random, content: bytes) -> bytes:
    """Flip, overwrite, cut, drop, repeat or insert bytes."""
    if not content:
        return content
    data = bytearray(content)
    at = rng.randrange(max(1, len(data)))
    span = min(rng.choice([1, 2, 8, 64, 512]), len(data))
    match rng.randrange(7):
        case 0:
            data[at] ^= 1 << rng.randrange(8)
        case 1:
            data[at : at + span] = rng.randbytes(span)
        case 2:
            del data[at:]
        case 3:
            del data[at : at + span]
        case 4:
            data[at:at] = data[at : at + span]
        case 5:
            data[at:at] = rng.choice([b"\x00", b'"', b"\n", b"\r", b",", b"\xff\xfe", b"\xef\xbb\xbf", b";", b"\t"])
        case 6:
            data[at : at + span] = bytes(span)
    return bytes(data)


# --------------------------------------------------------------------------------------------------------- by structure


def csv_structure(rng: random.Random, content: bytes) -> bytes:
    """Change cells and lines of a CSV file as spreadsheets and people do."""
    lines = content.decode("utf-8", "surrogateescape").split("\n")
    at = rng.randrange(len(lines))
    cells = lines[at].split(",")
    cell = rng.randrange(len(cells))
    match rng.randrange(13):
        case 0:
            cells[cell] = rng.choice(WORDS)
        case 1:
            cells[cell] = '"' + cells[cell]
        case 2:
            cells[cell] += '"'
        case 3:
            cells.insert(cell, rng.choice(WORDS))
        case 4:
            del cells[cell]
        case 5:
            lines.insert(at, lines[rng.randrange(len(lines))])
        case 6:
            lines.insert(at, rng.choice(["", ",,,,,,", "   ", "Total,,144", "Source: CRM export", "\r"]))
        case 7:
            return "\n".join(lines[:at] + lines[at + 1 :]).encode("utf-8", "surrogateescape")
        case 8:
            cells = [part.replace("2020-", "20-") for part in cells]
        case 9:
            return content.replace(b",", rng.choice([b";", b"\t", b"|", b", "]))
        case 10:
            return content.replace(b"\n", rng.choice([b"\r\n", b"\r", b"\n\n"]))
        case 11:
            return content.decode("utf-8", "replace").encode(rng.choice(["utf-16", "utf-8-sig", "cp1252"]), "replace")
        case 12:
            cells[cell] = f'"{cells[cell]}\n{lines[(at + 1) % len(lines)]}"'
    if 0 <= at < len(lines):
        lines[at] = ",".join(cells) if lines[at] != "" else lines[at]
    return "\n".join(lines).encode("utf-8", "surrogateescape")


def xlsx_structure(rng: random.Random, content: bytes) -> bytes:
    """Change a part of a workbook, in its XML."""
    import re
    import zipfile

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as book:
            parts = {name: book.read(name) for name in book.namelist()}
    except Exception:  # damaged before: by bytes again
        return by_bytes(rng, content)
    sheets = [name for name in parts if "sheet1" in name] or list(parts)
    name = rng.choice(sheets) if rng.random() < 0.7 else rng.choice(list(parts))
    text = parts[name].decode("utf-8", "replace")
    found = list(re.finditer(r"<(row|c)\b.*?</\1>|<v>.*?</v>|\br=\"\w+\"|\bt=\"\w+\"|\bs=\"\d+\"", text, re.DOTALL))
    if not found or rng.random() < 0.1:
        match rng.randrange(3):
            case 0:
                del parts[name]
            case 1:
                parts[name] = by_bytes(rng, parts[name])
            case 2:
                parts[name] = b""
    else:
        piece = rng.choice(found)
        whole = piece.group()
        if whole.startswith("<v>"):
            value = rng.choice([*WORDS, "99999", "1", "#REF!"]).replace("&", "").replace("<", "")
            other = f"<v>{value}</v>"
        elif whole.startswith('r="'):
            other = rng.choice(['r="XFD1048576"', 'r="A1"', 'r="9999999999"', 'r="1048576"', 'r="B2"', 'r="oops"'])
        elif whole.startswith('t="'):
            other = f't="{rng.choice(["s", "n", "b", "e", "str", "inlineStr", "d", "zz"])}"'
        elif whole.startswith('s="'):
            other = f's="{rng.choice([0, 1, 14, 22, 9999])}"'
        else:
            other = rng.choice(["", whole + whole])
        parts[name] = (text[: piece.start()] + other + text[piece.end() :]).encode("utf-8", "replace")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as book:
        for part, data in parts.items():
            book.writestr(part, data)
    return out.getvalue()


def parquet_structure(rng: random.Random, content: bytes) -> bytes:
    """Change a column's type, values or name, or the order and grouping of the rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(io.BytesIO(content))
        at = rng.randrange(table.num_columns)
        name, column = table.column_names[at], table.column(at)
        texts = [None if value is None else str(value) for value in column.to_pylist()]
        match rng.randrange(9):
            case 0:
                changed = pa.array([rng.choice(WORDS) if rng.random() < 0.1 else value for value in texts])
            case 1:
                changed = column.dictionary_encode()
            case 2:
                kind = rng.choice(["s", "ms", "us", "ns"])
                days = pd.to_datetime(pd.Series(texts), errors="coerce")
                changed = pa.array(days, type=pa.timestamp(kind, tz=rng.choice([None, "UTC", "Europe/London"])))
            case 3:
                changed = pa.array(list(range(len(texts))), type=rng.choice([pa.int8(), pa.int64(), pa.float32()]))
            case 4:
                changed = pa.array([None] * len(texts))
            case 5:
                changed = pa.array([[value] for value in texts])
            case 6:
                changed = pa.array([None if value is None else value.encode() for value in texts])
            case 7:
                table = table.rename_columns(
                    [*table.column_names[:at], rng.choice(WORDS), *table.column_names[at + 1 :]]
                )
                changed = None
            case _:
                table, changed = table.take([rng.randrange(table.num_rows) for _ in range(table.num_rows)]), None
        if changed is not None:
            table = table.set_column(at, name, changed)
        out = io.BytesIO()
        pq.write_table(table, out, row_group_size=rng.choice([7, 50, 1000]), compression=rng.choice(["none", "snappy"]))
        return out.getvalue()
    except Exception:  # damaged before, or a type that cannot hold the values: by bytes
        return by_bytes(rng, content)


def sqlite_structure(rng: random.Random, content: bytes) -> bytes:
    """Change values, columns and tables of a database."""
    folder = Path(tempfile.mkdtemp())
    path = folder / "x.db"
    path.write_bytes(content)
    try:
        with sqlite3.connect(path) as base:
            table = rng.choice(["events", "participants"])
            columns = [row[1] for row in base.execute(f"PRAGMA table_info({table})")]
            column = rng.choice(columns)
            row = rng.randrange(1, 40)
            value = rng.choice([*WORDS, None, 7, 2.5, b"\x00\xff", 43101, "2020-02-30"])
            match rng.randrange(7):
                case 0 | 1:
                    base.execute(f'UPDATE {table} SET "{column}" = ? WHERE rowid = ?', (value, row))
                case 2:
                    base.execute(f'UPDATE {table} SET "{column}" = ?', (value,))
                case 3:
                    base.execute(f'ALTER TABLE {table} RENAME COLUMN "{column}" TO "{column} "')
                case 4:
                    base.execute(f"INSERT INTO {table} SELECT * FROM {table} WHERE rowid = ?", (row,))
                case 5:
                    base.execute(f"DELETE FROM {table} WHERE rowid = ?", (row,))
                case 6:
                    base.execute(f"ALTER TABLE {table} RENAME TO old_{table}")
                    base.execute(f"CREATE VIEW {table} AS SELECT * FROM old_{table} WHERE rowid % 2")
        return path.read_bytes()
    except sqlite3.Error:  # damaged before: by bytes again
        return by_bytes(rng, content)
    finally:
        shutil.rmtree(folder)


def yaml_structure(rng: random.Random, content: bytes) -> bytes:
    """Change lines, values, keys and indentation of a parameter file."""
    lines = content.decode("utf-8", "surrogateescape").split("\n")
    at = rng.randrange(len(lines))
    line = lines[at]
    key, colon, value = line.partition(":")
    values = [
        "[]",
        "{}",
        "null",
        "~",
        "2020",
        "007",
        "yes",
        ".nan",
        ".inf",
        "-1",
        "[a, b]",
        "{a: b}",
        "&x [*x]",
        "*none",
    ]
    values += [
        "'",
        '"',
        "|",
        ">",
        "!!python/object:os.system x",
        "!!binary aGk=",
        "2020-02-30",
        "0x10",
        "1e400",
        "é",
        ": :",
    ]
    values += ["[" * 3000, "{a: " * 3000, "- " * 3000, "a" * 100_000, "1:30", "<<: *x", "!!set {a, b}", "!!float x"]
    match rng.randrange(8):
        case 0 | 1 | 2:
            lines[at] = f"{key}{colon} {rng.choice(values)}"
        case 3:
            lines[at] = rng.choice(["", " ", "\t", "  ", "- ", "? "]) + line
        case 4:
            lines.insert(at, rng.choice(lines))
        case 5:
            del lines[at]
        case 6:
            lines[at] = line[: rng.randrange(len(line) + 1)]
        case 7:
            bomb = [f"k{n}: &a{n} [{','.join([f'*a{n - 1}' if n else '1'] * 9)}]" for n in range(9)]
            lines[at:at] = rng.choice([bomb, ["---"], ["..."], ["%YAML 9.9"], ["# \x07"], [f"{key}: {value}"] * 2])
    return "\n".join(lines).encode("utf-8", "surrogateescape")


STRUCTURE: dict[str, Damage] = {
    "csv": csv_structure,
    "xlsx": xlsx_structure,
    "parquet": parquet_structure,
    "sqlite": sqlite_structure,
    "yaml": yaml_structure,
}


# ------------------------------------------------------------------------------------------------------------- one case


class Bench:
    """Valid files of one form, and a folder in which they are damaged and read."""

    def __init__(self, form: str, seed: int, folder: Path) -> None:
        self.form, self.seed, self.folder = form, seed, folder
        self.extract = folder / "extract"
        self.extract.mkdir(parents=True, exist_ok=True)
        self.file = folder / "params" / "contracts" / "fuzz.yaml"
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.valid = self._valid()
        source = "{folder: ../../extract, known_to: 2020-12-31}"
        if form == "sqlite":
            source = f"{{url: 'sqlite:///{self.extract / 'extract.db'}', where: all, known_to: 2020-12-31}}"
        text = CONTRACT.format(source=source)
        if form == "yaml":
            text = Path("params/contracts/whp-sample.yaml").read_text("utf-8").replace("whp-sample", "fuzz")
        self.file.write_text(text, encoding="utf-8")
        self.text = text.encode()
        for name, content in self.valid.items():
            (self.extract / name).write_bytes(content)
        self.contract = load_contract("fuzz", folder / "params")
        if "fault" in (result := self.read("nothing")):
            raise SystemExit(f"the valid files are at fault: {result}")

    def _valid(self) -> dict[str, bytes]:
        made = tables()
        if self.form in ("csv", "yaml"):
            return {f"{name}.csv": frame.to_csv(index=False).encode() for name, frame in made.items()}
        if self.form == "sqlite":
            path = self.folder / "valid.db"
            with sqlite3.connect(path) as base:
                for name, frame in made.items():
                    frame.to_sql(name, base, index=False, if_exists="replace")
            return {"extract.db": path.read_bytes()}
        files = {}
        for name, frame in made.items():
            out = io.BytesIO()
            if self.form == "xlsx":
                frame.to_excel(out, index=False)
            else:
                frame.to_parquet(out, index=False)
            files[f"{name}.{self.form}"] = out.getvalue()
        return files

    def damage(self, number: int) -> str:
        """Write the files of a case, one of them damaged; return its name."""
        rng = random.Random(f"{self.seed} {self.form} {number}")
        for name, content in self.valid.items():
            (self.extract / name).write_bytes(content)
        name = "fuzz.yaml" if self.form == "yaml" else rng.choice(list(self.valid))
        content = self.text if self.form == "yaml" else self.valid[name]
        for _ in range(rng.choice([1, 1, 1, 2, 3])):
            content = (STRUCTURE[self.form] if rng.random() < 0.6 else by_bytes)(rng, content)
        (self.file if self.form == "yaml" else self.extract / name).write_bytes(content)
        return name

    def read(self, name: str) -> dict[str, str]:
        """Read the damaged files; return what became of it, and what is wrong with that."""
        try:
            if self.form == "yaml":
                load_contract("fuzz", self.folder / "params")
                return {"outcome": "read"}
            snapshot = load_snapshot(self.contract, "2020-12")
        except AccountError as error:
            return {"outcome": "refused", "fault": f"an account that does not add up: {error}"}
        except PerfError as error:
            said = str(error)
            if "\n" in said or len(said) > 2000:
                return {"outcome": "refused", "fault": f"not one clear line: {said[:300]!r}"}
            return {"outcome": "refused", "said": said}
        except Exception as error:
            return {"outcome": "traceback", "fault": "".join(traceback.format_exception(error))[-1500:]}
        for table in ("participants", "events"):
            there: Count | None = count(self.extract, table, self.form)
            if there is None and self.form == "csv":
                return {"outcome": "read", "fault": f"{table}: read, though an independent reader cannot ({name})"}
            if there is None:  # a reader that is stricter says nothing of what is there
                return {"outcome": "read, not by the independent reader"}
            account = snapshot.account.of(table)
            mine = account.header + account.records - account.swallowed
            if self.form in ("parquet", "sqlite"):
                mine = account.records
            if mine != there.records:
                return {"outcome": "read", "fault": f"{table}: {there.records} records there, {account.words}"}
            if there.lines is not None and account.lines != there.lines:
                return {"outcome": "read", "fault": f"{table}: {there.lines} lines there, {account.words}"}
        return {"outcome": "read"}


def work(form: str, seed: int, numbers: list[int], folder: str, told: Any) -> None:
    """Read cases one after the other, and tell of each before and after."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    bench = Bench(form, seed, Path(folder))
    for number in numbers:
        name = bench.damage(number)
        told.send((number, None))
        told.send((number, bench.read(name) | {"file": name}))
    told.close()


def run(form: str, seed: int, numbers: list[int], seconds: float, folder: Path) -> list[dict[str, object]]:
    """Read the cases in a process that is replaced where it dies or takes too long."""
    context, results, left = multiprocessing.get_context("fork"), [], list(numbers)
    while left:
        here, there = context.Pipe(duplex=False)
        process = context.Process(target=work, args=(form, seed, left, str(folder), there))
        process.start()
        there.close()
        current, began = None, monotonic()
        while left:
            try:
                if not here.poll(seconds if current is not None else 120):
                    fault = f"took more than {seconds:g} seconds"
                    break
                number, result = here.recv()
            except EOFError:
                process.join()
                fault = f"the process died (exit {process.exitcode})"
                break
            if result is None:
                current, began = number, monotonic()
                continue
            results.append(result | {"case": number, "seconds": round(monotonic() - began, 3)})
            left.remove(number)
            current = None
        else:
            fault = None
        if fault is not None:
            number = left.pop(0)
            results.append({"case": number, "outcome": "died", "fault": fault, "seconds": seconds})
        process.kill()
        process.join()
    return results


def main() -> None:
    """Run the cases and print what became of them; status 1 where any is at fault."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--form", choices=FORMS, default="csv")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--first", type=int, default=0, help="Number of the first case.")
    parser.add_argument("--only", type=int, help="One case, by its number.")
    parser.add_argument("--keep", type=Path, help="Leave the files of the last case here.")
    given = parser.parse_args()
    numbers = list(range(given.first, given.first + given.files)) if given.only is None else [given.only]
    folder = given.keep or Path(tempfile.mkdtemp(prefix="perflib-fuzz-"))
    began = monotonic()
    results = run(given.form, given.seed, numbers, given.seconds, folder)
    if given.keep is None:
        shutil.rmtree(folder)
    faults = [result for result in results if "fault" in result]
    for result in faults if given.only is None else results:
        print(json.dumps(result))
    outcomes = Counter(str(result["outcome"]) for result in results)
    words = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
    print(f"{given.form}, seed {given.seed}: {len(results)} files: {words}; {len(faults)} at fault")
    slowest = max(results, key=lambda result: float(str(result["seconds"])))
    print(f"slowest: case {slowest['case']}, {slowest['seconds']} s")
    print(f"{monotonic() - began:.0f} s in all")
    raise SystemExit(bool(faults))


if __name__ == "__main__":
    main()
