"""What units are called: by their names, or before an audience that may see none, otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from perflib.disclosure.sentences import Name
from perflib.disclosure.words import listed


@dataclass(frozen=True)
class Names:
    """What units are called, for sentences (`names[unit]`) and columns (`text(header, names=names)`).

    Parameters
    ----------
    outside : mapping of str to str
        Unit to what it is called where names may not be seen.
    inside : mapping of str to str
        Unit to what it is called everywhere, where that is not its own name.
    otherwise : str, optional
        What all other units are called where names may not be seen; by default their own names.

    Examples
    --------
    >>> names = Names({"SC05": "Subcontractor 3"}, {"whp-sample": "Whole contract"})
    >>> names.called("SC05", shown=True), names.called("SC05", shown=False), names.called("whp-sample", shown=False)
    ('SC05', 'Subcontractor 3', 'Whole contract')
    >>> names["SC05"]
    Name(text='SC05', outside='Subcontractor 3')
    """

    outside: Mapping[str, str]
    inside: Mapping[str, str] = field(default_factory=dict)
    otherwise: str | None = None

    def __getitem__(self, unit: object) -> Name:
        return Name(self.called(unit, shown=True), self.called(unit, shown=False))

    def called(self, unit: object, *, shown: bool) -> str:
        """Name one unit, where names may be shown and where not."""
        own = str(unit)
        if shown:
            return own if own in self.outside else self.inside.get(own, own)
        return self.outside.get(own) or self.inside.get(own) or self.otherwise or own

    def disclosed(self, cell: Any, *, shown: bool) -> Any:
        """Name the units of a cell of a table: one, a list of them, or none (missing)."""
        if isinstance(cell, list | tuple):
            return listed([self.called(unit, shown=shown) for unit in cell]) or None
        return self.called(cell, shown=shown) if isinstance(cell, str) else cell
