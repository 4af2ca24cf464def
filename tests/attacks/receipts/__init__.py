"""A receipt token proves its holder and no one else; whom an answer names is mailed within bounds, or not at all."""
