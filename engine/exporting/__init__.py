"""Tables of events, people, mails, answers and links as files for analysis."""
