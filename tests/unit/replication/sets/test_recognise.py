"""Which keys close sets, and which sets a key may be in."""

import pytest

from rigs.world import fleet_of
from tradewind.fleet import Rule
from tradewind.replication.sets.recognise import candidates, closing_kind, folders


def rule(prefix: str = "", exclude: list[str] | None = None, **sets: object) -> Rule:
    """Return a rule with these settings."""
    return fleet_of({"name": "r", "to": ["b"], "prefix": prefix, "exclude": exclude or [], "sets": sets}).rules[0]


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("m/model.safetensors.index.json", "safetensors"),
        ("m/model.safetensors.index.fp16.json", "safetensors"),
        ("diffusion_pytorch_model.safetensors.index.json", "safetensors"),
        ("m/pytorch_model.bin.index.json", "pytorch"),
        ("ckpt/step-5/.metadata", "torch_checkpoint"),
        ("out/_SUCCESS", "success_folder"),
        ("run/model/MLmodel", "mlflow"),
    ],
)
def test_the_built_in_kinds_are_known_by_their_closing_key(key: str, kind: str) -> None:
    """Each kind is recognised unless the rule leaves it out."""
    found = closing_kind(rule(), key)

    assert found is not None
    assert found.name == kind
    assert closing_kind(rule(kinds=[]), key) is None


@pytest.mark.parametrize(
    "key",
    ["m/model.safetensors", "m/index.json", "a.metadata", "x_SUCCESS", "_SUCCESS/part", "MLmodel.bak", "m/MLmodel/x"],
)
def test_other_keys_close_nothing(key: str) -> None:
    """A name that is only similar closes no set."""
    assert closing_kind(rule(), key) is None


def test_a_manifest_of_the_rule_comes_before_the_built_in_kinds() -> None:
    """What the rule says of a key counts more than what its name usually means."""
    kind = closing_kind(rule(manifests=[{"closing": "**/_SUCCESS", "members": "*.parquet"}]), "out/_SUCCESS")

    assert kind is not None
    assert (kind.name, kind.members, kind.by_place) == ("manifest", "*.parquet", True)


@pytest.mark.parametrize(
    ("key", "closing"),
    [
        ("m/model-00001-of-00012.safetensors", ["m/model.safetensors.index.json"]),
        (
            "model.fp16-00001-of-00002.safetensors",
            ["model.fp16.safetensors.index.json", "model.safetensors.index.fp16.json"],
        ),
        ("m/pytorch_model-00001-of-00003.bin", ["m/pytorch_model.bin.index.json"]),
        ("ckpt/__0_0.distcp", ["ckpt/.metadata"]),
        ("m/model.safetensors", []),
        ("m/config.json", []),
    ],
)
def test_a_member_names_its_closing_keys(key: str, closing: list[str]) -> None:
    """Shards and checkpoint files tell by their own names where to look; other keys tell nothing."""
    assert candidates(rule(), key) == closing


def test_candidates_are_closing_keys_that_the_rule_covers() -> None:
    """No key is looked for that the rule leaves out, or whose kind it does not have."""
    shard = "m/model-00001-of-00012.safetensors"

    assert candidates(rule(exclude=["**/*.json"]), shard) == []
    assert candidates(rule(kinds=["pytorch"]), shard) == []


def test_a_manifest_without_wildcard_in_its_name_is_looked_for_in_every_folder_above() -> None:
    """A manifest's folder is unknown, so each above the key is tried where the whole glob matches."""
    tight = rule(prefix="data/", kinds=[], manifests=[{"closing": "data/*/manifest.json"}])
    wild = rule(kinds=[], manifests=[{"closing": "**/*.manifest.json"}])

    assert candidates(tight, "data/set/deep/er/part") == ["data/set/manifest.json"]
    assert candidates(tight, "data/set/manifest.json") == []
    assert candidates(wild, "data/set/part") == []


@pytest.mark.parametrize(
    ("prefix", "found"),
    [
        ("", ["", "a/", "a/b/"]),
        ("a/", ["a/", "a/b/"]),
        ("a/b", ["a/", "a/b/"]),
        ("a/b/", ["a/b/"]),
        ("a/b/c", ["a/b/"]),
    ],
)
def test_sets_are_closed_in_the_folders_above_down_from_the_prefix(prefix: str, found: list[str]) -> None:
    """Outermost first; a folder above the one that the prefix ends in can hold no key of the rule."""
    assert list(folders(rule(prefix), "a/b/c")) == found


def test_a_rule_without_sets_has_no_folders_to_look_in() -> None:
    """Nothing is looked up for a rule that knows no sets."""
    assert list(folders(rule(kinds=[]), "a/b/c")) == []
