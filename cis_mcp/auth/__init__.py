"""Who is asking: from a key or token to a caller, without any protocol's SDK."""
