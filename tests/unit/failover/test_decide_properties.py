"""What holds of every decision, whatever observers see and whatever the fleet file says."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import TypeAlias

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rigs.judging import EVERY, LONG, NOW, ROUNDS, endpoint, group
from tradewind.failover.deciding.decide import decide, initial, next_best
from tradewind.failover.deciding.decisions import Decision, FailOver, Keep, Restore, Shift
from tradewind.failover.routing import Kind, Routing, State
from tradewind.failover.views import EndpointView, Sample, Sights, View
from tradewind.fleet import Endpoint, Group

NAMES = ("a", "b", "c", "d")
OBSERVERS = ("o1", "o2", "o3", "o4", "o5")
CLOUD = {"a": "aws", "b": "aws", "c": "gcp", "d": "azure", "gone": "gcp"}
STRATEGIES = ("active_passive", "active_active", "bursting")
Scene: TypeAlias = tuple[Group, dict[str, Endpoint], Routing, Sights]
MANY = settings(max_examples=400)
GOOD, BAD = Sample(good=True, seconds=0.05), Sample(good=False, seconds=0.05)
LATE = Sample(good=True, seconds=0.9)


KINDS = (
    EndpointView(passing=10, samples=(GOOD,) * 10),
    EndpointView(passing=100, samples=(GOOD,) * 20),
    EndpointView(failing=3, slow=3, reason="status 503", samples=(GOOD,) * 7 + (BAD,) * 3),
    EndpointView(failing=9, slow=9, reason="connection refused", samples=(BAD,) * 9),
    EndpointView(passing=20, slow=7, samples=(GOOD,) * 13 + (LATE,) * 7),
    EndpointView(failing=2, slow=2, reason="status 503", samples=(GOOD, BAD, BAD) * 7),
    EndpointView(passing=1, samples=(BAD, GOOD)),
    EndpointView(failing=1, slow=1, samples=(GOOD,) * 9 + (BAD,)),
    EndpointView(),
)
"""Sound, sound for long, down, down for long, slow, failing often, just back, just failing, never looked at."""


def sights_of(rng: Random) -> Sights:
    """Return what observers see: most often they agree, and some views are missing."""
    observers = OBSERVERS[: rng.choice([1, 3, 3, 5])]
    base = {name: rng.choice(KINDS) for name in NAMES}

    def view(observer: str) -> View:
        kinds = {name: base[name] if rng.random() < 0.8 else rng.choice(KINDS) for name in NAMES}
        loads = {name: rng.choice([None, 0.0, 30.0, 80.0, 80.0, 120.0, 400.0]) for name in NAMES}
        return View(observer, 9, NOW, {name: replace(kind, load=loads[name]) for name, kind in kinds.items()})

    missing = set(rng.sample(observers, rng.randrange(len(observers) // 2 + 1)))
    views = {observer: view(observer) for observer in observers if observer not in missing}
    return Sights(observers, views, dict.fromkeys(missing, "no view"))


def policy_of(rng: Random, strategy: str) -> Group:
    """Return a group of some of the endpoints."""
    names = rng.sample(NAMES, rng.randint(1, len(NAMES)))
    return group(
        *names,
        strategy=strategy,
        minimum_serving=rng.randint(1, min(2, len(names))),
        failback={"after_seconds": rng.choice([None, 0, 100])},
    )


def fleet_of(rng: Random) -> dict[str, Endpoint]:
    """Return the endpoints, all of which tell their load, or some, or none."""
    telling = rng.choice([0.0, 0.5, 1.0])
    return {
        name: endpoint(
            weight=rng.choice([1, 1, 2, 5]),
            capacity=rng.choice([50, 100, 100, 300]),
            probe={"load": "/load"} if rng.random() < telling else {},
        )
        for name in NAMES
    }


def routing_of(rng: Random, policy: Group) -> Routing:
    """Return a routing over the group, and over what may have left it."""
    names = [*policy.endpoints, *(["gone"] if rng.random() < 0.1 else [])]
    cuts = sorted(rng.choice([0, 0, 10, 50, 66, 90, 100]) for _ in names[1:])
    weights = {name: high - low for name, low, high in zip(names, [0, *cuts], [*cuts, 100], strict=True)}
    if rng.random() < 0.3:
        weights = {name: weight for name, weight in weights.items() if weight}
    state = rng.choice(list(State)) if rng.random() < 0.1 else State.SETTLED
    return Routing(4, state, rng.choice(list(Kind)), weights, {}, "", "o1", frozen=rng.choice(["", "", "", "ada: no"]))


def scene_of(seed: int, *strategies: str) -> Scene:
    """Return all that a decision goes by, made up from a number."""
    rng = Random(seed)  # noqa: S311 - the same worlds every time, which no secret depends on
    policy = policy_of(rng, rng.choice(strategies or STRATEGIES))
    return policy, fleet_of(rng), routing_of(rng, policy), sights_of(rng)


def scenes(*strategies: str) -> st.SearchStrategy[Scene]:
    """Return scenes of the strategies; drawn as numbers, since a scene is made of hundreds of choices."""
    return st.integers(0, 2**32).map(lambda seed: scene_of(seed, *strategies))


def decided(scene: Scene, settled_for: timedelta = LONG) -> Decision:
    """Return the decision."""
    policy, endpoints, routing, sights = scene
    return decide(policy, endpoints, CLOUD, routing, sights, settled_for=settled_for, every=EVERY)


def majority(sights: Sights, name: str, says: str) -> bool:
    """Say whether a majority of all observers sees an endpoint as `says`; written out once more, and otherwise."""
    views = [view.endpoints[name] for view in sights.views.values()]
    counts = {
        "down": sum(view.failing >= ROUNDS for view in views),
        "not down": sum(view.failing < ROUNDS for view in views),
        "well": sum(view.passing >= ROUNDS for view in views),
    }
    return 2 * counts[says] > len(sights.observers)


@pytest.mark.parametrize(
    ("strategy", "kind"),
    [
        ("active_passive", FailOver),
        ("active_passive", Restore),
        ("active_active", FailOver),
        ("active_active", Restore),
        ("active_active", Shift),
        ("bursting", FailOver),
        ("bursting", Restore),
        ("bursting", Shift),
    ],
)
def test_the_scenes_lead_to_every_decision(strategy: str, kind: type) -> None:
    """What is said of decisions below is said of some that are made."""
    assert any(isinstance(decided(scene_of(seed, strategy)), kind) for seed in range(1000))


@MANY
@given(scenes())
def test_a_decision_is_whole(scene: Scene) -> None:
    """Weights name every endpoint of the group and sum to 100, and there is a reason for everything."""
    decision = decided(scene)

    assert decision.reason
    if not isinstance(decision, Keep):
        assert list(decision.weights) == list(scene[0].endpoints)
        assert sum(decision.weights.values()) == 100
        assert all(weight >= 0 for weight in decision.weights.values())
        assert dict(decision.weights) != {name: scene[2].weights.get(name, 0) for name in decision.weights} or (
            "gone" in scene[2].serving
        )


@MANY
@given(scenes())
def test_nothing_moves_without_a_majority_of_all_observers(
    scene: Scene,
) -> None:
    """Of five observers three must be heard, however few are fresh."""
    policy, endpoints, routing, sights = scene
    few = dict(list(sights.views.items())[: len(sights.observers) // 2])

    assert isinstance(decided((policy, endpoints, routing, replace(sights, views=few))), Keep)


@MANY
@given(scenes())
def test_traffic_grows_only_where_a_majority_sees_it_can(
    scene: Scene,
) -> None:
    """What had traffic and gets more is not down; what had none is well."""
    _, _, routing, sights = scene
    decision = decided(scene)
    moved = {} if isinstance(decision, Keep) else decision.weights

    for name, weight in moved.items():
        if weight > routing.weights.get(name, 0):
            assert majority(sights, name, "not down" if routing.weights.get(name) else "well")
            assert not majority(sights, name, "down")


@MANY
@given(scenes("active_active"))
def test_a_failover_leaves_only_what_is_down_or_degraded(
    scene: Scene,
) -> None:
    """No endpoint loses everything that a majority sees stand, fast and steady, but where one takes all."""
    policy, _, routing, sights = scene
    decision = decided(scene)
    weights = decision.weights if isinstance(decision, FailOver) else routing.weights

    for name in policy.endpoints:
        if routing.weights.get(name) and not weights.get(name):
            views = [view.endpoints[name] for view in sights.views.values()]
            troubled = sum(view.failing > 0 or view.slow > 0 or BAD in view.samples[-20:] for view in views)
            assert 2 * troubled > len(sights.observers)


@MANY
@given(scenes(), st.data())
def test_a_view_that_is_missing_moves_nothing(scene: Scene, data: st.DataObject) -> None:
    """What is kept with a view is kept without it."""
    policy, endpoints, routing, sights = scene
    assume(isinstance(decided(scene), Keep) and sights.views)
    lost = data.draw(st.sampled_from(sorted(sights.views)))
    fewer = {name: view for name, view in sights.views.items() if name != lost}

    assert isinstance(decided((policy, endpoints, routing, replace(sights, views=fewer))), Keep)


@MANY
@given(scenes(), st.data())
def test_one_isolated_observer_moves_nothing(scene: Scene, data: st.DataObject) -> None:
    """Whatever one of three or more sees, if all others see everything well and fast, nothing has to leave."""
    policy, endpoints, routing, sights = scene
    assume(len(sights.observers) > 1 and "gone" not in routing.serving)
    alone = data.draw(st.sampled_from(sights.observers))
    calm = View(alone, 9, NOW, dict.fromkeys(NAMES, EndpointView(passing=50, samples=(GOOD,) * 20)))
    views = {name: sights.views[name] if name == alone and name in sights.views else calm for name in sights.observers}

    assert not isinstance(decided((policy, endpoints, routing, replace(sights, views=views))), FailOver)


@MANY
@given(scenes(), st.integers(-100, 299))
def test_what_is_frozen_under_way_or_cooling_stays(scene: Scene, seconds: int) -> None:
    """Whatever observers see, and whatever a clock that was put back says."""
    policy, endpoints, routing, sights = scene
    frozen, under_way = replace(routing, frozen="ada: no"), replace(routing, state=State.DRAINING)

    assert isinstance(decided((policy, endpoints, frozen, sights)), Keep)
    assert isinstance(decided((policy, endpoints, under_way, sights)), Keep)
    assert isinstance(decided(scene, timedelta(seconds=seconds)), Keep)


@MANY
@given(scenes("active_active"))
def test_one_cloud_is_left_at_a_time(scene: Scene) -> None:
    """Where all serve, those that lose everything in one decision are of one cloud, unless nothing else served."""
    policy, _, routing, _ = scene
    decision = decided(scene)
    weights = decision.weights if isinstance(decision, FailOver) else routing.weights
    serving = {name for name in policy.endpoints if routing.weights.get(name)}
    left = {name for name in serving if not weights.get(name)}

    assert len({CLOUD[name] for name in left}) <= 1 or left == serving


@MANY
@given(scenes("active_passive"))
def test_capacity_is_respected_where_it_can_be(scene: Scene) -> None:
    """Whoever gets more can answer all that it has then, if any that could take it can."""
    policy, endpoints, routing, sights = scene
    endpoints = {name: each.model_copy(update={"probe": endpoint().probe}) for name, each in endpoints.items()}
    decision = decided((policy, endpoints, routing, sights))
    weights = decision.weights if isinstance(decision, FailOver) else routing.weights
    burden = sum(
        endpoints[name].capacity * weight / 100 for name, weight in routing.weights.items() if name in policy.endpoints
    )
    able = [n for n in policy.endpoints if majority(sights, n, "well") and not majority(sights, n, "down")]
    enough = any(endpoints[name].capacity >= burden for name in able if not routing.weights.get(name))

    for name, weight in weights.items():
        if weight > routing.weights.get(name, 0):
            assert endpoints[name].capacity >= burden * weight / 100 or not enough


@MANY
@given(scenes("active_passive"))
def test_a_restore_goes_up_a_step_of_the_canary(scene: Scene) -> None:
    """The primary's share is the next step, and never one further."""
    policy, _, routing, _ = scene
    decision = decided(scene)
    primary = str(policy.primary)
    now = routing.weights.get(primary, 0)

    if isinstance(decision, Restore):
        assert decision.weights[primary] == min(step for step in policy.failback.canary if step > now)


@MANY
@given(scenes())
def test_a_group_begins_whole(scene: Scene) -> None:
    """The first weights sum to 100 and name everybody."""
    policy, endpoints, _, _ = scene
    weights = initial(policy, endpoints)

    assert list(weights) == list(policy.endpoints)
    assert sum(weights.values()) == 100


@MANY
@given(scenes(), st.data())
def test_the_next_best_is_well_and_was_not_tried(scene: Scene, data: st.DataObject) -> None:
    """Nothing that is excluded or down has traffic, what gets more stands, and what had none before is well."""
    policy, endpoints, routing, sights = scene
    excluding = data.draw(st.sets(st.sampled_from(policy.endpoints)))
    best = next_best(policy, endpoints, CLOUD, routing, sights, excluding)

    assert best is None or sum(best.values()) == 100
    for name, weight in (best or {}).items():
        if weight:
            assert name not in excluding
            kept = weight == routing.weights.get(name)
            assert not majority(sights, name, "down")
            assert kept or majority(sights, name, "not down" if routing.weights.get(name) else "well")
