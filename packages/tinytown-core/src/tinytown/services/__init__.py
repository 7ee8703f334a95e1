"""The service layer: every operation of a town once, for the command line, REST, MCP and scripts alike."""
