"""What the played systems of record share: posts that are repeated, reordered, and tried until they are taken in."""

from __future__ import annotations

import json
import random
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Sign = Callable[[str, bytes], Mapping[str, str]]
"""The headers that prove a body, by the id of its delivery."""


@dataclass
class Played:
    """How it went."""

    posts: int = 0
    repeats: int = 0
    retries: int = 0


def play(
    payloads: list[tuple[str, Any]], hook: str, sign: Sign, *, seed: int, seconds: float, pause: float
) -> Played:
    """Post each payload, in another order than it was made, a tenth of them twice."""
    chance, played = random.Random(seed), Played()
    again = [one for one in payloads if chance.random() < 0.1]
    posts = payloads + again
    chance.shuffle(posts)
    until = time.monotonic() + seconds
    for name, payload in posts:
        played.retries += _until_taken(hook, name, payload, sign, until)
        played.posts += 1
        time.sleep(pause)
    played.repeats = len(again)
    return played


def _until_taken(hook: str, name: str, payload: Any, sign: Sign, until: float) -> int:
    """As systems of record do: no answer, 429 and 5xx mean to try again. How often that was needed."""
    retries = 0
    while not _taken(hook, name, payload, sign):
        if time.monotonic() > until:
            raise SystemExit(f"{name} was not taken in")
        retries += 1
        time.sleep(0.2)
    return retries


def _taken(hook: str, name: str, payload: Any, sign: Sign) -> bool:
    body = json.dumps(payload).encode()
    headers = {"content-type": "application/json", **sign(name, body)}
    request = urllib.request.Request(hook, body, headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=10):
            return True
    except urllib.error.HTTPError as error:
        if error.code != 429 and error.code < 500:
            raise SystemExit(f"{name} was refused: {error.code}") from None
    except (OSError, TimeoutError):
        pass
    return False
