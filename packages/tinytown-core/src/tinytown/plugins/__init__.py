"""Find plugins by name, check them, and put a typed face before each kind. Nothing is imported until it is named."""
