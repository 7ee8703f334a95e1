"""The town's own server: a real process on a Unix socket, started on demand, shared by all commands.

`ensure_server` is the only thing that starts one.
"""
