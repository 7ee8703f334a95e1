"""The adapters that core brings along, and the few functions that most adapters need."""
