import tomli
from tinytown.config.agent_clis import PRESETS
from tinytown.config.town import parse_town
from tinytown.config.user import parse_user

MATERIALISED = """
name = "My Town:x"
default_cli = "claude --print --dangerously-skip-permissions"
max_agents = 10
use_central_redis = true
use_streams = false

[redis]
use_socket = false
socket_path = ".tt/redis.sock"
host = "127.0.0.1"
port = 16379
persist = false
aof_path = ".tt/redis.aof"
password = "tt_0123456789abcdef"
tls_enabled = false
tls_cert = "server.pem"
tls_key = "server.key"
bind = "127.0.0.1"

[townhall]
bind = "127.0.0.1"
rest_port = 8080
request_timeout_ms = 30000

[townhall.auth]
mode = "none"
api_key_scopes = []
required_scopes = []
clock_skew_seconds = 60

[townhall.tls]
enabled = false

[townhall.mtls]
enabled = false
required = false

[agent]
idle_timeout_secs = 300

[agent_clis.mine]
name = "mine"
command = "my-agent --yes"
workdir = "sub"

[agent_clis.mine.env]
LEVEL = "3"

[agent_clis.piped]
name = "piped"
command = "tee ~/log | my-agent"

[agent_clis.gemini]
name = "gemini"
command = "gemini --yolo"
""" + "".join(
    f"[agent_clis.{name}]\nname = '{name}'\ncommand = '{command}'\n[agent_clis.{name}.env]\n"
    for name, command in PRESETS.items()
    if name != "gemini"
)


def test_a_file_as_the_rust_program_wrote_it_loads_with_what_it_meant():
    town = parse_town(MATERIALISED, "f")
    assert town.rust
    assert (town.name, town.default_cli, town.agent.idle_timeout_secs) == ("my-town-x", "claude", 300)
    assert (town.redis.use_socket, town.redis.port, town.redis.password) == (False, 16379, "tt_0123456789abcdef")
    assert (town.redis.tls_cert, town.redis.tls_key) == (None, None)
    assert town.townhall is not None
    assert town.townhall.rest_port == 8080


def test_presets_yield_to_the_adapters_and_every_other_entry_wins():
    town = parse_town(MATERIALISED, "f")
    assert sorted(town.agent_clis) == ["gemini", "mine", "piped"]
    assert town.agent_clis["gemini"].argv == ("gemini", "--yolo")
    assert (town.agent_clis["mine"].workdir, dict(town.agent_clis["mine"].env)) == ("sub", {"LEVEL": "3"})
    assert town.agent_clis["piped"].argv == ("/bin/sh", "-c", "tee ~/log | my-agent")


def test_a_person_is_told_of_the_password_the_shell_and_the_name_and_never_sees_the_password():
    town = parse_town(MATERIALISED, "f")
    told = "\n".join(town.notices)
    assert len(town.notices) == 3
    assert "credentials.toml" in told
    assert "agent_clis.piped" in told
    assert "`my-town-x`" in told
    assert "tt_0123" not in f"{town!r} {told}"


def test_a_url_with_a_password_is_taken_apart_in_a_rust_file_and_refused_elsewhere():
    town = parse_town('name="a"\nuse_streams=true\n[redis]\nurl="redis://me:pw%21@h:1/0"', "f")
    assert (town.redis.url, town.redis.username, town.redis.password) == ("redis://h:1/0", "me", "pw!")
    assert "pw" not in repr(town).replace("password", "")


def test_a_password_of_the_towns_own_socket_is_named_as_unused():
    town = parse_town('name="a"\n[redis]\nuse_socket=true\npassword="pw"', "f")
    assert town.redis.password is None
    assert "not used" in town.notices[0]


def test_the_users_file_of_the_rust_program_loads():
    text = (
        'default_cli = "codex exec --dangerously-bypass-approvals-and-sandbox"\n'
        "[agent_clis]\n" + "".join(f"{name} = '{command}'\n" for name, command in PRESETS.items()) + "x = 'a $B'\n"
        'y = "my-agent --fast"\n[redis]\nhost = "127.0.0.1"\nport = 16379\npassword = "tt_x"\nuse_central = true\n'
    )
    assert tomli.loads(text)
    user = parse_user(text, "u")
    assert (user.default_cli, user.conductor_cli) == ("codex", None)
    assert {name: cli.argv for name, cli in user.agent_clis.items()} == {
        "x": ("/bin/sh", "-c", "a $B"),
        "y": ("my-agent", "--fast"),
    }
    assert "tt_x" not in repr(user)
