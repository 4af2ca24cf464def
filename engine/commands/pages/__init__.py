"""Commands that concern public pages."""
