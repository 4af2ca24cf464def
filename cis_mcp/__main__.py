"""`python -m cis_mcp` is `cis-mcp`."""

from cis_mcp.cli.main import main

main()
