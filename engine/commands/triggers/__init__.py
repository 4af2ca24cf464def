"""Triggers: made and made live, and what becomes of each delivery."""
