"""The rows of lists; this module imports little, since a process is started to read one list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


# Of these there are a hundred thousand at once, so they are as small as can be.
@dataclass(slots=True)  # frozen, a list would take a tenth longer: each field would be set the slow way
class ListRow:
    """One row of a list as given; `number` 1 is the first after the header, blank rows left out, 0 if it is not known.

    `uid`: the event that it names, if any. `code`: why it could not be read.
    """

    email: str
    name: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    number: int = 0
    code: str = ""
    uid: str = ""


@dataclass(slots=True)  # frozen, a list would take a tenth longer: each field would be set the slow way
class Recipient:
    """One row of an uploaded list, judged; `row` 1 is the first after the header, a good one has no `code`.

    `detail`: what is wrong with which column.
    """

    row: int
    email: str
    name: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    code: str = ""
    detail: str = ""
