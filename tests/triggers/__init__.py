"""Triggers: proofs, deliveries, what becomes of them."""
