"""Webhooks in: what systems of record post at /hooks/{name}."""
