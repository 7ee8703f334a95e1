"""The base of all contract suites: a suite may be extended, but not weakened without saying why.

Source: LangChain's standard tests, which fail when one of theirs was overridden in silence.
"""

from __future__ import annotations

from typing import ClassVar


class Contract:
    """A suite of tests that a plugin inherits.

    Overriding a test of the suite is an error when the class is made, unless ``departures`` gives the reason.

    Attributes:
        departures: Name of an overridden test to the reason why this plugin cannot keep to it.
    """

    departures: ClassVar[dict[str, str]] = {}

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        inherited = {name for base in cls.__mro__[1:] for name in vars(base) if name.startswith("test_")}
        for name in sorted(inherited & set(vars(cls))):
            if not cls.departures.get(name, "").strip():
                raise TypeError(
                    f"{cls.__name__} overrides `{name}` of its contract without a reason: "
                    f'add `departures = {{"{name}": "why"}}`'
                )
