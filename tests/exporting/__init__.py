"""Tables as files, for programs that analyse."""
