"""The cells of a Parquet file: text and dates as categories in order, without writing out every cell.

Conventions
-----------
- Text and dates, many cells of few values, become categories; numbers with a fraction become text; other types stay.
- Only the columns that are needed are read; the others stand in the frame without cells.
- Where the file lists a column's distinct texts, the list is taken instead of the cells.
- Identifiers of one prefix and so many digits, R110000004 to R110999990, are read as whole numbers: it takes a third of
  the time. The file's statistics tell which columns may be such; each cell is checked, and a column that is not is read
  as any other text.

- A file whose own counts contradict each other is refused. One that gives too few rows in each of its counts alike
  cannot be told from a shorter file.

A column and row group is read at a time, in a thread a processor: what is in hand then stays small.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from perflib.records.cells import text_of
from perflib.records.current_rows import code_dtype, of_codes
from perflib.records.mapping import same

Places: TypeAlias = NDArray[np.integer]

LISTED = {"PLAIN", "PLAIN_DICTIONARY", "RLE", "RLE_DICTIONARY", "BIT_PACKED"}
"""Encodings of Parquet from which Arrow can take the list of distinct texts."""

IDENTIFIER = re.compile(r"(.*?)([0-9]{1,18})", re.DOTALL)
SPARSE = 8
"""Identifiers are read as numbers where from the least to the greatest there are at most so many for each row."""


def read_parquet(path: Path, needed: Collection[str] | None = None) -> pd.DataFrame:
    """Return the cells of a Parquet file.

    Parameters
    ----------
    path : Path
    needed : collection of str, optional
        Headers, as `same` writes them, of the columns that are read; None: all that hold one value a cell.

    Raises
    ------
    OSError, ValueError
        The file is not one, is damaged, or a column that is needed holds more than one value a cell.
    """
    with pq.ParquetFile(path) as file:
        none, metadata = file.schema_arrow.empty_table(), file.metadata
        names = [name for name in none.column_names if _is_read(none.schema.field(name), needed)]
        _check_readable(file, names)
    chunks = _chunks(metadata, names)
    _check_counts(metadata, chunks)
    groups = range(metadata.num_row_groups)
    with ThreadPoolExecutor(pa.cpu_count()) as pool:
        columns = []
        for name in names:
            form = Form.behind(chunks[name], metadata.num_rows)
            listed = all({*chunk.encodings} <= LISTED for chunk in chunks[name])
            pieces = pool.map(partial(_piece, path, name, listed, form), groups)
            columns.append(pool.submit(_column, path, none.schema.field(name), form, pieces))
        read = {name: _explained(name, column.result) for name, column in zip(names, columns, strict=True)}
    nothing = pd.Series(pd.array([None], dtype="str").take(np.zeros(metadata.num_rows, dtype=np.intp)))
    frame = pd.DataFrame(
        {place: read.get(name, nothing) for place, name in enumerate(none.column_names)},
        index=pd.RangeIndex(metadata.num_rows),
        copy=False,
    )
    return frame.set_axis(none.column_names, axis="columns")


def _check_readable(file: pq.ParquetFile, names: Sequence[str]) -> None:
    """Read a first row of each group: what damage to a column's metadata does to Arrow is an error here.

    Asked for the same metadata by `RowGroupMetaData.column`, Arrow ends the process.
    """
    for group in range(file.metadata.num_row_groups):
        next(file.iter_batches(batch_size=1, row_groups=[group], columns=names, use_threads=False), None)


def _chunks(metadata: pq.FileMetaData, names: Sequence[str]) -> dict[str, list[Any]]:
    """Metadata of each column that is read, by row group."""
    chunks: dict[str, list[Any]] = {name: [] for name in names}
    paths = [metadata.schema.column(number).path for number in range(metadata.num_columns)]
    for group, (number, path) in product(range(metadata.num_row_groups), enumerate(paths)):
        if path in chunks:
            chunks[path].append(metadata.row_group(group).column(number))
    return chunks


def _check_counts(metadata: pq.FileMetaData, chunks: dict[str, list[Any]]) -> None:
    """Refuse a file whose own counts of rows contradict each other: it would be read short."""
    groups = [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)]
    if sum(groups) != metadata.num_rows:
        raise ValueError(f"it says {metadata.num_rows:,} rows and its groups hold {sum(groups):,}")
    for name, found in chunks.items():
        for chunk, rows in zip(found, groups, strict=False):
            if chunk.num_values != rows:
                raise ValueError(f"column {name!r} holds {chunk.num_values:,} cells where the file says {rows:,} rows")


def _is_read(field: pa.Field, needed: Collection[str] | None) -> bool:
    """Decide whether a column is read; refuse one that is needed and holds more than one value a cell."""
    is_wanted = needed is not None and same(field.name) in needed
    if pa.types.is_nested(field.type):
        if is_wanted:
            raise ValueError(f"column {field.name!r} holds lists or structures, not one value a cell")
        return False
    return needed is None or is_wanted


def _explained(name: str, result: Callable[[], pd.Series]) -> pd.Series:
    try:
        return result()
    except (pa.ArrowException, ValueError, OverflowError, IndexError) as error:
        raise ValueError(f"column {name!r}: {' '.join(str(error).split())}") from None


@dataclass(frozen=True)
class Form:
    """What the identifiers of a column have in common: R110000004 to R110999990."""

    prefix: str
    digits: int
    low: int
    high: int

    @classmethod
    def behind(cls, chunks: Sequence[Any], rows: int) -> Form | None:
        """Return what a column's statistics tell of its identifiers; None where they are not of one form."""
        told = [chunk.statistics for chunk in chunks]
        if not told or any(one is None or not one.has_min_max or not isinstance(one.min, str) for one in told):
            return None
        least, most = min(one.min for one in told), max(one.max for one in told)
        low, high = IDENTIFIER.fullmatch(least), IDENTIFIER.fullmatch(most)
        if low is None or high is None or low[1] != high[1] or len(least) != len(most) or not least.isascii():
            return None
        found = cls(low[1], len(low[2]), int(low[2]), int(high[2]))
        return found if found.missing <= SPARSE * rows else None

    @property
    def missing(self) -> int:
        """The place of a missing cell: after all others."""
        return self.high - self.low + 1

    def places(self, cells: pa.Array) -> Places | None:
        """Return how far each cell is from the least; None where a cell is of another form."""
        found = np.full(len(cells), self.missing, dtype=np.min_scalar_type(self.missing))
        filled = cells.drop_null()
        if len(filled):
            _, ends, text = filled.buffers()
            kind = np.int64 if pa.types.is_large_string(filled.type) else np.int32
            ends = np.frombuffer(ends, kind)[filled.offset : filled.offset + len(filled) + 1]
            if (np.diff(ends) != len(self.prefix) + self.digits).any():
                return None
            letters = np.frombuffer(text, np.uint8)[ends[0] : ends[-1]].reshape(len(filled), -1)
            prefix, digits = letters[:, : len(self.prefix)], letters[:, len(self.prefix) :] - ord("0")
            number = np.zeros(len(filled), dtype=np.int64)
            for digit in digits.T:
                number *= 10
                number += digit
            if (prefix != np.frombuffer(self.prefix.encode(), np.uint8)).any() or digits.max() > 9:
                return None
            if number.min() < self.low or number.max() > self.high:
                return None
            found[cells.is_valid().to_numpy(zero_copy_only=False)] = number - self.low
        return found

    def column(self, pieces: Iterable[Places]) -> pd.Series:
        """Return categories for the cells of all pieces."""
        pieces = list(pieces)
        present = np.zeros(self.missing + 1, dtype=bool)
        for places in pieces:
            present[places] = True
        numbers = np.flatnonzero(present[:-1])
        code = np.full(len(present), -1, dtype=code_dtype(len(numbers)))
        code[numbers] = np.arange(len(numbers))
        digits = pc.utf8_lpad(pa.array(numbers + self.low).cast(pa.string()), self.digits, "0")
        names = pc.binary_join_element_wise(self.prefix, digits, "")
        return of_codes(np.concatenate([code[places] for places in pieces]), pd.Index(names.to_pandas()))


def _piece(path: Path, name: str, listed: bool, form: Form | None, group: int) -> list[Any]:
    """Return a column of a row group, in chunks: places among identifiers, places in a list of texts, or cells."""
    with pq.ParquetFile(path, read_dictionary=[name] if listed and form is None else None) as file:
        cells = file.read_row_group(group, columns=[name], use_threads=False).column(0)
    if form is None:
        return _narrow(cells)
    if pa.types.is_dictionary(cells.type):  # as pandas writes categories
        cells = cells.cast(cells.type.value_type)
    return [form.places(chunk) for chunk in cells.chunks]


def _narrow(cells: pa.ChunkedArray) -> list[Any]:
    """Return text and dates, in chunks, as the distinct ones and the place of each cell among them, -1 if missing."""
    kinds = (pa.types.is_string, pa.types.is_large_string, pa.types.is_date, pa.types.is_timestamp)
    if any(is_kind(cells.type) for is_kind in kinds):
        cells = cells.dictionary_encode()
    if not pa.types.is_dictionary(cells.type):
        return cells.chunks
    places = [chunk.indices.cast(pa.int32()).fill_null(-1).to_numpy() for chunk in cells.chunks]
    return [
        (chunk.dictionary, place.astype(code_dtype(len(chunk.dictionary))))
        for chunk, place in zip(cells.chunks, places, strict=True)
    ]


def _column(path: Path, field: pa.Field, form: Form | None, pieces: Iterable[list[Any]]) -> pd.Series:
    """Return a column from its pieces."""
    chunks = [chunk for piece in pieces for chunk in piece]
    if form is not None:
        if all(chunk is not None for chunk in chunks):
            return form.column(chunks)
        with pq.ParquetFile(path) as file:
            chunks = _narrow(file.read(columns=[field.name], use_threads=False).column(0))
    if chunks and isinstance(chunks[0], tuple):
        return _categories(*zip(*chunks, strict=True))
    values = pa.chunked_array(chunks, field.type).to_pandas()
    if pd.api.types.is_integer_dtype(values.dtype):
        return values
    place, distinct = pd.factorize(values)
    texts = pd.array([text_of(value) for value in distinct], dtype="str")
    return pd.Series(texts.take(place, allow_fill=True))


def _categories(lists: Sequence[pa.Array], places: Sequence[Places]) -> pd.Series:
    """Return categories in order from lists of texts or dates, and the places of cells in each."""
    every = pa.concat_arrays(lists).dictionary_encode()
    names = every.dictionary
    ordered = pc.sort_indices(names)
    code = np.empty(len(names), dtype=code_dtype(len(names)))
    code[ordered.to_numpy()] = np.arange(len(names))
    own = np.split(code[every.indices.to_numpy()], np.cumsum([len(names) for names in lists])[:-1])
    codes = [np.append(code, code.dtype.type(-1))[place] for code, place in zip(own, places, strict=True)]
    return of_codes(np.concatenate(codes), pd.Index(names.take(ordered).to_pandas(date_as_object=False)))
