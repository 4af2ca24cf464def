"""Plays a billing system: invoices that are due, moved and paid, posted and signed as Stripe does.

    python examples/billing.py --hook http://127.0.0.1:8000/hooks/invoices --secret whsec_…

The rules for it are Stripe's in docs/triggers.md.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from typing import Any

from record import play

_DUE = 1_930_000_000
_DAY = 86_400


def event(number: int, step: int, kind: str, domain: str, **values: Any) -> dict[str, Any]:
    """An event of an invoice's life."""
    invoice = {
        "id": f"in_{number}",
        "number": f"A-{number}",
        "status": "open",
        "due_date": _DUE,
        "customer_email": f"customer{number}@{domain}",
        "customer_name": f"Customer {number}",
        **values,
    }
    return {
        "id": f"evt_{number}_{step}",
        "type": kind,
        "created": 1_700_000_000 + step,
        "data": {"object": invoice},
    }


def story(invoices: int, domain: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each invoice: finalized, its day moved; every third is paid."""
    for number in range(invoices):
        steps = [
            event(number, 1, "invoice.finalized", domain),
            event(number, 2, "invoice.updated", domain, due_date=_DUE + 7 * _DAY),
        ]
        if number % 3 == 2:
            steps.append(event(number, 3, "invoice.paid", domain, status="paid"))
        for step in steps:
            yield step["id"], step


def main() -> None:
    """Play the story."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hook", required=True)
    parser.add_argument("--secret", required=True)
    parser.add_argument("--domain", default="example.com")
    parser.add_argument("--invoices", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--pause", type=float, default=0)
    given = parser.parse_args()

    def sign(name: str, body: bytes) -> dict[str, str]:
        now = int(time.time())
        digest = hmac.new(given.secret.encode(), f"{now}.".encode() + body, hashlib.sha256).hexdigest()
        return {"stripe-signature": f"t={now},v1={digest}"}

    payloads = list(story(given.invoices, given.domain))
    played = play(payloads, given.hook, sign, seed=given.seed, seconds=given.seconds, pause=given.pause)
    print(json.dumps(vars(played)))


if __name__ == "__main__":
    main()
