"""The installation on AWS: a template, what is checked before, and the phases that put it there and take it away."""
