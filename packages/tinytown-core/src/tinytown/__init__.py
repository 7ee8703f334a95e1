"""Tinytown."""
