"""What a program reads from a pipe."""

from __future__ import annotations

import json
import re

STAMP = re.compile(r"\d\d:\d\d:\d\d|INFO|\x1b")


def test_a_pipe_gets_plain_data_without_time_stamps_or_colours(place):
    task = place.town.add_task("paint the fence")
    for words in (("status",), ("task", "list"), ("list",), ("inbox",), ("task", "show", task.id)):
        said = place.tt(*words)
        assert said.returncode == 0, said.stderr
        first = said.stdout.splitlines()[0] if said.stdout else ""
        assert not STAMP.search(first), first
        assert "\x1b" not in said.stdout
        json.loads(place.tt(*words, "--json").stdout)
