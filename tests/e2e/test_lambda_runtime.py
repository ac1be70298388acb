"""The local Lambda, with functions of the test's own under AWS's runtime client."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tradewind_sandbox.runtimes.lambda_environment import FunctionSettings
from tradewind_sandbox.runtimes.lambda_service import Function

HANDLER = """\
import os
import time


def handler(event, context):
    match event["do"]:
        case "raise":
            raise ValueError("not today")
        case "exit":
            os._exit(7)
        case "sleep":
            time.sleep(60)
    return {"pid": os.getpid(), "arn": context.invoked_function_arn, "left": context.get_remaining_time_in_millis()}
"""
ARN = "arn:aws:lambda:us-east-1:123456789012:function:probe"


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[[str, float], Function]]:
    """Make functions out of source text and a timeout in seconds."""
    made = []

    def function(source: str, timeout: float) -> Function:
        (tmp_path / "probe.py").write_text(source)
        settings = FunctionSettings("probe", ARN, "probe.handler", tmp_path, timeout)
        made.append(Function(settings, concurrency=1))
        return made[-1]

    yield function
    for each in made:
        each.close()


def ask(function: Function, what: str) -> tuple[bool, dict[str, object]]:
    """Invoke a function: did it fail, and what did it answer?"""
    answer = function.invoke(json.dumps({"do": what}).encode())
    return answer.failed, json.loads(answer.payload)


def test_an_environment_serves_one_event_after_the_other(make: Callable[[str, float], Function]) -> None:
    """The process is kept between events, and the context tells what Lambda tells."""
    function = make(HANDLER, 30)

    (failed, first), (_, second) = ask(function, "answer"), ask(function, "answer")

    assert not failed
    assert first["pid"] == second["pid"]
    assert first["arn"] == ARN
    assert isinstance(first["left"], int)
    assert 0 < first["left"] <= 30_000


def test_an_exception_is_an_answer_and_the_process_lives(make: Callable[[str, float], Function]) -> None:
    """A function that raises failed, with the error's type and message; the next event finds the same process."""
    function = make(HANDLER, 30)
    _, before = ask(function, "answer")

    failed, error = ask(function, "raise")

    assert failed
    assert (error["errorType"], error["errorMessage"]) == ("ValueError", "not today")
    assert ask(function, "answer")[1]["pid"] == before["pid"]


@pytest.mark.parametrize(("what", "kind"), [("exit", "Runtime.ExitError"), ("sleep", "Sandbox.Timedout")])
def test_a_process_that_ends_is_replaced(make: Callable[[str, float], Function], what: str, kind: str) -> None:
    """A crash or a timeout fails the event, and the next one finds a new process."""
    function = make(HANDLER, 2)
    _, before = ask(function, "answer")

    failed, error = ask(function, what)

    assert failed
    assert error["errorType"] == kind
    failed, after = ask(function, "answer")
    assert not failed
    assert after["pid"] != before["pid"]


def test_a_handler_that_cannot_be_loaded_fails_each_event(make: Callable[[str, float], Function]) -> None:
    """A syntax error in the handler's file is the answer to every event."""
    function = make("def handler(:\n", 30)

    assert ask(function, "answer")[0]
    assert ask(function, "answer")[0]
