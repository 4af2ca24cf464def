"""Held actions: which commands may wait, their preview, the decision; and undoing."""
