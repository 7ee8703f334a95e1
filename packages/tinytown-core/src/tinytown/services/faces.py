"""Turns an operation into a method of the synchronous or the asyncio town, with its signature and its documentation."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
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


class verb(Generic[P, T]):  # noqa: N801 - used like a decorator
    """A method of the synchronous town.

    Args:
        operation: A function of the town's context and the method's arguments that gives the steps.
    """

    def __init__(self, operation: Callable[Concatenate[TownContext, P], Steps[T]]) -> None:
        self.operation = operation
        functools.update_wrapper(self, operation)  # pyright: ignore[reportArgumentType] - only copies the names

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

        return functools.update_wrapper(method, self.operation)


class async_verb(Generic[P, T]):  # noqa: N801 - used like a decorator
    """A method of the asyncio town; as `verb`."""

    def __init__(self, operation: Callable[Concatenate[TownContext, P], Steps[T]]) -> None:
        self.operation = operation
        functools.update_wrapper(self, operation)  # pyright: ignore[reportArgumentType] - only copies the names

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

        return functools.update_wrapper(method, self.operation)
