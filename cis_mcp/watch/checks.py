"""The result of one check."""

from __future__ import annotations

from enum import StrEnum

from engine.model.base import Value


class Mark(StrEnum):
    """The words of CIS Verify."""

    VERIFIED = "Verified"
    SKIPPED = "Skipped"
    FAILED = "Failed"


class Check(Value):
    """One line of the result."""

    name: str
    mark: Mark
    detail: str = ""


def verified(name: str, detail: str = "") -> Check:
    """A check that passed."""
    return Check(name=name, mark=Mark.VERIFIED, detail=detail)


def skipped(name: str, detail: str) -> Check:
    """A check that could not be made."""
    return Check(name=name, mark=Mark.SKIPPED, detail=detail)


def failed(name: str, detail: str) -> Check:
    """A check that failed."""
    return Check(name=name, mark=Mark.FAILED, detail=detail)
