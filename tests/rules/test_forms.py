"""What a key takes, as messages say it: every example is allowed where it is given."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, create_model

from perflib.rules.contract import Contract, FolderSource
from perflib.rules.forms import form, keys
from perflib.rules.management import Management
from perflib.rules.programme import Programme
from perflib.rules.yaml_errors import load

ELSEWHERE = {"programme", "management", "path"}
"""Keys that name another file."""


def fields(model: type[BaseModel]) -> Iterator[tuple[str, Any]]:
    for name, field in model.model_fields.items():
        if name not in ELSEWHERE or model is not Contract:
            yield field.alias or name, field


COMPARED = {"requires", "kpis", "assurance", "recording_delay"}
"""Keys whose models compare what they hold, which their annotations do not say."""


@pytest.mark.parametrize("model", [Contract, FolderSource, Programme, Management])
def test_every_example_is_allowed_at_its_key(model: type[BaseModel], tmp_path: Path) -> None:
    for key, field in fields(model):
        if key not in COMPARED:
            (tmp_path / "one.yaml").write_text(f"{key}: {form(model, [key]).example}\n", encoding="utf-8")
            kind: Any = Annotated[field.annotation, *field.metadata, "given"]
            one = create_model("One", value=(kind, ...))
            one.model_validate({"value": load(tmp_path / "one.yaml")[key]})


@pytest.mark.parametrize(
    ("location", "words"),
    [
        (["nation"], "one of ENG, WLS, SCT, NIR"),
        (["first_day"], "a date as YYYY-MM-DD, for example 2020-06-30"),
        (["changes", 3, "month"], "a month as YYYY-MM, for example 2020-06"),
        (["disclosure", "internal", "names"], "true or false"),
        (["mix", "ltu"], "a number, 0 or more, for example 0.5"),
        (["kpis", "starts", "target", 0, "value", "at_least"], "a number, 0 or more, for example 0.5"),
        (["source_order"], "a list, for example [hmrc]"),
    ],
)
def test_a_form_follows_the_models_through_lists_and_names(location: list[int | str], words: str) -> None:
    assert form(Contract, location).words == words


def test_keys_are_those_of_the_model_at_a_place() -> None:
    assert keys(Contract, ["releases", 0]) == ["on", "through"]
