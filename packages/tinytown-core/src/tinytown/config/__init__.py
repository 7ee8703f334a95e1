"""What a town is told by people, and where its files lie: paths, configuration files, the choice of the server.

Nothing here talks to a server or starts a process, so every command may import it.
"""
