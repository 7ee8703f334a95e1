"""Git worktrees of agents: made ready for work, landed by hand, and put away without losing anything."""
