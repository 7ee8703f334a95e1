"""Measures the speed budgets of the project: `python -m benchmarks`. Nothing here is part of a package."""
