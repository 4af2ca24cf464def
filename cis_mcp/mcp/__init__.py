"""The MCP server: tools, resources, prompts and apps."""
