"""Drive the claude CLI from Tinytown."""
