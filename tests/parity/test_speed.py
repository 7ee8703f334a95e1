"""What commands cost the server, counted by the server itself."""

from __future__ import annotations

import os

from tinytown import Town


def _calls(server) -> dict[str, int]:
    """How often each command was called, by the server's own count."""
    lines = server.command("INFO", "commandstats").splitlines()
    rows = (line.removeprefix("cmdstat_").split(":calls=") for line in lines if line.startswith("cmdstat_"))
    return {name: int(rest.partition(",")[0]) for name, rest in rows}


def _town(tmp_path, server) -> Town:
    env = {"PATH": "/nowhere", "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
    town = Town.init(tmp_path / "town", redis_url=server.url, env=env)
    town.stop(now=True)
    return town


def test_a_server_that_is_named_needs_no_program_on_this_machine(tmp_path, own_server):
    with _town(tmp_path, own_server) as town:
        assert town.add_task("paint the fence").state == "pending"
        assert not os.path.lexists(town.paths.dot / "redis")


def test_no_command_looks_through_all_keys_of_the_server(tmp_path, own_server):
    with _town(tmp_path, own_server) as town:
        for number in range(20):
            town.add_task(f"work {number}")
        town.status()
        town.tasks()
        town.agents()
        town.why()
        town.inbox(all=True)
        town.events()
        assert not {"keys", "scan", "hgetall_all"} & set(_calls(own_server))


def test_an_overview_asks_no_more_of_a_large_town(tmp_path, own_server):
    def cost(town: Town) -> int:
        before = sum(_calls(own_server).values())
        town.status()
        return sum(_calls(own_server).values()) - before

    with _town(tmp_path, own_server) as town:
        town.status()  # loads the script
        small = cost(town)
        for number in range(300):
            task = town.add_task(f"work {number}")
            town.complete(task.id, no_gates=True)
        assert cost(town) <= small + 5
