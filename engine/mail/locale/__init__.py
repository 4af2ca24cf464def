"""Languages: which there are, how one is chosen, and the messages of mails (gettext, RFC 5646)."""
