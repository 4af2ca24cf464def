"""Starts the MCP server over stdio from inside the bundle."""

from cis_mcp.cli.main import main

if __name__ == "__main__":
    main(["serve"])
