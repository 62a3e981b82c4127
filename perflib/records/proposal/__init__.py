"""A look at an extract that nobody has described: which of its columns is probably which of ours.

Names and contents are weighed. A name is compared word by word, without regard to case, punctuation, plurals and words
such as "date", with our own name, the programme's label and aliases, and `SYNONYMS`. Contents are the share of cells
that are dates, that are codes of the programme, or that differ from row to row. Whatever is not certain is said in a
comment beside the guess, and what cannot be guessed is left as a question on a line that begins with `# ?`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from perflib.errors import DataError
from perflib.records.files import Files
from perflib.records.proposal.draft import Draft
from perflib.records.proposal.draft import Proposal as Proposal
from perflib.records.proposal.sheets import encoding_of, sheets_of
from perflib.rules.data_source import FolderSource
from perflib.rules.programme import Programme


def propose(folder: Path, programmes: Sequence[Programme], written: str) -> Proposal:
    """Look at the files of a folder and propose how they are mapped.

    Parameters
    ----------
    folder : Path
        Holds CSV, Parquet or Excel files.
    programmes : sequence of Programme
        Of several, the one whose events fit best is chosen; between equals, none.
    written : str
        The folder as the contract file shall name it.

    Raises
    ------
    DataError
        The folder holds no such file, one cannot be read, or no programme fits better than the others.
    """
    if not folder.is_dir():
        raise DataError(f"--from {folder}: is no folder. Give the one that holds the files of the extract.")
    encoding = encoding_of(folder)
    sheets = sheets_of(Files(FolderSource(folder=str(folder), encoding=encoding), folder))
    if not sheets:
        raise DataError(f"--from {folder}: holds no CSV, Parquet or Excel (.xlsx) file.")
    drafts = sorted((Draft(programme, sheets) for programme in programmes), key=lambda draft: -draft.fit)
    if len(drafts) > 1 and drafts[0].fit == drafts[1].fit:
        names = " and ".join(draft.programme.programme for draft in drafts if draft.fit == drafts[0].fit)
        raise DataError(f"--from {folder}: fits {names} equally well. Say which with --programme.")
    return drafts[0].proposal(written, encoding)
