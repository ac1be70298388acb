"""The copy loop, over memory stores that change under it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rigs.world import World
from tradewind.errors import (
    BadEventError,
    IntegrityError,
    ObjectTooLargeError,
    PreconditionFailedError,
    StoreUnavailableError,
    TransientError,
    UnportableError,
)
from tradewind.fleet import Classification
from tradewind.ports import PROVENANCE_KEY, Change, Metadata
from tradewind.replication import transfer
from tradewind.replication.decide import Verdict
from tradewind.replication.provenance import provenance_of

KEY = "models/x"
ONE_WAY: dict[str, object] = {"name": "one", "to": ["b", "c"], "deletes": "propagate"}
BOTH: dict[str, object] = {"name": "both", "sites": ["a", "b", "c"]}


def test_a_new_object_costs_one_read_one_write_per_target_and_one_confirmation() -> None:
    """A new small object is 1 GET, 1 conditional PUT per target, and 1 HEAD."""
    world = World(ONE_WAY)

    outcomes = world.replicator.replicate(world.write("a", KEY, b"weights"))

    assert [outcome.verdict for outcome in outcomes] == [Verdict.COPIED, Verdict.COPIED]
    assert world.stores["a"].calls == ["get", "head"]
    assert world.stores["b"].calls == ["put"]
    assert world.stores["c"].calls == ["put"]
    assert world.body("b", KEY) == world.body("c", KEY) == b"weights"


def test_metadata_travels_and_provenance_is_added() -> None:
    """A replica has the object's own metadata, and says where it came from."""
    world = World(ONE_WAY)
    metadata = Metadata(content_type="application/json", cache_control="no-store", user={"owner": "ml", "größe": "ü"})

    world.replicator.replicate(world.write("a", KEY, b"{}", metadata))

    state = world.memory["b"].head(KEY)
    assert state is not None
    claim = provenance_of(state)
    assert claim is not None
    assert (claim.origin, claim.size) == ("a", 2)
    assert state.metadata.content_type == "application/json"
    assert {k: v for k, v in state.metadata.user.items() if k != PROVENANCE_KEY} == {"owner": "ml", "größe": "ü"}


def test_a_replica_does_not_echo() -> None:
    """The announcement of a replica's own arrival writes nothing anywhere, and does not even read its bytes."""
    world = World(BOTH)
    world.replicator.replicate(world.write("a", KEY, b"weights"))
    before = {site: world.memory[site].head(KEY) for site in "abc"}

    outcomes = world.replicator.replicate(world.announce("b", KEY, Change.WRITTEN))

    assert {outcome.verdict for outcome in outcomes} == {Verdict.REPLICA}
    assert {site: world.memory[site].head(KEY) for site in "abc"} == before


def test_duplicates_write_once() -> None:
    """The second delivery of the same announcement finds the targets in sync."""
    world = World(ONE_WAY)
    notification = world.write("a", KEY, b"weights")
    world.replicator.replicate(notification)
    tokens = [world.memory[site].head(KEY) for site in "bc"]

    outcomes = world.replicator.replicate(notification)
    again = world.replicator.replicate(notification, attempt=2)

    assert {outcome.verdict for outcome in (*outcomes, *again)} == {Verdict.IN_SYNC}
    assert [world.memory[site].head(KEY) for site in "bc"] == tokens


def test_a_redelivery_reads_no_bytes_for_targets_that_are_done() -> None:
    """After one target failed, the second delivery sends nothing to the others again."""
    world = World(ONE_WAY)
    world.stores["c"].before = _unavailable
    notification = world.write("a", KEY, b"weights")
    first = {o.route.target: o for o in world.replicator.replicate(notification)}
    world.stores["c"].before = lambda _: None
    world.stores["b"].calls.clear()

    second = {o.route.target: o for o in world.replicator.replicate(notification, attempt=2)}

    assert first["b"].verdict is Verdict.COPIED
    assert isinstance(first["c"].error, StoreUnavailableError)
    assert second["b"].verdict is Verdict.IN_SYNC
    assert second["c"].verdict is Verdict.COPIED
    assert world.stores["b"].calls == ["head"]


def _unavailable(_: str) -> None:
    raise StoreUnavailableError("the cloud is down")


def test_a_lost_answer_is_found_done() -> None:
    """A write that happened and whose answer got lost fails, and the next delivery finds it in sync."""
    world = World({"name": "one", "to": ["b"]})
    world.stores["b"].after = _unavailable
    notification = world.write("a", KEY, b"weights")
    assert isinstance(world.replicator.replicate(notification)[0].error, StoreUnavailableError)
    world.stores["b"].after = lambda _: None

    assert world.replicator.replicate(notification, attempt=2)[0].verdict is Verdict.IN_SYNC


def test_the_source_is_confirmed_after_the_write() -> None:
    """When the source changes between the read and the confirmation, the target ends with the newer object."""
    world = World({"name": "one", "to": ["b"]})
    notification = world.write("a", KEY, b"old")

    def overwrite(call: str) -> None:
        if call == "put":
            world.stores["b"].after = lambda _: None
            world.pass_time()
            world.write("a", KEY, b"new")

    world.stores["b"].after = overwrite
    world.replicator.replicate(notification)

    assert world.body("b", KEY) == b"new"


def test_a_source_that_is_replaced_while_it_is_read_is_read_again() -> None:
    """A read that is pinned to a version that is gone starts over with the present one."""
    world = World({"name": "one", "to": ["b"]})
    notification = world.write("a", KEY, b"weights")

    def replaced(_: str) -> None:
        world.stores["a"].before = lambda _: None
        raise PreconditionFailedError("the present version is another one")

    world.stores["a"].before = replaced

    assert world.replicator.replicate(notification)[0].verdict is Verdict.COPIED


def test_what_a_user_writes_meanwhile_at_the_target_survives() -> None:
    """A write at the target between the look and our write makes our write fail, and is kept."""
    world = World({"name": "one", "to": ["b"]})
    notification = world.write("a", KEY, b"ours")

    def overtake(call: str) -> None:
        if call == "put":
            world.stores["b"].before = lambda _: None
            world.write("b", KEY, b"theirs")

    world.stores["b"].before = overtake
    outcomes = world.replicator.replicate(notification)

    assert outcomes[0].verdict is Verdict.CONFLICT
    assert world.body("b", KEY) == b"theirs"


def test_a_delete_removes_the_replicas() -> None:
    """With `propagate`, what is deleted at the source is removed where it was copied to."""
    world = World(ONE_WAY)
    world.replicator.replicate(world.write("a", KEY, b"weights"))

    outcomes = world.replicator.replicate(world.delete("a", KEY))

    assert {outcome.verdict for outcome in outcomes} == {Verdict.REMOVED}
    assert world.body("b", KEY) is None


def test_what_a_lifecycle_rule_removed_is_kept_at_the_targets() -> None:
    """Expiry at the source is no user's delete."""
    world = World(ONE_WAY)
    world.replicator.replicate(world.write("a", KEY, b"weights"))
    world.delete("a", KEY)

    outcomes = world.replicator.replicate(world.announce("a", KEY, Change.EXPIRED))

    assert {outcome.verdict for outcome in outcomes} == {Verdict.KEPT}
    assert world.body("b", KEY) == b"weights"


def test_a_late_write_event_after_a_delete_brings_nothing_back() -> None:
    """Events that arrive in the wrong order do no harm, since the state is read and not believed."""
    world = World(ONE_WAY)
    written = world.write("a", KEY, b"weights")
    deleted = world.delete("a", KEY)
    world.replicator.replicate(deleted)

    outcomes = world.replicator.replicate(written)

    assert {outcome.verdict for outcome in outcomes} == {Verdict.ABSENT}
    assert world.body("b", KEY) is None


def test_damage_on_the_way_writes_nothing() -> None:
    """Bytes that are not those that the source's store keeps end as an integrity error and reach no target."""
    world = World(ONE_WAY)
    notification = world.write("a", KEY, b"weights")
    world.damage_on_the_way("a", KEY, b"weightz")

    outcomes = world.replicator.replicate(notification)

    assert all(isinstance(outcome.error, IntegrityError) for outcome in outcomes)
    assert world.body("b", KEY) is None


def test_what_is_too_large_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """An object beyond what one function holds is a permanent error for every target."""
    monkeypatch.setattr(transfer, "MAX_OBJECT", 3)
    world = World(ONE_WAY)

    outcomes = world.replicator.replicate(world.write("a", KEY, b"weights"))

    assert all(isinstance(outcome.error, ObjectTooLargeError) for outcome in outcomes)


def test_a_forbidden_movement_is_refused_before_a_byte_is_read() -> None:
    """The gate answers first, its answer is audited, and the other targets are served."""
    world = World({"name": "eu", "to": ["b", "c"], "classification": "personal"})

    outcomes = {o.route.target: o for o in world.replicator.replicate(world.write("a", KEY, b"names"))}

    assert outcomes["b"].verdict is Verdict.COPIED
    assert outcomes["c"].verdict is Verdict.REFUSED
    assert world.stores["c"].calls == []
    assert [(r.target_site, r.verdict) for r in world.audit.records] == [("c", "refused"), ("b", "copied")]


def test_a_delete_passes_a_gate_that_was_closed_since() -> None:
    """What may no longer be at a site is removed there when its user deletes it, and nothing is copied there again."""
    world = World({"name": "one", "to": ["b", "c"], "deletes": "propagate"})
    world.replicator.replicate(world.write("a", KEY, b"names"))
    world.gate.classifications["public"] = Classification(jurisdictions=("US", "EU"))  # type: ignore[index]  # a dict here

    deleted = {o.route.target: o.verdict for o in world.replicator.replicate(world.delete("a", KEY))}
    world.write("a", KEY, b"names again")
    late = {o.route.target: o.verdict for o in world.replicator.replicate(world.announce("a", KEY, Change.DELETED))}

    assert deleted == {"b": Verdict.REMOVED, "c": Verdict.REMOVED}
    assert late == {"b": Verdict.COPIED, "c": Verdict.REFUSED}
    assert world.body("c", KEY) is None


def test_a_sweep_removes_what_is_where_it_may_no_longer_be() -> None:
    """A replica whose origin is gone goes even if the gate was closed since, and nobody announced the delete."""
    rule: dict[str, object] = {"name": "r", "to": ["b"], "deletes": "propagate"}
    world = World(rule)
    world.replicator.replicate(world.write("a", KEY, b"x"))
    world.delete("a", KEY)
    closed = World({**rule, "classification": "personal", "to": ["c"]})
    closed.memory["a"], closed.memory["c"] = world.memory["a"], world.memory["b"]
    closed.stores["a"].inner, closed.stores["c"].inner = world.memory["a"], world.memory["b"]

    outcomes = closed.replicator.replicate(closed.announce("a", KEY, Change.NOTHING))

    assert [outcome.verdict for outcome in outcomes] == [Verdict.REMOVED]


def test_what_a_user_writes_over_a_replica_keeping_its_metadata_is_theirs() -> None:
    """Bytes of the same size under our provenance are a conflict, and survive the origin's next version."""
    world = World({"name": "one", "to": ["b"]})
    world.replicator.replicate(world.write("a", KEY, b"weights"))
    world.damage_at_rest("b", KEY, b"WEIGHTS")
    world.pass_time()

    outcomes = world.replicator.replicate(world.write("a", KEY, b"newer"))

    assert [outcome.verdict for outcome in outcomes] == [Verdict.CONFLICT]
    assert world.body("b", KEY) == b"WEIGHTS"


def test_nothing_is_read_when_every_target_is_forbidden() -> None:
    """A movement that is allowed nowhere does not touch the source."""
    world = World({"name": "eu", "to": ["c"], "classification": "personal"})

    world.replicator.replicate(world.write("a", KEY, b"names"))

    assert world.stores["a"].calls == []


def test_a_key_that_a_target_cannot_hold_is_refused_there_only() -> None:
    """One target's refusal of a key is its own; the others get the object."""
    world = World(ONE_WAY)
    world.memory["b"].check_key = _refuse  # type: ignore[method-assign]  # a store that is choosier than memory

    outcomes = {o.route.target: o for o in world.replicator.replicate(world.write("a", KEY, b"w"))}

    assert isinstance(outcomes["b"].error, UnportableError)
    assert outcomes["c"].verdict is Verdict.COPIED


def _refuse(key: str) -> None:
    raise UnportableError(f"{key!r} ends in a dot")


def test_a_bucket_that_is_not_in_the_fleet_is_never_followed() -> None:
    """An event from elsewhere is a bad event."""
    world = World(ONE_WAY)
    notification = world.write("a", KEY, b"w")

    with pytest.raises(BadEventError, match="no site of the fleet"):
        world.replicator.replicate(type(notification)("aws", "bucket-z", KEY, Change.WRITTEN))


def test_a_key_that_never_rests_is_left_to_a_later_delivery() -> None:
    """The loop gives up after a bounded number of rounds, and says so as something to retry."""
    world = World({"name": "one", "to": ["b"]})

    def churn(call: str) -> None:
        if call == "put":
            world.pass_time()
            world.write("a", KEY, str(world.now).encode())

    notification = world.write("a", KEY, b"first")
    world.stores["b"].after = churn

    assert isinstance(world.replicator.replicate(notification)[0].error, TransientError)


def test_a_write_with_a_late_clock_loses_at_its_own_site_too() -> None:
    """The winner is brought to the site whose event was being worked on."""
    world = World({"name": "both", "sites": ["a", "b"]})
    world.pass_time(60)
    world.write("b", KEY, b"newer")
    world.pass_time(-30)
    late = world.write("a", KEY, b"older")

    outcomes = world.replicator.replicate(late)

    assert [(o.route.source, o.route.target, o.verdict) for o in outcomes] == [
        ("b", "a", Verdict.COPIED),
        ("a", "b", Verdict.IN_SYNC),
    ]
    assert world.body("a", KEY) == world.body("b", KEY) == b"newer"


def test_a_winner_is_not_pulled_past_a_rule_that_comes_first() -> None:
    """What an earlier rule says of the other direction holds for the winner of a conflict, too."""
    strict: dict[str, object] = {"name": "strict", "from": "b", "to": ["a"], "classification": "personal"}
    world = World(strict, {"name": "both", "sites": ["a", "b"]})
    world.pass_time(60)
    world.write("b", KEY, b"newer, and not for a")
    world.pass_time(-30)

    outcomes = world.replicator.replicate(world.write("a", KEY, b"older"))

    assert [outcome.verdict for outcome in outcomes] == [Verdict.CONFLICT, Verdict.IN_SYNC]
    assert world.body("a", KEY) == b"older"


actions = st.lists(
    st.tuples(st.sampled_from(["write", "write", "delete"]), st.sampled_from("ab"), st.integers(0, 2)), max_size=8
)
schedules = st.lists(st.integers(0, 6), min_size=0, max_size=40)


@given(actions=actions, schedule=schedules, duplicated=st.booleans())
def test_one_way_converges_whatever_happens_between_two_calls(
    actions: list[tuple[str, str, int]],
    schedule: list[int],
    duplicated: bool,  # noqa: FBT001 - drawn
) -> None:
    """User writes and deletes at the source between any two store calls leave the target as the source is at last."""
    world = World({"name": "one", "to": ["b"], "deletes": "propagate"})
    script = [(what, body) for what, _, body in actions]
    waits = iter(schedule)
    queue = [world.write("a", KEY, b"first")]
    left = [next(waits, 3)]

    def meddle(_: str) -> None:
        left[0] -= 1
        if left[0] < 0 and script:
            left[0] = next(waits, 3)
            what, body = script.pop(0)
            world.pass_time(body % 2)
            queue.append(world.write("a", KEY, b"%d" % body) if what == "write" else world.delete("a", KEY))

    for store in world.stores.values():
        store.before = meddle
    while queue:
        notification = queue.pop(len(queue) // 2)
        deliveries = [world.replicator.replicate(notification) for _ in range(2 if duplicated else 1)]
        if any(outcome.error is not None for outcomes in deliveries for outcome in outcomes):
            queue.append(notification)

    assert world.body("b", KEY) == world.body("a", KEY)


@given(actions=actions, schedule=schedules)
def test_active_active_writes_converge_to_the_newest(actions: list[tuple[str, str, int]], schedule: list[int]) -> None:
    """Writes at three sites between any two store calls end, everywhere, in the one with the latest time."""
    world = World(BOTH)
    script = [(site, body) for _, site, body in actions]
    waits = iter(schedule)
    queue = [world.write("c", KEY, b"first")]
    left = [next(waits, 3)]
    newest = [(world.now, 2, b"first")]

    def meddle(_: str) -> None:
        left[0] -= 1
        if left[0] < 0 and script:
            left[0] = next(waits, 3)
            site, body = script.pop(0)
            world.pass_time(1)
            queue.append(world.write(site, KEY, b"%s%d" % (site.encode(), body)))
            newest.append((world.now, "abc".index(site), b"%s%d" % (site.encode(), body)))

    for store in world.stores.values():
        store.before = meddle
    for _ in range(200):
        if not queue:
            break
        notification = queue.pop(len(queue) // 2)
        if any(outcome.error is not None for outcome in world.replicator.replicate(notification)):
            queue.append(notification)

    assert not queue
    assert {site: world.body(site, KEY) for site in "abc"} == dict.fromkeys("abc", max(newest)[2])
