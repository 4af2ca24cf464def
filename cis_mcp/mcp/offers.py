"""What a greeting offers if no connection stays open; it does not need the SDK."""

from __future__ import annotations

from typing import Any

_NEWS = {"subscribe", "listChanged"}


def without_news(greeting: dict[str, Any]) -> dict[str, Any]:
    """A greeting that offers no notifications."""
    offered = dict(greeting.get("capabilities") or {})
    for name, values in offered.items():
        if isinstance(values, dict):
            offered[name] = {k: v for k, v in values.items() if k not in _NEWS}
    return {**greeting, "capabilities": offered}
