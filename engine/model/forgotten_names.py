"""Names of what is forgotten: those that spell an address in two ways stay two names, and hashes of names."""

from __future__ import annotations

from hashlib import blake2b

from engine.model.forgetting import DOMAIN, respelled

_DIGEST_BYTES = 8
_HASH_BYTES = 16


def told_apart(name: str, address: str, alias: str) -> str:
    """`name` without the address: the alias stands for it as the engine writes it, variants for other spellings.

    A variant depends only on the length and on which letters are capitals, so that nobody can test it for the address.
    """
    return respelled(name, address, lambda spelled: _alias_of(spelled, address, alias))


def _alias_of(spelled: str, address: str, alias: str) -> str:
    if spelled == address:
        return alias
    # With its domain in Unicode an address has another length; its letters themselves would be a test of it.
    otherwise = (len(spelled), [n for n, letter in enumerate(spelled) if letter.isupper()])
    return variant(alias, blake2b(repr(otherwise).encode(), digest_size=_DIGEST_BYTES).hexdigest())


def variant(alias: str, word: str) -> str:
    """Another address in the place of the alias, which nobody has either."""
    local, _, domain = alias.partition("@")
    return f"{local}-{word}@{domain}"


def hashed(name: str, key: bytes) -> str:
    """The keyed hash of the name of a forgotten object; only whoever has `key` can test for it."""
    return f"{blake2b(name.encode(errors='surrogatepass'), key=key, digest_size=_HASH_BYTES).hexdigest()}.{DOMAIN}"
