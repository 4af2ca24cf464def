"""The HTTP root: its routes, its limits and its wire protocol."""
