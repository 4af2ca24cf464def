"""The way of a mail from the spool to its route, each exactly once."""
