"""Says where the measurements were made."""

from __future__ import annotations

import datetime as dt
import os
import platform
import subprocess
from pathlib import Path

from tinytown.testing.servers import MissingServerError, binary


def environment() -> dict[str, object]:
    """Describe the machine, the programs and the moment; no names of people, hosts or folders."""
    return {
        "date": dt.datetime.now(dt.UTC).isoformat(timespec="minutes"),  # noqa: TID251
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "load_at_start": round(os.getloadavg()[0], 2),
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "valkey": _server("valkey"),
        "redis": _server("redis"),
        "git": _said("git", "--version"),
        "temporary_files": _filesystem(),
    }


def _cpu() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _server(kind: str) -> str:
    try:
        return _said(str(binary(kind)), "--version")
    except MissingServerError:
        return "not installed"


def _said(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return " ".join(done.stdout.split()[:4])


def _filesystem() -> str:
    import tempfile

    import psutil

    folder = tempfile.gettempdir()
    mounts = [part for part in psutil.disk_partitions(all=True) if folder.startswith(part.mountpoint)]
    return max(mounts, key=lambda part: len(part.mountpoint)).fstype if mounts else "unknown"
