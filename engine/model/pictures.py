"""Pictures of pages: stored here, and served from our own address under a hash of their bytes."""

from __future__ import annotations

import re
from datetime import datetime

from pydantic import Field

from engine.model.base import Value

MEDIA = {"png": "image/png", "jpg": "image/jpeg", "webp": "image/webp", "gif": "image/gif"}
"""The kinds that are taken, by the ending of the name."""
_NAME = re.compile(rf"[0-9a-f]{{32}}\.(?:{'|'.join(MEDIA)})")


class PagePicture(Value):
    """A picture as a page shows it."""

    name: str = Field(description="of its bytes: 32 hexadecimal digits and the ending of its kind")
    width: int
    height: int


class Picture(PagePicture):
    """A picture that was kept for the pages of an organizer."""

    organizer: str
    created: datetime

    @property
    def shown(self) -> PagePicture:
        """The picture as a page refers to it."""
        return PagePicture(name=self.name, width=self.width, height=self.height)


def is_name(text: str) -> bool:
    """True if `name` can be the name of a picture."""
    return _NAME.fullmatch(text) is not None


def media_of(name: str) -> str:
    """The media type of the picture with this name."""
    return MEDIA[name.rpartition(".")[2]]
