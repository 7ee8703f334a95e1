"""`tt completion`: the script of a shell, which asks this command what may stand next."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tinytown_cli.context import Context

_BASH = """# Completion of `tt` for bash. The last word is sent with a dot behind it, as it may be empty.
_tt() {
  local program=tt now="${COMP_WORDS[COMP_CWORD]}." IFS=$'\\n'
  command -v tt >/dev/null 2>&1 || program=@PROGRAM@
  COMPREPLY=($("$program" completion bash -- "${COMP_WORDS[@]:1:COMP_CWORD-1}" "$now" 2>/dev/null))
}
complete -o default -F _tt tt
"""

_ZSH = """#compdef tt
# Completion of `tt` for zsh. The last word is sent with a dot behind it, as it may be empty.
_tt() {
  local program=tt line
  local -a found
  (( $+commands[tt] )) || program=@PROGRAM@
  for line in "${(@f)$("$program" completion zsh -- "${(@)words[2,CURRENT-1]}" "${words[CURRENT]}." 2>/dev/null)}"; do
    [[ -n $line ]] && found+=("${${line%%$'\\t'*}//:/\\\\:}:${line#*$'\\t'}")
  done
  if (( $#found )); then
    _describe 'tt' found
  else
    _files
  fi
}
if [[ $funcstack[1] == _tt ]]; then
  _tt "$@"
else
  compdef _tt tt
fi
"""

_FISH = """# Completion of `tt` for fish. The last word is sent with a dot behind it, as it may be empty.
function __tt_next
  set -l program tt
  command -q tt; or set program @PROGRAM@
  set -l typed (commandline -opc)
  $program completion fish -- $typed[2..-1] (commandline -ct)"." 2>/dev/null
end
complete -c tt -f -a '(__tt_next)'
"""

_SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def completion(context: Context, *, shell: str, words: tuple[str, ...]) -> None:
    """Print the completion script of a shell, or what may stand next on a command line."""
    if words:
        context.out.end()  # the terminal's line is the one that is being completed
        _next(context, shell, words)
        return
    script = _SCRIPTS[shell].replace("@PROGRAM@", _quoted(_program(), shell))
    context.out.either(lambda: {"shell": shell, "script": script}, lambda _: context.out.raw(script))


def _next(context: Context, shell: str, words: tuple[str, ...]) -> None:
    from tinytown_cli.completing import candidates
    from tinytown_cli.terminal import clean

    found = candidates([*words[:-1], words[-1].removesuffix(".")])
    lines = [each.word if shell == "bash" else f"{each.word}\t{clean(each.about)}".replace("\n", " ") for each in found]
    items = [{"word": each.word, "about": each.about} for each in found]
    context.out.either(lambda: {"items": items, "next": None}, lambda _: context.out.raw("\n".join(lines) + "\n"))


def _program() -> str:
    """Find this program for shells that have it not on their PATH."""
    own = Path(sys.argv[0])
    beside = Path(sys.executable).parent / "tt"
    return str(own.resolve()) if own.name == "tt" and own.exists() else shutil.which("tt") or str(beside)


def _quoted(text: str, shell: str) -> str:
    import shlex

    if shell == "fish":
        return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return shlex.quote(text)
