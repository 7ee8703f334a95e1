"""Turns an operation into a method of the synchronous or the asyncio town, with its signature and its documentation."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from importlib import import_module
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeVar, overload

if TYPE_CHECKING:
    from typing import Protocol, Self

    from tinytown.services.context import TownContext
    from tinytown.services.steps import Steps

    class SyncRunner(Protocol):
        """What a synchronous verb needs of its town."""

        context: TownContext

        def run_steps(self, steps: Steps[Any]) -> Any:
            """Run an operation."""
            ...

    class AsyncRunner(Protocol):
        """What an asyncio verb needs of its town."""

        context: TownContext

        async def run_steps(self, steps: Steps[Any]) -> Any:
            """Run an operation."""
            ...


P = ParamSpec("P")
T = TypeVar("T")


class Late:
    """Operations of a module that is imported when one of them is called, so that a command loads only its own.

    Args:
        module: Name of the module.
    """

    def __init__(self, module: str) -> None:
        self._module = module

    def __getattr__(self, name: str) -> LateOperation:
        return LateOperation(self._module, name)


class LateOperation:
    """One operation by its name."""

    def __init__(self, module: str, name: str) -> None:
        self._module, self._name = module, name

    def found(self) -> Callable[..., Any]:
        """Import the operation."""
        return getattr(import_module(self._module), self._name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Begin the operation."""
        return self.found()(*args, **kwargs)


def _named(method: Callable[P, T], operation: Callable[..., Any]) -> Callable[P, T]:
    """Give a method the name, signature and documentation of its operation."""
    return functools.update_wrapper(method, operation.found() if isinstance(operation, LateOperation) else operation)


class verb(Generic[P, T]):  # noqa: N801 - used like a decorator
    """A method of the synchronous town.

    Args:
        operation: A function of the town's context and the method's arguments that gives the steps.
    """

    def __init__(self, operation: Callable[Concatenate[TownContext, P], Steps[T]]) -> None:
        self.operation = operation

    @overload
    def __get__(self, town: None, owner: type) -> Self: ...
    @overload
    def __get__(self, town: SyncRunner, owner: type) -> Callable[P, T]: ...
    def __get__(self, town: SyncRunner | None, owner: type) -> Self | Callable[P, T]:
        """Bind the method to a town."""
        if town is None:
            return self

        def method(*args: P.args, **kwargs: P.kwargs) -> T:
            return town.run_steps(self.operation(town.context, *args, **kwargs))

        return _named(method, self.operation)


class async_verb(Generic[P, T]):  # noqa: N801 - used like a decorator
    """A method of the asyncio town; as `verb`."""

    def __init__(self, operation: Callable[Concatenate[TownContext, P], Steps[T]]) -> None:
        self.operation = operation

    @overload
    def __get__(self, town: None, owner: type) -> Self: ...
    @overload
    def __get__(self, town: AsyncRunner, owner: type) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, town: AsyncRunner | None, owner: type) -> Self | Callable[P, Coroutine[Any, Any, T]]:
        """Bind the method to a town."""
        if town is None:
            return self

        async def method(*args: P.args, **kwargs: P.kwargs) -> T:
            return await town.run_steps(self.operation(town.context, *args, **kwargs))

        return _named(method, self.operation)
