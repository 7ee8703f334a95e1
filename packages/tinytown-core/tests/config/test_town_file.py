import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tinytown.config.town import load_town, parse_town
from tinytown.errors import ConfigError, NoTownError

FULL = """
name = "My-Town"
default_cli = "claude"
conductor_cli = "codex"
max_agents = 3
auto_claim = false
scheduler = "fifo"
keep = ["gradle"]

[redis]
url = "rediss://cache.example:6380/0"
fsync = "everysec"

[agent]
round_timeout_secs = 60
idle_timeout_secs = 0

[agent_clis.mini]
command = "python3 'agents/my mini.py' --fast"
prompt = "stdin"
env = { MINI_LEVEL = "2" }
pass_env = ["MINI_*"]
commits = false

[gates]
test = "uv run pytest -q"
lint = { command = "ruff check", timeout_secs = 60 }

[budget]
max_cost_usd = 20
max_tokens = 5_000_000

[events]
max_events = 5000
"""


def test_every_table_of_a_full_file_is_read():
    town = parse_town(FULL, "f")
    assert (town.name, town.default_cli, town.conductor_cli, town.max_agents) == ("my-town", "claude", "codex", 3)
    assert (town.auto_claim, town.scheduler, town.keep) == (False, "fifo", ("gradle",))
    assert (town.redis.url, town.redis.fsync) == ("rediss://cache.example:6380/0", "everysec")
    assert (town.agent.round_timeout_secs, town.agent.stall_timeout_secs) == (60, 900)
    mini = town.agent_clis["mini"]
    assert mini.argv == ("python3", "agents/my mini.py", "--fast")
    assert (mini.prompt, dict(mini.env), mini.pass_env, mini.commits) == (
        "stdin",
        {"MINI_LEVEL": "2"},
        ("MINI_*",),
        False,
    )
    assert [(g.name, g.command, g.timeout_secs) for g in town.gates] == [
        ("test", "uv run pytest -q", 1800),
        ("lint", "ruff check", 60),
    ]
    assert (town.budget.max_cost_usd, town.budget.max_tokens) == (20.0, 5_000_000)
    assert (town.events.max_events, town.rust, town.notices, town.townhall) == (5000, False, (), None)


def test_a_file_with_only_a_name_has_every_default():
    town = parse_town('name = "a"', "f")
    assert (town.default_cli, town.max_agents, town.auto_claim, town.scheduler) == (None, 10, True, "roles")
    assert (town.redis.url, town.redis.fsync, town.events.max_events) == (None, "always", 100_000)
    assert (town.agent.round_timeout_secs, town.agent.max_rounds_per_task) == (3600, 10)
    assert town.budget.max_cost_usd is None


@pytest.mark.parametrize(
    ("line", "key", "hint"),
    [
        ("max_agent = 3", "`max_agent`", "max_agents"),
        ("[agent]\nround_timeout_sec = 3", "`agent.round_timeout_sec`", "agent.round_timeout_secs"),
        ("[redis]\nurll = 'x'", "`redis.urll`", "redis.url"),
        ("[agent_clis.m]\ncommand = 'x'\npromt = 'stdin'", "`agent_clis.m.promt`", "agent_clis.m.prompt"),
        ("[gates.t]\ncommand = 'x'\ntimeout = 3", "`gates.t.timeout`", "gates.t.timeout_secs"),
        ("[townhall.auth]\nmodes = 'none'", "`townhall.auth.modes`", "townhall.auth.mode"),
        ("argv = []", "`argv`", "known keys"),
        ("rust = true", "`rust`", "known keys"),
        ("notices = []", "`notices`", ""),
    ],
)
def test_an_unknown_key_is_named_with_its_path_and_the_nearest_known_one(line: str, key: str, hint: str):
    with pytest.raises(ConfigError) as caught:
        parse_town(f'name = "a"\n{line}', "f")
    assert key in str(caught.value)
    assert "is not a key" in str(caught.value)
    assert hint in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "`name` is missing"),
        ("name = 1", "`name` must be text, not a whole number"),
        ('name = ""', "is not a name"),
        ('name = "a:b"', "is not a name"),
        ('name = "all"', "is reserved"),
        ('name = "t-0123456789"', "looks like an id"),
        ('name = "a\\u0000"', "holds a NUL"),
        ('name = "a"\0', "NUL"),
        ('name = "a"\nmax_agents = "3"', "must be a whole number, not text"),
        ('name = "a"\nmax_agents = true', "must be a whole number, not true or false"),
        ('name = "a"\nmax_agents = 0', "must be from 1 to"),
        ('name = "a"\nmax_agents = 3.5', "must be a whole number, not a number"),
        ('name = "a"\nmax_agents = 2026-01-01', "not a date or time"),
        ('name = "a"\nauto_claim = 1', "must be true or false"),
        ('name = "a"\nkeep = "gradle"', "must be a list of texts"),
        ('name = "a"\nkeep = [1]', "must be text"),
        ('name = "a"\nredis = "redis://x"', "must be a table, not text"),
        ('name = "a"\n[redis]\nport = 70000', "must be from 1 to 65535"),
        ('name = "a"\n[redis]\nurl = "localhost:6379"', "is not the URL of a server"),
        ('name = "a"\n[redis]\nfsync = "never"', "must be one of `always`, `everysec`"),
        ('name = "a"\n[budget]\nmax_cost_usd = nan', "must be from 0"),
        ('name = "a"\n[budget]\nmax_cost_usd = inf', "must be from 0"),
        ('name = "a"\n[budget]\nmax_cost_usd = -1', "must be from 0"),
        ('name = "a"\n[budget]\nmax_tokens = 99999999999999999999', "must be from 0"),
        ('name = "a"\n[gates]\n"a b" = "x"', "is not a name"),
        ('name = "a"\n[gates]\nt = " "', "has an empty command"),
        ('name = "a"\n[gates]\nt = 1', "must be a table, not a whole number"),
        ('name = "a"\ngates = []', "must be a table, not a list"),
        ('name = "a"\nagent_clis = []', "must be a table, not a list"),
        ('name = "a"\n[agent_clis."a/b"]\ncommand = "x"', "is not a name"),
        ('name = "a"\n[agent_clis.m]\nprompt = "stdin"', "`agent_clis.m` has no `command`"),
        ('name = "a"\n[agent_clis.m]\ncommand = "x"\nprompt = "pipe"', "must be one of `stdin`, `argv`, `file`"),
        ('name = "a"\n[agent_clis.m]\ncommand = "x"\nprompt = "file"', "does not name `{prompt_file}`"),
        ('name = "a"\n[agent_clis.m]\ncommand = "x {prompt_file}"\nprompt = "stdin"', "must be `file`"),
        ('name = "a"\n[agent_clis.m]\ncommand = "x"\nargv = []', "`agent_clis.m.argv` is not a key"),
        ('name = "a"\n[agent_clis.m]\ncommand = "x"\nenv = { A = 1 }', "`agent_clis.m.env.A` must be text"),
        ('name = "a"\n[agent_clis.m]\ncommand = "x"\nenv = { "A=B" = "1" }', "is not the name of a variable"),
        ('name = "a"\n[agent_clis.m]\ncommand = "x"\nenv = { TINYTOWN_TOWN = "1" }', "belongs to Tinytown"),
        ('name = "a"\n[agent_clis.m]\ncommand = "x"\npass_env = ["A=1"]', "no variable"),
        ("name = ", "is not valid TOML"),
        ('name = "a"\nname = "b"', "is not valid TOML"),
        ("x = " + "[" * 5000, "is not valid TOML"),
        ("x = " + "1" * 5000, "is not valid TOML"),
    ],
)
def test_what_a_file_must_not_hold_is_one_clear_sentence(text: str, words: str):
    with pytest.raises(ConfigError) as caught:
        parse_town(text, "f")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("`f`: ")


@given(st.text(max_size=200))
def test_any_text_at_all_is_read_or_refused_with_a_typed_error(text: str):
    try:
        parse_town(text, "f")
    except ConfigError as error:
        assert str(error)  # noqa: PT017 - either way is fine, another exception is not


def test_a_prompt_file_in_the_command_is_enough_to_say_so():
    town = parse_town('name = "a"\n[agent_clis.m]\ncommand = "x --file={prompt_file}"', "f")
    assert town.agent_clis["m"].prompt == "file"


def test_a_missing_file_and_a_folder_are_told_apart(tmp_path: Path):
    with pytest.raises(NoTownError, match="does not exist"):
        load_town(tmp_path / "tinytown.toml")
    (tmp_path / "tinytown.toml").mkdir()
    with pytest.raises(ConfigError, match="is a folder"):
        load_town(tmp_path / "tinytown.toml")


TOWNHALL = 'name = "a"\n[townhall]\nbind = "0.0.0.0"\nrest_port = 9090\n'


def test_a_townhall_table_is_read():
    text = TOWNHALL + (
        '[townhall.auth]\nmode = "api_key"\napi_key_hash = "$argon2id$x"\napi_key_scopes = ["admin"]\n'
        '[townhall.tls]\nenabled = true\ncert_file = "c"\nkey_file = "k"\n[townhall.mtls]\nca_file = "ca"'
    )
    townhall = parse_town(text, "f").townhall
    assert townhall is not None
    assert (townhall.bind, townhall.rest_port, townhall.request_timeout_ms) == ("0.0.0.0", 9090, 30_000)
    assert (townhall.auth.mode, townhall.auth.api_key_scopes) == ("api_key", ("admin",))
    assert townhall.tls.enabled
    assert "argon2id" not in repr(townhall)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[townhall.auth]\napi_key_hash = "h"', "no scopes means no rights"),
        ('[townhall.auth]\napi_key_hash = "h"\napi_key_scopes = []', "no scopes means no rights"),
        ('[townhall.auth]\napi_key_scopes = ["root"]', "does not exist"),
        ("[townhall.tls]\nenabled = true", "without `cert_file`"),
        ("[townhall.mtls]\nrequired = true", "without `ca_file`"),
    ],
)
def test_a_townhall_that_would_be_open_or_broken_is_refused_with_the_remedy(text: str, words: str):
    with pytest.raises(ConfigError, match=words) as caught:
        parse_town(TOWNHALL + text, "f")
    assert caught.value.hint


def test_a_command_line_says_how_it_talks_at_a_terminal():
    text = 'name = "x"\n[agent_clis.mini]\ncommand = "mini run"\nconductor = "mini talk --about {prompt_file}"\n'
    assert parse_town(text, "tinytown.toml").agent_clis["mini"].conductor_argv == (
        "mini",
        "talk",
        "--about",
        "{prompt_file}",
    )
    with pytest.raises(ConfigError, match="conductor` does not name"):
        parse_town(text.replace("{prompt_file}", "nothing"), "tinytown.toml")


@pytest.mark.parametrize("prefix", ["", "tt/", "a.b/c-", "agents/tt@", "日本/", "x.lock"])
def test_what_git_takes_in_front_of_a_branch_is_taken(prefix: str):
    assert _git_takes(prefix)
    text = f'name = "a"\n[workspace]\nbranch_prefix = "{prefix}"'
    assert parse_town(text, "f").workspace.branch_prefix == prefix


@pytest.mark.parametrize(
    "prefix", ["../x", "a..b/", "/a", "a//", ".a/", "a/.b", "a b", "a~", "a:", "a?*", "[", "@{", "a.lock/", "./"]
)
def test_what_git_refuses_in_front_of_a_branch_is_refused_before_an_agent_waits_for_it(prefix: str):
    assert not _git_takes(prefix)
    with pytest.raises(ConfigError, match="cannot begin the name of a branch"):
        parse_town(f'name = "a"\n[workspace]\nbranch_prefix = "{prefix}"', "f")


def test_a_branch_that_could_be_an_option_is_refused():
    with pytest.raises(ConfigError, match="cannot begin the name of a branch"):
        parse_town('name = "a"\n[workspace]\nbranch_prefix = "-d"', "f")


def _git_takes(prefix: str) -> bool:
    return subprocess.run(["git", "check-ref-format", f"refs/heads/{prefix}w1"], check=False).returncode == 0
