"""What people are told of a rule's mode."""

from __future__ import annotations

import pytest

from rigs.world import World, fleet_of
from tradewind.replication.modes.wording import mode_told
from tradewind.replication.seeing.plan import plan


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, "immediate: at once"),
        ({"kind": "predictions"}, "buffered, as is usual for predictions: each changed key once in 60 s"),
        ({"kind": "feature_store"}, "buffered, as is usual for feature_store"),
        ({"kind": "training_data"}, "batch, as is usual for training_data: what was written goes at the times"),
        ({"kind": "model_artifacts"}, "versioned, as is usual for model_artifacts: at once; nothing"),
        ({"kind": "model_artifacts", "delivery": {"mode": "immediate"}}, "immediate: at once"),
        ({"delivery": {"mode": "batch", "compress": "zstd"}}, "batch: what was written goes at the times '0 * * * *'"),
    ],
)
def test_the_effective_mode_is_told(fields: dict[str, object], expected: str) -> None:
    """The mode is the rule's own, or that of its kind of data, and it says which."""
    assert mode_told(fleet_of({"name": "rule", "to": ["b"], **fields}).rules[0]).startswith(expected)


def test_a_plan_tells_the_mode() -> None:
    """Before anything moves a person sees what does not go at once."""
    world = World({"name": "rule", "to": ["b"], "kind": "predictions"})

    assert [each.delivery.partition(",")[0] for each in plan(world.fleet, world.gate)] == ["buffered"]
