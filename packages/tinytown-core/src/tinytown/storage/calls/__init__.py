"""Every verb and query, defined once: its arguments, the states it may start from, and how its answer is read.

A function here makes a `Call`; `storage.run(call)` and `await storage.run(call)` carry it out.
"""
