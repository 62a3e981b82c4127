"""A griffe extension: an example that stands in a docstring without a heading becomes a code block of the site."""

import re
from typing import Any

import griffe

LOOSE = re.compile(r"^>>> .*(?:\n.+)*", re.MULTILINE)
"""From a prompt to the next blank line."""


class DoctestBlocks(griffe.Extension):
    """Fence examples outside an `Examples` section, which the numpy parser fences itself."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Fence the examples of one docstring."""
        if obj.docstring and not re.search(r"^Examples\n-", obj.docstring.value, re.MULTILINE):
            obj.docstring.value = LOOSE.sub("```pycon\n\\g<0>\n```", obj.docstring.value)
