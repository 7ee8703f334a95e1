"""Commands about adapters and about the shell."""

from __future__ import annotations

from tinytown_cli.table.model import Command, Param

_GROUP = "Plugins"
_NAME = Param("name", "Name of the adapter", positional=True, required=True)

COMMANDS: tuple[Command, ...] = (
    Command(
        ("adapters", "list"),
        "adapters:list_adapters",
        _GROUP,
        "List the installed adapters",
        ("tt adapters list", "tt adapters list --json"),
        aliases=("ls",),
    ),
    Command(
        ("adapters", "show"),
        "adapters:show",
        _GROUP,
        "Show what an adapter can do",
        ("tt adapters show claude", "tt adapters show command --json"),
        (_NAME,),
    ),
    Command(
        ("adapters", "doctor"),
        "adapters:doctor",
        _GROUP,
        "Check whether agent CLIs are installed and signed in",
        ("tt adapters doctor", "tt adapters doctor claude"),
        (Param("name", "Only this adapter", positional=True),),
        doing="asking the agent CLIs",
    ),
    Command(
        ("completion",),
        "completion:completion",
        _GROUP,
        "Print the completion script of a shell",
        ("tt completion bash > ~/.local/share/bash-completion/completions/tt", "tt completion fish | source"),
        (
            Param("shell", "Which shell", positional=True, required=True, choices=("bash", "zsh", "fish")),
            Param("words", "Say what may stand next; the scripts ask so", positional=True, kind="list"),
        ),
    ),
)
