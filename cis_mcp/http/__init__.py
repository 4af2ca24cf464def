"""The one HTTP root: what it serves, its limits, its protocol on the wire."""
