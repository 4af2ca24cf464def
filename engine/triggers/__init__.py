"""Deliveries from systems of record: their proof, their rules, and the worker that executes them."""
