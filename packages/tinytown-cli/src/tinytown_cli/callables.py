"""Functions with the signatures of the command table, for cyclopts to read. Each gives back what it was called with."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

from cyclopts import Parameter, Token
from cyclopts.validators import Number

from tinytown_cli.parse import Bound
from tinytown_cli.table import COMMANDS, Command, Param

_TYPES: dict[str, Any] = {"str": str, "int": int, "float": float, "bool": bool, "list": tuple[str, ...]}


def attribute_of(command: Command) -> str:
    """Give the name under which this module has the function of a command."""
    return "_".join(command.path).replace("-", "_")


def __getattr__(name: str) -> Callable[..., Bound]:
    """Make the function of a command when cyclopts resolves its string."""
    for command in COMMANDS:
        if attribute_of(command) == name:
            return _function(command)
    raise AttributeError(f"module `tinytown_cli.callables` has no attribute `{name}`")


def _function(command: Command) -> Callable[..., Bound]:
    parameters = [_parameter(param) for param in sorted(command.params, key=lambda param: not param.positional)]
    signature = inspect.Signature(parameters, return_annotation=Bound)

    def called(*args: Any, **kwargs: Any) -> Bound:
        values = {param.name: param.default for param in command.params}
        values.update(signature.bind(*args, **kwargs).arguments)
        return Bound(command, values)

    called.__name__ = attribute_of(command)
    called.__doc__ = command.help
    called.__signature__ = signature  # pyright: ignore[reportFunctionMemberAccess] - read by inspect
    called.__annotations__ = {each.name: each.annotation for each in parameters}
    return called


def _whole_number(kind: Any, tokens: Sequence[Token]) -> int:
    """Read digits alone: rounding `1.5` would do something that nobody asked for."""
    _ = kind
    word = tokens[0].value
    if not re.fullmatch(r"[+-]?[0-9]{1,30}", word):
        raise ValueError
    return int(word)


def _parameter(param: Param) -> inspect.Parameter:
    value: Any = Literal[*param.choices] if param.choices else _TYPES[param.kind]  # pyright: ignore[reportInvalidTypeForm] - made at run time
    optional = param.default is None and not param.required
    about = Parameter(
        name=None if param.positional else param.flags,
        help=param.help,
        negative=(),
        consume_multiple=False,
        validator=Number(gte=param.low, lte=param.high) if param.low is not None else None,
        converter=_whole_number if param.kind == "int" else None,
        allow_leading_hyphen=False,
    )
    return inspect.Parameter(
        param.name,
        inspect.Parameter.POSITIONAL_ONLY if param.positional else inspect.Parameter.KEYWORD_ONLY,
        default=inspect.Parameter.empty if param.required else param.default,
        annotation=Annotated[value | None if optional else value, about],
    )
