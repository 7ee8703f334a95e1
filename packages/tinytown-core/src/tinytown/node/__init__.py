"""The node: the one process per machine and town that runs the rounds of its agents."""
