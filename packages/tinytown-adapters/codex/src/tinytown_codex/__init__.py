"""Drive the codex CLI from Tinytown."""
