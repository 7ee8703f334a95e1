"""One module for each family of commands. Each function takes the context and the values of its row of the table."""
