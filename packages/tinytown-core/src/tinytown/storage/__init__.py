"""Where a town's state lives: one protocol, and one package for each kind of server behind it."""
