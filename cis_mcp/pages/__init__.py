"""Public pages of organizers, and web pages that links in mails lead to."""
