"""The command line, and how errors reach a person."""

import errno
import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tradewind import __version__
from tradewind.cli.app import app, run
from tradewind.errors import FleetError

FLEET = """\
version: 1
sites:
  aws-use1: {cloud: aws, region: us-east-1, jurisdiction: US, bucket: b, control_bucket: c}
classifications: {public: {jurisdictions: any}}
"""


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    """A right fleet file."""
    path = tmp_path / "tradewind.yaml"
    path.write_text(FLEET)
    return path


def test_version() -> None:
    """`--version` names the version and nothing else."""
    assert CliRunner().invoke(app, ["--version"]).stdout.strip() == __version__


def test_every_command_explains_itself() -> None:
    """Help exists for every command and group."""
    for command in (
        [],
        ["fleet"],
        ["verify"],
        ["status"],
        ["locate"],
        ["explain"],
        ["plan"],
        ["dlq"],
        ["dlq", "list"],
        ["dlq", "redrive"],
        ["sandbox"],
        ["demo"],
    ):
        result = CliRunner().invoke(app, [*command, "--help"])
        assert result.exit_code == 0, command
        assert len(result.stdout) > 100


def test_a_right_fleet_file(fleet: Path) -> None:
    """`fleet validate` says what it found."""
    result = CliRunner().invoke(app, ["fleet", "validate", "--fleet", str(fleet)])

    assert result.stdout.strip() == "1 sites and 0 rules: no problems"


def test_the_schema_is_json() -> None:
    """`fleet schema` prints a JSON Schema."""
    assert json.loads(CliRunner().invoke(app, ["fleet", "schema"]).stdout)["title"] == "tradewind fleet"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["fleet", "validate", "--fleet", "none.yaml"], 2, "error: The fleet file 'none.yaml' cannot be read"),
        (["verify", "nothing"], 2, "error: There is no rule 'nothing'\nwhat to do: The fleet file has: none"),
        (
            ["dlq", "list", "--site", "mars"],
            2,
            "error: There is no site 'mars'\nwhat to do: The fleet file has: aws-use1",
        ),
        (["fleet", "validate", "--fleet", "s3://bucket"], 2, "error: 's3://bucket' does not say where"),
    ],
)
def test_an_error_says_what_failed_and_what_to_do(
    fleet: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    said: str,
) -> None:
    """An error is two sentences on standard error, without a traceback, and a code that scripts can tell."""
    monkeypatch.chdir(fleet.parent)
    monkeypatch.delenv("TRADEWIND_FLEET", raising=False)
    monkeypatch.setattr("sys.argv", ["tradewind", *arguments])

    with pytest.raises(SystemExit) as exit_:
        run()

    assert exit_.value.code == code
    assert re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().err).startswith(said)


@pytest.mark.parametrize("position", range(5))
def test_debug_shows_the_causes(fleet: Path, monkeypatch: pytest.MonkeyPatch, position: int) -> None:
    """With `--debug`, wherever it stands, the error is raised with its whole chain of causes."""
    arguments = ["fleet", "validate", "--fleet", str(fleet.parent / "none")]
    arguments.insert(position, "--debug")
    monkeypatch.setattr("sys.argv", ["tradewind", *arguments])

    with pytest.raises(FleetError) as caught:
        run()

    assert isinstance(caught.value.__cause__, FileNotFoundError)


def test_debug_after_two_dashes_is_an_argument(
    fleet: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A rule may have any name: what stands behind `--` is no option."""
    monkeypatch.setattr("sys.argv", ["tradewind", "verify", "--fleet", str(fleet), "--", "--debug"])

    with pytest.raises(SystemExit):
        run()

    assert "There is no rule '--debug'" in capsys.readouterr().err


def test_debug_is_documented() -> None:
    """`--help` tells of `--debug`, to which every error refers."""
    assert "--debug" in CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200", "TERM": "dumb"}).stdout


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PermissionError(errno.EACCES, "Permission denied", "/proc/x"), "error: /proc/x: Permission denied\n"),
        (OSError(errno.ENOSPC, "No space left on device"), "error: No space left on device\n"),
        (ConnectionResetError(), "error: ConnectionResetError\n"),
    ],
)
def test_what_the_system_refuses_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: OSError, said: str
) -> None:
    """An error of the operating system names the file and the reason; with `--debug` it is raised as it came."""

    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr("tradewind.cli.app.open_runtime", refuse)
    monkeypatch.setattr("sys.argv", ["tradewind", "verify", "models"])
    with pytest.raises(SystemExit) as exit_:
        run()
    assert exit_.value.code == 1
    assert re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().err).startswith(said)

    monkeypatch.setattr("sys.argv", ["tradewind", "verify", "models", "--debug"])
    with pytest.raises(type(error)):
        run()
