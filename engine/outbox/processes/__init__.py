"""Further processes that send."""
