"""Compiled templates, kept beside Python's own bytecode: those of a mail take as long to compile as a hundred mails."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

import jinja2
from jinja2.bccache import Bucket, FileSystemBytecodeCache

_OPTIONS = 1
"""Raised whenever an option of the environment changes, since what was compiled before is another program then."""


class TemplateCache(FileSystemBytecodeCache):
    """The code of templates as Python keeps that of modules: in the package, where it may be written."""

    def __init__(self, package: Path) -> None:
        directory = package / "__pycache__"
        super().__init__(str(directory), f"jinja-{jinja2.__version__}-{_OPTIONS}-%s.cache")
        with suppress(OSError):  # as Python does where a package cannot be written
            directory.mkdir(exist_ok=True)

    def load_bytecode(self, bucket: Bucket) -> None:
        """Take what was compiled, if it is there and whole."""
        try:
            super().load_bytecode(bucket)
        except Exception:  # noqa: BLE001 -- what a crash left half written is unreadable in many ways
            bucket.reset()

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what was compiled; where that cannot be, the next process compiles it again."""
        with suppress(OSError):
            super().dump_bytecode(bucket)


def template_cache(package: Path) -> TemplateCache | None:
    """The cache of a package's templates; none where Python is told to write no bytecode."""
    return None if sys.dont_write_bytecode else TemplateCache(package)
