"""`tt doctor`: one module for each concern, each giving rows with a remedy. Looking starts nothing and changes nothing.

A row may carry a repair; `tt doctor --fix` carries out those, and nothing else.
"""
