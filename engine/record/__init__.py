"""The record of all commands: signing, verifying, exporting, and counting repeated refusals."""
