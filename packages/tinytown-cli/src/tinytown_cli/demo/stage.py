"""What the demo is played on: a small repository with a failing test, and the parts of three scripted agents."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

BROKEN = '''"""Prices of a small shop."""


def total(prices, discount):
    """Sum up prices and take a discount in per cent off."""
    return sum(prices) - discount
'''

HALF_MENDED = BROKEN.replace("sum(prices) - discount", "sum(prices) * discount / 100")
MENDED = BROKEN.replace("sum(prices) - discount", "sum(prices) * (100 - discount) / 100")

TEST = """import unittest

from shop import total


class TotalTest(unittest.TestCase):
    def test_a_discount_is_in_per_cent(self):
        self.assertEqual(total([40, 60], 10), 90)

    def test_no_discount_changes_nothing(self):
        self.assertEqual(total([40, 60], 0), 100)
"""

GUIDE = """# Shop

`total(prices, discount)` sums up prices and takes a discount in per cent off.
"""


def build(root: Path) -> None:
    """Make the repository: a module with a bug, the test that shows it, and one commit.

    Args:
        root: An empty directory.
    """
    (root / "shop.py").write_text(BROKEN)
    (root / "test_shop.py").write_text(TEST)
    (root / ".gitignore").write_text(".tt/\n__pycache__/\n")
    _git(root, "init", "-q", "-b", "main")
    _git(root, "config", "user.name", "Demo")
    _git(root, "config", "user.email", "demo@localhost")
    _git(root, "add", "-A")
    _git(root, "commit", "-q", "-m", "A shop whose discounts are wrong")


def _git(root: Path, *words: str) -> str:
    quiet = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(["git", *words], cwd=root, env=quiet, check=True, capture_output=True, text=True)
    return done.stdout


def history(root: Path) -> list[str]:
    """Give the commits of the repository, the newest first, one line each."""
    return _git(root, "log", "--oneline", "--no-decorate").splitlines()


def town_file(name: str) -> str:
    """Write the town's settings: the tests are the gate, run by the interpreter that runs the demo."""
    command = f"{json.dumps(sys.executable)} -B -m unittest -q"
    return f'name = "{name}"\ndefault_cli = "script"\n\n[gates]\ntest = {json.dumps(command)}\n'


def parts() -> dict[str, Any]:
    """Give what each agent does. They know nothing but their prompt, as any agent CLI."""
    done = ["task", "complete", "<<task_id>>", "--result"]
    return {
        "routes": [
            {
                "role": "worker",
                "match": "An earlier attempt was not accepted",
                "steps": [
                    {"print": "The gate's findings show what I missed."},
                    {"write": "shop.py", "text": MENDED},
                    {"commit": "Take the discount off in per cent"},
                    {"tt": [*done, "the discount is taken off in per cent"]},
                ],
            },
            {
                "role": "worker",
                "steps": [
                    {"print": "It should be per cent. That was quick."},
                    {"write": "shop.py", "text": HALF_MENDED},
                    {"commit": "Count the discount in per cent"},
                    {"tt": [*done, "counted the discount in per cent"]},
                ],
            },
            {
                "role": "reviewer",
                "steps": [
                    {"run": ["git", "show", "--stat", "HEAD"]},
                    {"tt": ["send", "fixer", "Reads well; the second test would have caught the first try.", "--info"]},
                    {"tt": [*done, "approved: the change is small and its test passes"]},
                ],
            },
            {
                "role": "writer",
                "steps": [
                    {"write": "README.md", "text": GUIDE},
                    {"commit": "Say what the shop can do"},
                    {"tt": [*done, "wrote the README"]},
                ],
            },
        ]
    }
