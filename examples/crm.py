"""Plays a CRM: deals that are made, moved, given to other people and lost, posted as Standard Webhooks.

    python examples/crm.py --hook http://127.0.0.1:8000/hooks/deals --secret whsec_… --domain example.com

The rules for it are those for one body in docs/triggers.md, with the sender standard-webhooks.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from typing import Any

from record import play


def deal(number: int, version: int, stage: str, hour: int, people: list[str]) -> dict[str, Any]:
    """A deal as it is at one version."""
    return {
        "id": f"deal-{number}",
        "updated_at": f"2026-01-01T00:00:{version:02}Z",
        "stage": stage,
        "title": f"Demo {number}, version {version}",
        "start": f"2031-03-04T{hour:02}:00:00",
        "timezone": "Europe/Paris",
        "duration_minutes": 45,
        "people": [{"email": one, "name": one.partition("@")[0].title()} for one in people],
    }


def story(deals: int, domain: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each deal: made, moved, given to somebody else; every fourth is lost."""
    for number in range(deals):
        ann, ben, cid = (f"{name}{number}@{domain}" for name in ("ann", "ben", "cid"))
        versions = [
            deal(number, 1, "scheduled", 9, [ann, ben]),
            deal(number, 2, "scheduled", 10, [ann, ben]),
            deal(number, 3, "scheduled", 10, [ann, cid]),
        ]
        if number % 4 == 3:
            versions.append(deal(number, 4, "cancelled", 10, []))
        for version, payload in enumerate(versions, 1):
            yield f"msg-{number}-{version}", payload


def main() -> None:
    """Play the story."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hook", required=True)
    parser.add_argument("--secret", required=True)
    parser.add_argument("--domain", default="example.com")
    parser.add_argument("--deals", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--pause", type=float, default=0)
    given = parser.parse_args()
    key = base64.b64decode(given.secret.removeprefix("whsec_"))

    def sign(name: str, body: bytes) -> dict[str, str]:
        now = str(int(time.time()))
        digest = hmac.new(key, f"{name}.{now}.".encode() + body, hashlib.sha256).digest()
        signature = f"v1,{base64.b64encode(digest).decode()}"
        return {"webhook-id": name, "webhook-timestamp": now, "webhook-signature": signature}

    payloads = list(story(given.deals, given.domain))
    played = play(payloads, given.hook, sign, seed=given.seed, seconds=given.seconds, pause=given.pause)
    print(json.dumps(vars(played)))


if __name__ == "__main__":
    main()
