"""Drive the imaginary heron CLI from Tinytown, with public names only: what a third party would write."""

import tinytown


@tinytown.hookimpl
def tinytown_adapter_info():
    """Heron goes on with sessions and prints JSON lines."""
    return tinytown.AdapterInfo(
        name="heron",
        executable="heron",
        capabilities=tinytown.Capability.RESUME
        | tinytown.Capability.STRUCTURED_OUTPUT
        | tinytown.Capability.USAGE
        | tinytown.Capability.RUNS_COMMANDS,
        env_vars=("HERON_API_KEY",),
        install_hint="pip install heron",
    )


@tinytown.hookimpl
def tinytown_adapter_diagnose(env):
    """Look for the program."""
    return tinytown.probe_executable(tinytown_adapter_info(), env)


@tinytown.hookimpl
def tinytown_round_prepare(round_dir):
    """Heron reads its settings from a file."""
    (round_dir / "heron.ini").write_text("[heron]\ntelemetry = no\n")


@tinytown.hookimpl
def tinytown_round_command(round_spec, agent):
    """Take the arguments in another order than the hook has them; pluggy goes by name."""
    argv = ["heron", "run", "--settings", str(round_spec.round_dir / "heron.ini")]
    argv += ["--model", agent.model] if agent.model else []
    argv += ["--session", agent.session_id] if agent.session_id else []
    return tinytown.Command(argv=tuple(argv), stdin=tinytown.Stdin.PROMPT)


@tinytown.hookimpl
def tinytown_round_output(line):
    """One JSON object per line."""
    said = tinytown.json_object(line)
    if said is None:
        return None
    events = []
    if isinstance(said.get("session"), str):
        events.append(tinytown.OutputEvent(kind=tinytown.EventKind.SESSION, session_id=said["session"]))
    if isinstance(said.get("tokens"), int) and said["tokens"] >= 0:
        events.append(tinytown.OutputEvent(kind=tinytown.EventKind.USAGE, output_tokens=said["tokens"]))
    return events


@tinytown.hookimpl
def tinytown_round_outcome(tail):
    """Heron exits with 0 when the lake is empty."""
    if "quota exceeded" in tail:
        return tinytown.OutcomeReport(outcome=tinytown.Outcome.RATE_LIMITED, detail="quota exceeded")
    return None


@tinytown.hookimpl
def tinytown_account(env):
    """One account per key."""
    return tinytown.fingerprint(env.get("HERON_API_KEY", ""))
