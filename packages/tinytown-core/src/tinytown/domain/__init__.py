"""Values: records, states, ids and limits. Nothing here knows a server, a clock or a process."""
