"""Webhooks out: made, fed, settled and replayed."""
