"""Tables of commands and lists of people."""
