"""Texts of user services that start a town's node with the machine, and where they go."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from tinytown_cli.context import Context


KEPT = ("PATH", "VIRTUAL_ENV", "TINYTOWN_HOME", "TINYTOWN_REDIS_SERVER")
"""Variables that a service takes over from whoever installs it, so that gates find their programs; never a secret."""


def install(context: Context) -> int:
    """Write the service of this platform for the town, and say how it is switched on."""
    from tinytown.config.discover import find_town
    from tinytown.config.files import write_shared
    from tinytown.config.paths import TownPaths
    from tinytown.config.town import load_town

    paths = TownPaths(find_town(context.flags.town))
    name = load_town(paths.config).name
    env = {each: os.environ[each] for each in KEPT if os.environ.get(each)}
    if sys.platform == "darwin":
        file = launchd_file(Path.home(), name)
        text = launchd_text(sys.executable, paths.root, name, paths.node_log, env=env)
        command = f"launchctl load -w {file}"
    else:
        file = systemd_file(Path.home(), name)
        text = systemd_text(sys.executable, paths.root, name, env=env)
        command = f"systemctl --user enable --now {file.name}"
    file.parent.mkdir(parents=True, exist_ok=True)
    write_shared(file, text.encode())

    context.out.either(
        lambda: {"file": str(file), "text": text, "command": command},
        lambda out: (out.line(str(file)), out.line(text.rstrip()), out.note(f"switch it on with: {command}"))[0],
    )
    return 0


def systemd_file(home: Path, town: str) -> Path:
    """Give the place of the systemd unit of a user."""
    return home / ".config/systemd/user" / f"tinytown-{town}.service"


def launchd_file(home: Path, town: str) -> Path:
    """Give the place of the launchd agent of a user."""
    return home / "Library/LaunchAgents" / f"dev.tinytown.{town}.plist"


def systemd_text(python: str, root: Path, town: str, *, env: Mapping[str, str]) -> str:
    """Write a systemd unit.

    ``KillMode=process`` signals the node alone. It ends its rounds itself and hands their work back; when it crashes
    they go on, and the next node adopts them. `tt stop` is no failure, so the town stays stopped after it.
    """
    command = " ".join(
        _systemd_command_word(word) for word in (python, "-P", "-m", "tinytown.node", "--town", str(root))
    )
    variables = "".join(f"Environment={_systemd_word(f'{name}={value}')}\n" for name, value in env.items())
    return f"""[Unit]
Description=Tinytown node of {town}

[Service]
{variables}ExecStart={command}
Restart=on-failure
KillMode=process
TimeoutStopSec=90

[Install]
WantedBy=default.target
"""


def _systemd_word(word: str) -> str:
    quoted = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{quoted}"'


def _systemd_command_word(word: str) -> str:
    return _systemd_word(word).replace("$", "$$")  # variables are put into commands, and nowhere else


def launchd_text(python: str, root: Path, town: str, log: Path, *, env: Mapping[str, str]) -> str:
    """Write a launchd agent."""
    words = "\n".join(
        f"    <string>{escape(word)}</string>" for word in (python, "-P", "-m", "tinytown.node", "--town", str(root))
    )
    variables = "\n".join(
        f"    <key>{escape(name)}</key>\n    <string>{escape(value)}</string>" for name, value in env.items()
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>dev.tinytown.{escape(town)}</string>
  <key>ProgramArguments</key>
  <array>
{words}
  </array>
  <key>EnvironmentVariables</key>
  <dict>
{variables}
  </dict>
  <key>RunAtLoad</key>
  <true/>
  <key>KeepAlive</key>
  <dict>
    <key>SuccessfulExit</key>
    <false/>
  </dict>
  <key>StandardErrorPath</key>
  <string>{escape(str(log))}</string>
</dict>
</plist>
"""
