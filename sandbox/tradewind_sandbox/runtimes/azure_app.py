"""A function app, loaded as the Python worker of Azure Functions loads it: `function_app.py` and its `app`."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import logging
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from tradewind_sandbox.errors import SandboxError

_log = logging.getLogger(__name__)
_SETTING = re.compile("%([^%]+)%")
_TRIGGERS = frozenset({"queueTrigger", "eventGridTrigger", "httpTrigger", "timerTrigger"})


class _Function(Protocol):
    def get_function_name(self) -> str | None: ...
    def get_user_function(self) -> Callable[..., object]: ...
    def get_bindings_dict(self) -> Mapping[str, list[Mapping[str, object]]]: ...


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a call."""

    value: object = None
    failed: bool = False
    """The function raised; the log has it."""


@dataclass(frozen=True, slots=True)
class AppFunction:
    """One function of the app, with the binding that triggers it."""

    name: str
    trigger: Mapping[str, object]
    """As in function.json, with every `%NAME%` replaced by that app setting."""
    user_function: Callable[..., object]

    def run(self, argument: object) -> Result:
        """Call the user's function with its trigger's argument."""
        try:
            value = self.user_function(**{str(self.trigger["name"]): argument})
            return Result(asyncio.run(_awaited(value)) if inspect.iscoroutine(value) else value)
        except Exception:  # noqa: BLE001 - whatever a function raises is its failure, and the host goes on
            _log.exception("%s failed", self.name)
            return Result(failed=True)

    def text(self, field: str) -> str:
        """Return a field of the trigger."""
        return str(self.trigger[field])


def load(folder: Path) -> list[AppFunction]:
    """Load the app in `folder` and return its functions. Call this once: the app builds them anew each time.

    Raises:
        SandboxError: A function has a trigger that this host does not offer.
    """
    sys.path.insert(0, str(folder))
    app = importlib.import_module("function_app").app
    return [_function(cast("_Function", function)) for function in app.get_functions()]


def setting(name: str) -> str:
    """Return an app setting, which is an environment variable.

    Raises:
        SandboxError: It is not set.
    """
    for spelling in (name, f"AzureWebJobs{name}"):
        if spelling in os.environ:
            return os.environ[spelling]
    raise SandboxError(f"The app setting {name!r} is not set", hint="A binding of functions/azure names it")


def _function(function: _Function) -> AppFunction:
    name = function.get_function_name() or ""
    bindings = function.get_bindings_dict()["bindings"]
    triggers = [binding for binding in bindings if str(binding["type"]).endswith("Trigger")]
    if len(triggers) != 1 or triggers[0]["type"] not in _TRIGGERS:
        kinds = ", ".join(str(binding["type"]) for binding in triggers)
        known = ", ".join(sorted(_TRIGGERS))
        raise SandboxError(f"The function {name!r} has the triggers [{kinds}]", hint=f"The sandbox offers {known}")
    trigger = {field: _resolved(value) for field, value in triggers[0].items()}
    return AppFunction(name, trigger, function.get_user_function())


def _resolved(value: object) -> object:
    return _SETTING.sub(lambda match: setting(match[1]), value) if isinstance(value, str) else value


async def _awaited(result: object) -> object:
    return await result if inspect.isawaitable(result) else result
