"""Turns what a person writes about events into a query for a store."""
