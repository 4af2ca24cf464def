"""Commands that make, change and cancel events."""
