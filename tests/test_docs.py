"""The documents that are made from the code are those in the repository, and leave nothing out."""

from pathlib import Path

import pytest
from pydantic import BaseModel

from perflib.records import sample
from perflib.records.schemas import TABLES
from perflib.reporting import data_dictionary
from perflib.rules.contract import BUILT_IN, Contract, load_programme
from perflib.rules.management import Management
from perflib.rules.programme import Programme
from perflib.rules.standards import Standard

DOCS = Path(__file__).parents[1] / "docs"
ROOTS = (Programme, Management, Contract, *sample.PROCESSES.values())


@pytest.fixture(scope="module")
def made():
    return data_dictionary.documents()


@pytest.mark.parametrize("name", ["extracts.md", "parameters.md"])
def test_the_document_in_the_repository_is_what_the_code_says_today(made, name):
    assert (DOCS / name).read_text(encoding="utf-8") == made[name], f"run: perflib docs --out {DOCS.name}"


def section(text: str, title: str) -> list[list[str]]:
    """The cells of the table under a heading, its own header and rule left out."""
    lines = text[text.index(f"\n### {title}\n") :].split("\n")[2:]
    end = next((i for i, line in enumerate(lines) if line.startswith("#")), len(lines))
    rows = [line for line in lines[:end] if line.startswith("|")][2:]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]


def test_every_column_of_every_table_stands_in_the_dictionary_with_what_it_is(made):
    for table, columns in TABLES.items():
        rows = section(made["extracts.md"], f"`{table}`")
        assert [row[0] for row in rows] == [f"`{name}`" for name in columns]
        assert all(row[-1].endswith(".") for row in rows), table


@pytest.mark.parametrize("programme", sorted(path.stem for path in (BUILT_IN / "programmes").glob("*.yaml")))
def test_every_event_and_attribute_of_every_programme_stands_in_the_dictionary(made, programme):
    rules = load_programme(programme, BUILT_IN)
    chapter = made["extracts.md"].partition(f"(`{programme}`)\n")[2]
    assert [row[0] for row in section(chapter, "Events")] == [f"`{name}`" for name in rules.events]
    assert [row[0] for row in section(chapter, "Attributes")] == [f"`{name}`" for name in rules.attributes]


def models() -> list[type[BaseModel]]:
    return list(dict.fromkeys(model for root in ROOTS for model in data_dictionary._reached(root)))


def test_every_key_of_every_parameter_file_has_a_description():
    bare = [
        f"{model.__name__}.{name}"
        for model in models()
        for name, field in model.model_fields.items()
        if not field.description
    ]
    assert bare == ["Contract.path"] or bare == []


def test_the_keys_are_those_that_a_file_gives_with_what_they_hold_and_their_default(made):
    # by hand, from perflib/rules/standards.py: `begins` is written `from`, `limit` is a whole number of at least 0
    rows = {row[0]: row[1:] for row in section(made["parameters.md"], "Standard")}
    assert list(rows)[:2] == ["`source`", "`invented`"]
    assert len(rows) == len(Standard.model_fields)
    assert rows["`from`"][:2] == ["list of text", "`referral`"]
    assert rows["`limit`"][:2] == ["whole number, at least 0", "none"]
    assert rows["`days`"][:2] == ["`working`, `calendar`", "`working`"]
    assert rows["`target`"][0] == "[Threshold](#threshold)"
    assert rows["`name`"][:2] == ["text", ""]
    route = {row[0]: row[1] for row in section(made["parameters.md"], "Route")}
    assert route["`within_days`"] == "dated whole number"


def test_every_model_that_a_key_holds_has_a_section_of_its_own(made):
    for model in models():
        assert f"\n### {model.__name__}\n" in made["parameters.md"]


def test_what_no_file_gives_is_not_there(made):
    assert "`path`" not in [row[0] for row in section(made["parameters.md"], "Contract")]


def test_a_bar_in_a_cell_does_not_make_another_cell():
    made = data_dictionary._table("T", ("a", "b"), [("x|y", "z")], level=2)
    assert made.splitlines()[-1] == "| x\\|y | z |"
