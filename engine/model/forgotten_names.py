"""Names that contain a forgotten address: those that spell it in two ways stay two names."""

from __future__ import annotations

from hashlib import blake2b

from engine.model.forgetting import respelled

_DIGEST_BYTES = 8


def told_apart(name: str, address: str, alias: str) -> str:
    """`name` without the address: the alias stands for it as the engine writes it, variants for other spellings.

    A variant depends only on which letters are spelled otherwise, so that nobody can test it for the address.
    """
    return respelled(name, address, lambda spelled: _alias_of(spelled, address, alias))


def _alias_of(spelled: str, address: str, alias: str) -> str:
    if spelled == address:
        return alias
    both = zip(spelled, address, strict=True)
    otherwise = [
        n if one == other.upper() else (n, one) for n, (one, other) in enumerate(both) if one != other
    ]
    return variant(alias, blake2b(repr(otherwise).encode(), digest_size=_DIGEST_BYTES).hexdigest())


def variant(alias: str, word: str) -> str:
    """Another address in the place of the alias, which nobody has either."""
    local, _, domain = alias.partition("@")
    return f"{local}-{word}@{domain}"
