"""Commands that invite people."""
