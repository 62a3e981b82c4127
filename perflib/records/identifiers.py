"""Identifiers of people that stand where a report would show them: typed into a name, or shifted into another column.

Conventions
-----------
- An identifier is a referral_id or participant_id that any table of the extract holds.
- A text holds one if it is one, or has one among its words, in capitals or small letters.
- In a column of free text a number of up to four digits is left: it tells nobody, and centres are numbered.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from perflib.records.current_rows import categorical, codes
from perflib.records.schemas import NOT_RECORDED, ROW_NOT_USED, SET_ASIDE, is_filled, open_columns
from perflib.rules.programme import Programme

PERSON = "holds the identifier of a referral or person"


def identifiers(tables: Mapping[str, pd.DataFrame]) -> pd.Series:
    """Return every identifier of a referral or person, in small letters; all tables have the same referrals."""
    people = tables["participants"]
    names = [pd.Series(people[name].cat.categories) for name in ("referral_id", "participant_id")]
    return pd.concat(names, ignore_index=True).str.lower()


def holding(cells: pd.Series, known: pd.Series) -> NDArray[np.bool_]:
    """Return which texts hold one of the identifiers known.

    >>> holding(pd.Series(["SC01", "see R-1.", "r-1"]), pd.Series(["r-1"])).tolist()
    [False, True, True]
    """
    place, distinct = pd.factorize(cells.astype("str"))
    words = _words(pd.Series(distinct))
    found = words.isin(_among(known, words)).groupby(level=0).any().to_numpy()
    return np.append(found, False)[place]


def _words(texts: pd.Series) -> pd.Series:
    """Return texts, and each of their words, in small letters; index their places."""
    text = texts.reset_index(drop=True).astype("str").str.strip().str.lower()
    return pd.concat([text, text.str.split().explode().str.strip(".,;:()[]")]).astype("str")


def _among(known: pd.Series, words: pd.Series) -> pd.Series:
    """Return those of the identifiers known, of which there may be a million, that are among some words."""
    return known[known.isin(words)]


def hide(name: str, table: pd.DataFrame, known: pd.Series, programme: Programme) -> pd.DataFrame:
    """Take identifiers out of the columns of a table that reports may show, and return those cells as faults."""
    faults = [pd.DataFrame(columns=SET_ASIDE)]
    kinds = {column: categorical(table[column]) for column in open_columns(name, programme)}
    texts = [pd.Series(kind.cat.categories, dtype="str") for kind in kinds.values()]
    known = _among(known, _words(pd.concat([pd.Series(dtype="str"), *texts])))
    known = known[~known.str.fullmatch(r"\d{1,4}").astype(bool)]
    for column, kind in kinds.items() if len(known) else ():
        held = np.append(holding(pd.Series(kind.cat.categories), known), False)[codes(kind)]
        if name == "attributes":
            held &= table["attribute"].isin(open_columns("participants", programme)).to_numpy()
        if held.any():
            table[column] = table[column].where(~held)
            effect = ROW_NOT_USED if is_filled(name, column) else NOT_RECORDED
            fixed = {"table": name, "row": table.index[held], "column": column, "value": "", "reason": PERSON}
            faults.append(pd.DataFrame(fixed | {"effect": effect}, columns=SET_ASIDE))
    return pd.concat(faults, ignore_index=True)
