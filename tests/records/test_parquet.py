"""Parquet is read as pandas' own reader reads it, whichever way a column goes.

What a column becomes is compared with `pandas.read_parquet`; which way it went is told by `Form.behind`, which looks
at the file's statistics alone.
"""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perflib.records import parquet
from perflib.records.parquet import Form, read_parquet

Cells = list[str | None]


def written(path: Path, cells: Cells, kind: pa.DataType | None = None, rows: int = 3, **how: Any) -> Path:
    pq.write_table(pa.table({"cells": pa.array(cells, kind or pa.string())}), path, row_group_size=rows, **how)
    return path


def behind(path: Path) -> Form | None:
    with pq.ParquetFile(path) as file:
        groups = [file.metadata.row_group(number) for number in range(file.metadata.num_row_groups)]
        return Form.behind([group.column(0) for group in groups], file.metadata.num_rows)


def assert_read(path: Path, cells: Cells) -> None:
    column = read_parquet(path)["cells"]
    assert column.astype(object).where(column.notna(), None).tolist() == cells
    other = pd.read_parquet(path)["cells"].astype(object)
    assert other.where(other.notna(), None).tolist() == cells
    if isinstance(column.dtype, pd.CategoricalDtype):
        assert column.cat.categories.tolist() == sorted({cell for cell in cells if cell is not None})


# Cells, and what their identifiers have in common: prefix, digits, least and most; None where they are of no one form.
FORMS: dict[str, tuple[Cells, tuple[str, int, int, int] | None]] = {
    "one prefix and so many digits": (["R0007", "R0012", "R0003", "R0007"], ("R", 4, 3, 12)),
    "digits alone": (["17", "10", "11", "17", "12"], ("", 2, 10, 17)),
    "digits before the last ones are of the prefix": (["2020/01", "2020/03", "2020/02"], ("2020/", 2, 1, 3)),
    "missing cells are left out": (["R1", None, "R3", None, "R1"], ("R", 1, 1, 3)),
    "not of one prefix": (["A1", "B2", "A2"], None),
    "not of one length": (["R9", "R10", "R11"], None),
    "no digits": (["east", "west", "east"], None),
    "a prefix that is no plain text": (["é1", "é2"], None),
    "too far apart": (["R100000", "R900000"], None),
    "all missing": ([None, None], None),
}


@pytest.mark.parametrize("case", FORMS)
def test_identifiers_of_one_form_are_told_by_the_statistics(case: str, tmp_path: Path) -> None:
    cells, form = FORMS[case]
    path = written(tmp_path / "a.parquet", cells)
    assert behind(path) == (form and Form(*form))
    assert_read(path, cells)


@pytest.mark.parametrize(
    "stray", ["R0x07", "R00 7", "R+007", "R-001", "Q0007", "R٠٠07", "R007", "R00070", "", "R\x0007"], ids=ascii
)
def test_a_cell_of_another_form_between_the_others_is_read_as_it_is(stray: str, tmp_path: Path) -> None:
    cells: Cells = ["R0001", "R0009", "R0002", stray, "R0004"]
    assert_read(written(tmp_path / "a.parquet", cells), cells)
    # As if the statistics told nothing of it: each cell is checked.
    form = Form("R", 4, 1, 9)
    assert form.places(pa.array(cells)) is None
    assert form.places(pa.array(["R0001", "R0010"])) is None
    assert form.places(pa.array(["R0009", None, "R0002"])).tolist() == [8, 9, 1]


def test_a_column_of_which_one_cell_is_not_what_the_statistics_tell_is_read_as_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells: Cells = ["R0001", "R0009", None, "R0x02", "R0004", "R0001", "R0004"]
    monkeypatch.setattr(parquet.Form, "behind", lambda *_: Form("R", 4, 1, 9))
    assert_read(written(tmp_path / "a.parquet", cells), cells)


@pytest.mark.parametrize(
    "how",
    [
        {"write_statistics": False},
        {"use_dictionary": False},
        {"use_dictionary": False, "column_encoding": "DELTA_BYTE_ARRAY"},
        {"use_dictionary": False, "column_encoding": "DELTA_LENGTH_BYTE_ARRAY"},
        {"dictionary_pagesize_limit": 8},  # the list of texts is broken off, and the other cells are written out
        {"compression": "zstd", "data_page_version": "2.0"},
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()], ids=str)
@pytest.mark.parametrize("cells", [["R1", None, "R3", "R2", "R1"], ["west", "east", None, "west", "north"]], ids=str)
def test_text_is_the_same_however_it_was_written(cells: Cells, kind: Any, how: dict, tmp_path: Path) -> None:
    assert_read(written(tmp_path / "a.parquet", cells, kind, **how), cells)


def texts() -> st.SearchStrategy[str | None]:
    ids = st.builds("{}{:0{}d}".format, st.sampled_from(["R", "R", "", "é", "A-"]), st.integers(0, 99), st.just(3))
    return st.one_of(ids, ids, ids, st.none(), st.text(max_size=5))


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    cells=st.lists(texts(), max_size=30) | st.lists(st.integers(0, 99).map("R{:04d}".format) | st.none(), max_size=30),
    rows=st.integers(1, 40),
    listed=st.booleans(),
)
def test_any_text_is_read_as_it_was_written(cells: Cells, rows: int, listed: bool, tmp_path: Path) -> None:
    assert_read(written(tmp_path / "a.parquet", cells, rows=rows, use_dictionary=listed), cells)


def test_a_file_without_rows_has_its_columns(tmp_path: Path) -> None:
    none = pa.table({"text": pa.array([], pa.string()), "day": pa.array([], pa.date32())})
    pq.write_table(none, tmp_path / "a.parquet")
    assert read_parquet(tmp_path / "a.parquet").shape == (0, 2)


def test_dates_are_categories_in_order_whatever_row_group_they_stand_in(tmp_path: Path) -> None:
    days = [date(2020, 3, 1), None, date(2019, 1, 5), date(2020, 3, 1), date(2018, 7, 9)]
    pq.write_table(pa.table({"day": pa.array(days)}), tmp_path / "a.parquet", row_group_size=2)
    column = read_parquet(tmp_path / "a.parquet")["day"]
    assert column.cat.categories.tolist() == [pd.Timestamp(day) for day in sorted(set(filter(None, days)))]
    assert column.cat.codes.tolist() == [2, -1, 1, 2, 0]


@pytest.fixture
def no_second_reading(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Count how often a file is opened."""
    opened, plain = [], pq.ParquetFile

    def counted(*args: Any, **kwargs: Any) -> pq.ParquetFile:
        opened.append(args)
        return plain(*args, **kwargs)

    monkeypatch.setattr(parquet.pq, "ParquetFile", counted)
    return lambda: len(opened)


def test_identifiers_of_one_form_are_read_once(tmp_path: Path, no_second_reading: Callable[[], int]) -> None:
    names = [f"R{number:07d}" for number in np.random.default_rng(1).permutation(1000)]
    path = written(tmp_path / "a.parquet", names, rows=250)
    assert read_parquet(path)["cells"].tolist() == names
    assert no_second_reading() == 1 + 4  # the header, and each row group


def test_damaged_statistics_are_an_error_and_end_no_process() -> None:
    """In a valid file one byte of the size statistics of a column was changed: Arrow's own metadata aborts on it."""
    damaged = Path(__file__).parents[1] / "answers" / "damaged-statistics.parquet"
    with pytest.raises(OSError, match="histogram size mismatch"):
        read_parquet(damaged)
