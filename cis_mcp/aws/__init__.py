"""Installs the server on AWS and removes it: the template, the checks before it, and the phases."""
