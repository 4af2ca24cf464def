"""The console as a person uses it in a browser without JavaScript."""
