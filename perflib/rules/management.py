"""How a provider manages performance, as data: the service limits it works to besides the programme's.

A regime is one file, `params/management/<id>.yaml`; a contract names its own with `management: <id>`. Its standards are
laid over the programme's, and the contract's over both (`rules.standards.merge`). What a source document redacts
stands in the file with an invented value that says so, for a contract to change.

A regime may need events that a programme does not name, such as reviews: they stand under `events` and are added to
the programme's. Where both name an event, the programme's holds.
"""

from __future__ import annotations

from pydantic import Field

from perflib.rules.programme import EventType, Programme
from perflib.rules.standards import Standard
from perflib.rules.values import Name, Rules


class Management(Rules):
    """A provider's way of managing performance."""

    management: str = Field(description="Its id: the file's own name.")
    name: str = Field(description="What reports call it.")
    source: str = Field(description="The document that it is from.")
    events: dict[Name, EventType] = Field(default_factory=dict, description="What it records besides the programme's.")
    standards: dict[Name, Standard] = Field(default_factory=dict, description="Its service limits, by id.")

    def extend(self, programme: Programme) -> Programme:
        """Return the programme with the events of the regime that it does not have."""
        return Programme.model_validate(dict(programme) | {"events": self.events | programme.events})
