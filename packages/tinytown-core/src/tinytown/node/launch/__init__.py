"""Start a round's agent CLI so that it outlives the node, is started once, and ends with a record.

The launcher and its shims (``launcher``, ``shim`` and what they import) use the standard library alone. The node's
side is in ``client``, ``rounds`` and ``recovery``. Nothing is re-exported here, so that the launcher stays small.
"""
