"""What `make package-*` stages is complete, holds nothing else, and starts without an SDK."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from importlib.util import MAGIC_NUMBER, cache_from_source
from pathlib import Path

import pytest

from rigs.staging import CLOUDS, Deployed, stage, this_machine

Deploy = Callable[[str], Deployed]

LAMBDA_LIMIT = 250 * 1024 * 1024
"""Bytes of a function and its layers, unzipped: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""

CONTENTS = {
    "aws": {"functions", "shared", "template.yaml"},
    "gcp": {".gcloudignore", "main.py", "requirements.txt", "tradewind"},
    "azure": {
        "function_app.py",
        "host.json",
        "observe.py",
        "replicate.py",
        "requirements.txt",
        "route.py",
        "sweep.py",
        "tradewind",
    },
}

HANDLERS = [
    ("aws", "replicate"),
    ("aws", "sweep"),
    ("aws", "batch_operations"),
    ("aws", "observe"),
    ("aws", "route"),
    ("gcp", "main"),
    ("azure", "function_app"),
]
"""Each cloud's modules that a platform loads."""

OWN = {
    "aws": ["aws_xray_sdk.core"],
    "gcp": ["google.cloud.pubsub_v1"],
    "azure": ["azure.keyvault.secrets", "azure.storage.queue"],
}
"""What a cloud's function needs beside the stores: its own queue and its own vault."""

SDK = re.compile(
    r"boto3|botocore\.|s3transfer|aws_xray_sdk|azure\.(?!functions)|msal|google\.(auth|api_core|cloud\.(?!functions))|grpc"
    r"|httpx|httpcore"
)
"""Modules of the clouds' SDKs, and of what asks endpoints.

Not among them: `google.cloud.functions` and `azure.functions`, which are the runtimes themselves, and the bare name
`botocore`, an empty module of a millisecond that Powertools looks for to name itself.
"""


@pytest.mark.parametrize("cloud", CLOUDS)
def test_a_bundle_holds_its_handlers_and_the_package_and_nothing_else(cloud: str, deployed: Deploy) -> None:
    """No sandbox, no tests, no command line."""
    place = deployed(cloud)
    bundle = place.folder.parents[1] if cloud == "aws" else place.folder

    names = {path.relative_to(bundle).as_posix() for path in bundle.rglob("*")}
    package = {name for name in names if "/tradewind/" in f"/{name}/"}

    assert {path.name for path in bundle.iterdir()} == CONTENTS[cloud]
    assert not [name for name in names if "tradewind_sandbox" in name]
    assert not [name for name in package if {"cli", "tests"} & set(name.split("/"))]
    assert any(name.endswith("tradewind/clouds/azure/store.py") for name in package)


@pytest.mark.parametrize("cloud", CLOUDS)
def test_a_bundle_is_compiled(cloud: str, tmp_path: Path) -> None:
    """No instance compiles what is in its bundle, nor compares it with a source whose time a zip has changed."""
    here = this_machine()
    version = here["LAMBDA_PYTHON"]

    bundle = stage(cloud, tmp_path, **here, GCP_PYTHON=version, AZURE_PYTHON=version)

    sources = [path for path in bundle.rglob("*.py") if "tradewind" in path.parts or path.parent.name == cloud]
    compiled = [Path(cache_from_source(str(path))).read_bytes() for path in sources]
    assert len(sources) > 100
    assert {each[:4] for each in compiled} == {MAGIC_NUMBER}
    assert {each[4:8] for each in compiled} == {b"\x01\x00\x00\x00"}, "PEP 552: a hash that is not checked"


@pytest.mark.parametrize("cloud", CLOUDS)
def test_a_handler_imports_where_only_its_bundle_is(cloud: str, deployed: Deploy) -> None:
    """Every cloud's store opens beside the handler, so no dependency of any target is missing."""
    place = deployed(cloud)
    parts = [f"tradewind.clouds.{each}.{part}" for each in CLOUDS for part in ("store", "queue", "events", "secrets")]
    sdks = ["boto3", "google.cloud.storage", "azure.storage.blob", "azure.identity", *OWN[cloud]]

    done = place.run(f"import importlib, {place.module}\nfor name in {parts + sdks}: importlib.import_module(name)")

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("cloud", "handler"), HANDLERS)
def test_a_handler_starts_without_any_sdk(cloud: str, handler: str, deployed: Deploy) -> None:
    """A cold start pays for no client before the first event says which one is needed."""
    place = deployed(cloud)

    done = place.run(f"import {handler}", "-X", "importtime")
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}

    assert done.returncode == 0, done.stderr
    assert "tradewind.runtime" in imported
    assert not sorted(name for name in imported if SDK.match(name))


def test_the_azure_app_registers_its_triggers(deployed: Deploy) -> None:
    """The Functions host finds each function of the staged app with what triggers it."""
    done = deployed("azure").run(
        "import function_app as f\n"
        "print(*sorted(g.get_function_name() + ' ' + g.get_trigger().type for g in f.app.get_functions()), sep='\\n')"
    )

    assert done.stdout.splitlines() == [
        "observe timerTrigger",
        "replicate queueTrigger",
        "replicate_event eventGridTrigger",
        "route httpTrigger",
        "sweep timerTrigger",
    ], done.stderr


@pytest.mark.parametrize("cloud", CLOUDS)
def test_staging_twice_gives_the_same_bytes(cloud: str, tmp_path: Path) -> None:
    """The same checkout gives the same bundle, times included, so a deployment without a change is none."""
    settings = this_machine() if cloud == "aws" else {}

    first, second = (stage(cloud, tmp_path / name, **settings) for name in ("first", "second"))

    assert fingerprint(first) == fingerprint(second)


def test_the_lambda_bundle_is_for_arm_and_fits(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    """Wheels of another machine would fail at the first event; more than 250 MB would fail to deploy."""
    bundle = stage("aws", tmp_path)
    size = sum(path.stat().st_size for path in bundle.rglob("*") if path.is_file())
    print(f"Lambda bundle: {size / 1024 / 1024:.1f} MiB unzipped, of {LAMBDA_LIMIT / 1024 / 1024:.0f}")  # noqa: T201
    record_property("lambda_bundle_bytes", size)

    machines = {path: path.read_bytes()[18:20] for path in bundle.rglob("*.so")}

    assert size < LAMBDA_LIMIT
    assert machines
    assert set(machines.values()) == {b"\xb7\x00"}, "ELF machine 183 is AArch64"
    assert not [path.name for path in machines if "cpython-3" in path.name and "cpython-313-" not in path.name]


def fingerprint(folder: Path) -> dict[str, tuple[str, int, float]]:
    """Return what a zip of `folder` would depend on."""
    return {
        path.relative_to(folder).as_posix(): (
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
            path.stat().st_mode,
            path.stat().st_mtime,
        )
        for path in folder.rglob("*")
    }
