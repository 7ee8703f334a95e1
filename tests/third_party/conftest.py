"""The distributions here are installed and tested in environments of their own, not in ours."""

collect_ignore = ["heron"]
