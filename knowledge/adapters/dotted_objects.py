"""Objects of other people's classes, named by a dotted path and made from a setting's JSON arguments."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from hashlib import sha256
from json import dumps
from pkgutil import resolve_name
from typing import Any

from knowledge.errors import ConfigurationError

FACTORY = "()"
"""In a JSON object: the dotted path of what makes it from the other entries, as in `logging.config`."""
_CONNECTION = re.compile(
    "key|token|secret|password|credential|url|base|host|port|proxy|endpoint|client|header|timeout|retr|batch|chunk_size"
    "|thread|cache|progress|device|provider|organization|project|region|files_only|lazy",
    re.IGNORECASE,
)

Plan = Callable[[], Any]


def find(path: str, variable: str) -> Any:
    """Import what a dotted path names: a class, a function, a method of a class. Raises ConfigurationError."""
    try:
        return resolve_name(path)
    except ModuleNotFoundError as exc:
        raise ConfigurationError(f"{variable}={path}: there is no module {exc.name} on the Python path.") from exc
    except AttributeError as exc:
        raise ConfigurationError(f"{variable}={path}: {exc}.") from exc
    except Exception as exc:
        raise ConfigurationError(f"{variable}={path}: it cannot be imported: {first_line(exc)}") from exc


class Workshop:
    """Makes JSON values into arguments, and gives back in the end what the objects among them hold."""

    def __init__(self, variable: str, places: Mapping[str, Any] | None = None) -> None:
        """`variable` is named in errors; `{name}` in a text is filled in from `places`."""
        self._variable = variable
        self._places = places or {}
        self._made: list[Any] = []

    def plan(self, value: Any) -> Plan:
        """Return what makes a value, each time anew.

        Paths are imported now, so that a wrong one is told at the start; nothing connects before the plan is called.
        Raises ConfigurationError.
        """
        if isinstance(value, list):
            items = list(map(self.plan, value))
            return lambda: [make() for make in items]
        if isinstance(value, dict):
            return self._plan_object(value)
        filled = self.filled(value) if isinstance(value, str) else value
        return lambda: filled

    def filled(self, text: str) -> Any:
        """Fill the places in; a text that is one place and nothing else becomes its value, a number for example."""
        for name, value in self._places.items():
            if text == f"{{{name}}}":
                return value
            text = text.replace(f"{{{name}}}", str(value))
        return text

    async def close(self) -> None:
        """Give back what was made, the newest first."""
        while self._made:
            await give_back(self._made.pop())

    def _plan_object(self, value: dict[str, Any]) -> Plan:
        entries = {name: self.plan(item) for name, item in value.items() if name != FACTORY}
        if FACTORY not in value:
            return lambda: {name: make() for name, make in entries.items()}
        build = find(str(value[FACTORY]), self._variable)

        def make() -> Any:
            self._made.append(build(**{name: make() for name, make in entries.items()}))
            return self._made[-1]

        return make


async def give_back(thing: Any) -> None:
    """Close something, whatever its class calls that; do nothing where there is no such method."""
    for name in ("aclose", "close", "dispose"):
        close = getattr(thing, name, None)
        if callable(close):
            done = close()
            if inspect.isawaitable(done):
                await done
            return


def check_arguments(target: Any, arguments: Mapping[str, Any], *, variable: str) -> None:
    """Refuse arguments that the class or function does not take. Raises ConfigurationError."""
    try:
        signature = inspect.signature(target)
    except (TypeError, ValueError):
        return
    try:
        signature.bind(**arguments)
    except TypeError as exc:
        raise ConfigurationError(f"{variable} does not fit {_name(target)}: {exc}.") from exc


def parameters(target: Any) -> set[str]:
    """Return the names of the arguments that a class or function takes; none where it does not tell."""
    try:
        return set(inspect.signature(target).parameters)
    except (TypeError, ValueError):
        return set()


def model_name(family: str, model: str, arguments: Mapping[str, Any], dimensions: int) -> str:
    """Name an embedder so that vectors which may differ get different names.

    Every argument counts except those that only say how the model is reached.
    """
    telling = {name: value for name, value in arguments.items() if not _CONNECTION.search(name)}
    parts = [family, model, str(dimensions)]
    if telling:
        parts.append(sha256(dumps(telling, sort_keys=True, default=str).encode()).hexdigest()[:8])
    return "-".join(parts)


def first_line(error: Exception) -> str:
    """Return the first line of what an error says."""
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:200]


def _name(target: Any) -> str:
    return str(getattr(target, "__qualname__", target))
