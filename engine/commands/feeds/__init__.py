"""Commands of calendars that are imported."""
