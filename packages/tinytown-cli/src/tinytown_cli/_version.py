"""The version of tinytown-cli, kept apart so that `tt --version` imports nothing else."""

__version__ = "0.1.0"
