"""Unpacks the winmail.dat parts of a mail: files become leaves, meetings calendars."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.mail.incoming import meeting, tnef
from engine.mail.incoming.content import CalendarPart
from engine.mail.incoming.leaves import Leaf, Unpacked
from engine.refusals import Refused

_TYPES = {"application/ms-tnef", "application/vnd.ms-tnef"}
_MAX_READ = 5
_MAX_FILES = 50


@dataclass(slots=True)
class Winmail:
    """What was packed as TNEF, and why some of it cannot be read, if so; `seen`: there was any TNEF."""

    leaves: list[Leaf] = field(default_factory=list)
    calendars: list[CalendarPart] = field(default_factory=list)
    obstacle: Refused | None = None
    seen: bool = False


def unpacked(leaves: list[Leaf], sender: str) -> Winmail:
    """Everything in the TNEF parts among `leaves`; `sender` is the address that the mail is from."""
    found = Winmail()
    packed = [leaf for leaf in leaves if _is_tnef(leaf)]
    if len(packed) > _MAX_READ:
        return Winmail(seen=True, obstacle=meeting.unreadable(f"it has more than {_MAX_READ} of them"))
    for leaf in packed:
        found.seen = True
        try:
            _add(found, tnef.read(leaf.content), sender)
        except tnef.Malformed as error:
            found.obstacle = meeting.unreadable(f"it is damaged: {error}")
        except Refused as refused:
            found.obstacle = refused
    if found.seen and found.obstacle is None:
        found.obstacle = meeting.unreadable("it holds no meeting")
    return found


def _is_tnef(leaf: Leaf) -> bool:
    return leaf.kind in _TYPES or leaf.name == "winmail.dat"


def _add(found: Winmail, message: tnef.Tnef, sender: str) -> None:
    if len(message.attachments) + len(found.leaves) > _MAX_FILES:
        raise tnef.Malformed(f"it holds more than {_MAX_FILES} files")
    for attachment in message.attachments:
        if attachment.message is not None:
            _add(found, attachment.message, sender)
        else:
            found.leaves.append(Unpacked(attachment.content, name=attachment.name))
    content = meeting.calendar(message, sender)
    if content is not None:
        found.calendars.append(CalendarPart(content=content))
