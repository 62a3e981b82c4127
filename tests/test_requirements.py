"""Where each rule of the source documents is met: `docs/requirements.md`, and marks that stand on tests which assert.

The document is made from `docs/requirements.csv`, a row a rule, and from the marks `@pytest.mark.requirement("WHP-40")`
in the tests, which are read and not run: `python tests/test_requirements.py` writes it anew.
"""

import ast
import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
ROOT = TESTS.parent
REGISTER, DOCUMENT = ROOT / "docs" / "requirements.csv", ROOT / "docs" / "requirements.md"

MET_BY_TESTS = ("computed", "recorded")
KINDS = (*MET_BY_TESTS, "document", "context")
HOW = ("computed", "computed, in part", "recorded", "recorded, in part", "document", "context", "open")
NO_TEST = "no test yet"  # in `missing`: it is built, and nothing shows it; a mark takes that away

SOURCES = {
    "Q": "Question 2.13.1 of the tender, which both providers answer",
    "KS": "KS's answer",
    "WL": "Working Links' answer",
    "SES": "Specialist Employability Support, provider guidance chapter 7",
    "WHP": "Work and Health Programme, provider guidance chapter 16",
    "JII": 'Group Work ("JOBS II"), provider guidance chapter 6',
}
ROWS = {"Q": 7, "KS": 61, "WL": 49, "SES": 35, "WHP": 76, "JII": 60}

OPENING = """\
# Requirements

Every rule of the documents that this project was built from, in one line, and how it is met. Made by
`python tests/test_requirements.py` from `docs/requirements.csv` and from the marks in the tests; not to be edited by
hand.

A rule is *computed* when a test asserts it; *recorded* when it is a log kept elsewhere whose status is shown, which a
test asserts too; a *document* where one must exist; *context* where it limits a claim or a label. It is met *in part*,
or *open*, when something is missing: what, stands beside it. Places are modules of `perflib`, tests are files under
`tests`.
"""


@dataclass(frozen=True)
class Marked:
    """A test function that carries marks."""

    file: Path
    name: str
    ids: tuple[str, ...]
    node: ast.FunctionDef


def register() -> list[dict[str, str]]:
    with REGISTER.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def marks(node: ast.AST) -> Iterator[ast.Call]:
    for part in ast.walk(node):
        if isinstance(part, ast.Call) and ast.unparse(part.func).endswith("mark.requirement"):
            yield part


def ids_of(call: ast.Call) -> list[str]:
    """The ids of a mark that are written out in it."""
    return [word.value for word in call.args if isinstance(word, ast.Constant) and isinstance(word.value, str)]


def marked_in(path: Path) -> Iterator[Marked]:
    """The tests of a file that are marked."""
    for parent in (tree_of(path), *(node for node in tree_of(path).body if isinstance(node, ast.ClassDef))):
        for node in parent.body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                found = [
                    name for decorator in node.decorator_list for mark in marks(decorator) for name in ids_of(mark)
                ]
                name = node.name if isinstance(parent, ast.Module) else f"{parent.name}::{node.name}"
                if found:
                    yield Marked(path, name, tuple(found), node)


@cache
def marked() -> tuple[Marked, ...]:
    return tuple(test for path in sorted(TESTS.rglob("test_*.py")) for test in marked_in(path))


def showing(row: str) -> list[Marked]:
    return [test for test in marked() if row in test.ids]


def how(row: dict[str, str], shown: bool) -> str:
    """How a rule is met: its kind, 'in part' where something is missing, or 'open'."""
    if row["kind"] not in MET_BY_TESTS:
        return row["kind"]
    if not shown:
        return "open"
    return row["kind"] if row["missing"] in ("", NO_TEST) else f"{row['kind']}, in part"


def document() -> str:
    """The text of the document."""
    rows = [row | {"how": how(row, bool(showing(row["id"])))} for row in register()]
    counts = {source: Counter(row["how"] for row in rows if source_of(row["id"]) == source) for source in SOURCES}
    whole = sum(counts.values(), Counter())
    headers = [name for name in HOW if whole[name]]
    lines = [
        [f"[{source}](#{source.lower()})", *(counts[source][name] for name in headers), counts[source].total()]
        for source in SOURCES
    ]
    lines.append(["All", *(whole[name] for name in headers), whole.total()])
    parts = [OPENING, table(["", *headers, "all"], lines)]
    for source, title in SOURCES.items():
        mine = [row for row in rows if source_of(row["id"]) == source]
        parts.append(f"\n## {source}\n\n{title}.\n")
        parts.append(table(["id", "rule", "how", "where, or which", "tests"], [line(row) for row in mine]))
    return "\n".join(parts) + "\n"


def source_of(row: str) -> str:
    return row.partition("-")[0]


def line(row: dict[str, str]) -> list[str]:
    missing = row["missing"] if row["how"] == "open" or row["how"].endswith("in part") else ""
    by_tests = row["kind"] in MET_BY_TESTS
    where = ", ".join(f"`{place}`" for place in row["where"].split()) if by_tests else row["where"]
    shown = [f"`{test.file.relative_to(TESTS).as_posix()}::{test.name}`" for test in showing(row["id"])]
    return [row["id"], row["rule"], f"{row['how']}: {missing}" if missing else row["how"], where, "<br>".join(shown)]


def table(header: list[str], rows: Iterable[Iterable[object]]) -> str:
    cells = [[str(cell).replace("|", "\\|") for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, ["---"] * len(header), *cells))


# What is asked of the register and of the marks


def test_the_document_is_what_the_register_and_the_marks_say_today():
    assert DOCUMENT.read_text(encoding="utf-8") == document(), "run: python tests/test_requirements.py"


def test_the_register_has_every_row_once_in_the_order_of_the_documents():
    ids = [row["id"] for row in register()]
    assert Counter(map(source_of, ids)) == ROWS
    assert sum(ROWS.values()) == len(set(ids)) == 288
    places = [(list(SOURCES).index(source_of(name)), *number_and_letter(name)) for name in ids]
    assert places == sorted(places)


def number_and_letter(row: str) -> tuple[int, str]:
    number, letter = re.fullmatch(r"[A-Z]+-(\d+)([a-z]?)", row).groups()
    return int(number), letter


@pytest.mark.parametrize("row", register(), ids=lambda row: row["id"])
def test_a_row_is_shown_by_a_test_or_says_what_there_is_or_is_not(row):
    assert row["kind"] in KINDS
    assert row["rule"]
    if row["kind"] not in MET_BY_TESTS:
        assert row["where"], "say which document, or what it limits"
        assert not row["missing"]
    elif not showing(row["id"]):
        assert row["missing"], "mark the test that asserts it, or say in `missing` what is not there"


def test_every_mark_is_of_a_row_and_written_out_above_a_test():
    known = {row["id"] for row in register()}
    for path in sorted(TESTS.rglob("*.py")):
        written = [name for mark in marks(tree_of(path)) for name in ids_of(mark)]
        assert sum(len(mark.args) for mark in marks(tree_of(path))) == len(written), f"{path}: an id is not written out"
        assert set(written) <= known, path
        assert Counter(written) == Counter(name for test in marked_in(path) for name in test.ids), path


def asserts(node: ast.AST) -> bool:
    """Whether a function asserts anything that could be otherwise."""
    for part in ast.walk(node):
        if isinstance(part, ast.Assert) and not isinstance(part.test, ast.Constant):
            return True
        if isinstance(part, ast.Call) and re.search(r"(^|\.)(assert_\w+|raises)$", ast.unparse(part.func)):
            return True
    return False


def test_a_mark_stands_on_a_test_that_asserts_something():
    assert [f"{test.file.name}::{test.name}" for test in marked() if not asserts(test.node)] == []


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("assert found == 3", True),
        ("with pytest.raises(ValueError): make()", True),
        ("np.testing.assert_allclose(found, 3)", True),
        ("for row in rows:\n        assert row", True),
        ("assert True", False),
        ("make()\n    assert 1, 'reached'", False),
        ("found = make()", False),
    ],
)
def test_a_test_that_asserts_nothing_is_found(body, found):
    assert asserts(ast.parse(f"def test_it():\n    {body}")) == found


@cache
def imports(path: Path) -> frozenset[str]:
    """What a file imports of perflib, without that name: `analysis.cohorts`."""
    names = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(name.removeprefix("perflib.") for name in names if name.startswith("perflib."))


@pytest.mark.parametrize("row", [row for row in register() if showing(row["id"])], ids=lambda row: row["id"])
def test_what_meets_a_rule_is_there_and_is_used_by_a_test_that_shows_it(row):
    """A mark that strayed onto a test of something else is found so."""
    if row["kind"] not in MET_BY_TESTS:
        return
    places = row["where"].split()
    assert places, "say in `where` which modules meet it"
    for place in places:
        module = ROOT / "perflib" / place.replace(".", "/")
        assert (ROOT / place).exists() or module.is_dir() or module.with_suffix(".py").is_file(), place
    used = {name for test in showing(row["id"]) for name in imports(test.file)}
    assert any(name == place or name.startswith(f"{place}.") for name in used for place in places), (
        f"{', '.join(test.file.name for test in showing(row['id']))}: of {row['where']} nothing is imported"
    )


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")
