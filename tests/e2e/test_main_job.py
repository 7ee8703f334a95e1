"""The main job by hand, with nothing but `tt`, on every kind of server."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
import trustme
from tinytown.testing.proxies import cut_proxy
from tinytown.testing.pytest_plugin import PASSWORD
from tinytown.testing.servers import free_port

TT = str(Path(sys.executable).with_name("tt"))
MINI_TABLE = f'\n[agent_clis.mini]\ncommand = "/bin/sh mini.sh {TT}"\n'
pytestmark = pytest.mark.timeout(120)


def do_the_main_job(shell) -> None:
    """What the README says: spawn, assign, wait, list."""
    shell.tt("spawn", "w1", "--cli", "mini")
    shell.tt("assign", "w1", "Fix the bug in auth.py")
    shell.tt("wait", "w1", "--timeout", "60")
    (task,) = shell.json("task", "list")["items"]
    assert task["state"] == "completed"
    assert task["agent"] == "w1"
    assert task["result"].startswith("read ")
    assert "Fix the bug in auth.py" in (shell.root / f"prompt-of-{task['id']}.txt").read_text()


def test_it_works_on_a_server_of_the_towns_own(shell):
    shell.tt("init")
    shell.append("tinytown.toml", MINI_TABLE)

    do_the_main_job(shell)

    assert ".tt/" in (shell.root / ".gitignore").read_text()


def test_it_works_over_a_unix_socket(shell, server, town_name):
    shell.tt("init", "--name", town_name, "--redis-url", server.url)
    shell.append("tinytown.toml", MINI_TABLE)

    do_the_main_job(shell)

    assert not (shell.root / ".tt" / "redis").exists()


def test_it_works_over_tcp_with_a_password_that_no_file_of_the_town_holds(shell, locked_server, town_name):
    host = locked_server.tcp_url.rpartition("@")[2].removeprefix("redis://")
    shell.tt("init", "--name", town_name, "--redis-url", f"redis://:{quote(PASSWORD, safe='')}@{host}")
    shell.append("tinytown.toml", MINI_TABLE)

    do_the_main_job(shell)

    for file in shell.root.rglob("*"):
        if file.is_file() and ".tt/node/connection" not in str(file):
            held = file.read_bytes()
            assert PASSWORD.encode() not in held, file
            assert quote(PASSWORD, safe="").encode() not in held, file


def test_it_works_over_tls_with_a_checked_certificate(shell, server, town_name, tmp_path):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    with cut_proxy(server.socket, context=context) as proxy:
        url = f"rediss://localhost:{proxy.port}"
        shell.write(
            "tinytown.toml",
            f'name = "{town_name}"\n[redis]\nurl = "{url}"\ntls_ca_cert = "{tmp_path / "ca.pem"}"\n' + MINI_TABLE,
        )

        do_the_main_job(shell)
        shell.tt("stop")


def test_a_second_folder_of_the_same_name_on_one_server_is_refused(shell, server, town_name, tmp_path):
    shell.tt("init", "--name", town_name, "--redis-url", server.url)
    other = tmp_path / "other"
    other.mkdir()

    shell.tt("--town", str(other), "init", "--name", town_name, "--redis-url", server.url, code=1)

    assert not (other / "tinytown.toml").exists()


def test_the_demo_ends_well_and_leaves_nothing(shell, tmp_path):
    shell.env["TMPDIR"] = str(tmp_path / "tmp")
    Path(shell.env["TMPDIR"]).mkdir()

    assert "completed" in shell.tt("demo")

    assert list(Path(shell.env["TMPDIR"]).iterdir()) == []


def test_it_works_on_a_server_that_speaks_tls_itself(shell, town_name, tmp_path):
    binary = os.environ.get("TINYTOWN_TEST_TLS_SERVER")
    if not binary:
        pytest.skip("TINYTOWN_TEST_TLS_SERVER names no server built with TLS; see tools/build_tls_server.sh")
    authority, port = trustme.CA(), free_port()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    certificate = authority.issue_cert("localhost")
    certificate.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "server.pem"))
    files = {"tls-cert-file": "server.pem", "tls-key-file": "server.pem", "tls-ca-cert-file": "ca.pem"}
    words = [word for name, file in files.items() for word in (f"--{name}", str(tmp_path / file))]
    words += ["--port", "0", "--tls-port", str(port), "--bind", "127.0.0.1", "--tls-auth-clients", "no", "--save", ""]
    with subprocess.Popen([binary, *words], cwd=tmp_path, stdout=subprocess.PIPE) as running:
        try:
            for line in running.stdout:
                if b"Ready to accept" in line:
                    break
            shell.write(
                "tinytown.toml",
                f'name = "{town_name}"\n[redis]\nurl = "rediss://localhost:{port}"\n'
                f'tls_ca_cert = "{tmp_path / "ca.pem"}"\n' + MINI_TABLE,
            )

            do_the_main_job(shell)
            shell.tt("stop")
        finally:
            running.kill()
            running.communicate()
