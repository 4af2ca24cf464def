"""Reads regular files of this machine that a caller names, within bounds."""

from __future__ import annotations

from pathlib import Path

from engine.refusals import Code, Refused


def read(path: str, limit: int, *, hint: str, argument: str = "") -> tuple[str, bytes]:
    """The name and up to `limit` + 1 bytes of a regular file.

    `argument`: the argument with which the caller named it. Raises Refused(PATH_NOT_READABLE) with `hint`.
    """
    try:
        file = Path(path).expanduser()
        if file.is_file():
            with file.open("rb") as stream:
                return file.name, stream.read(limit + 1)
        why = "there is no such file"
    except (OSError, ValueError, RuntimeError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or "it is no path"
    named = f"{argument} “{path[:200]}”".strip()
    raise Refused(Code.PATH_NOT_READABLE, f"{named} cannot be read: {why}.", hint)
