"""The schedulers that core brings along."""
