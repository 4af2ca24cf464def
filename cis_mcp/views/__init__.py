"""Data and texts that several faces show."""
