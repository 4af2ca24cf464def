"""`python -m cis_mcp` is `cis-mcp`."""

from cis_mcp.cli import main

main()
