"""The two decorators of the plugin system and the project name that pluggy keys them by."""

from __future__ import annotations

import pluggy

PROJECT = "tinytown"

hookspec = pluggy.HookspecMarker(PROJECT)
"""Marks a function of this folder as a hook that plugins may implement."""

hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks a plugin's function as the implementation of the hook of the same name."""
