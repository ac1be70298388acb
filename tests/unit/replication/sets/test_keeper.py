"""Sets stay whole at a target, whatever the order of what happens."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rigs.sets import Interleaving, SetWorld, Worker, marks
from tradewind.errors import IntegrityError, PermanentError, PreconditionFailedError, SetError

INDEX = "models/m.safetensors.index.json"
SHARDS = [f"models/m-0000{n}-of-00003.safetensors" for n in (1, 2, 3)]
ALL = [INDEX, *SHARDS]
OUTER = "outer.json"
PAUSE = 700
"""Seconds: longer than a set has to be quiet."""


def index(version: int, shards: Sequence[str] = SHARDS) -> bytes:
    """Return an index that bears its version."""
    names = {f"layer{n}": key.rpartition("/")[2] for n, key in enumerate(shards)}
    return json.dumps({"metadata": {"mark": f"v{version}"}, "weight_map": names}).encode()


def body_of(key: str, version: int) -> bytes:
    """Return what a user writes under `key`."""
    if key == OUTER:
        return json.dumps({"mark": f"v{version}", "files": ALL}).encode()
    return index(version) if key == INDEX else f"v{version} {key}".encode()


def upload(world: SetWorld, version: int, keys: Sequence[str] = ALL) -> None:
    """Write a version of the set, in the order of the keys."""
    for key in keys:
        world.write(key, body_of(key, version))


def shown(world: SetWorld) -> set[bytes]:
    """Return the versions that a reader of the target finds in the set; nothing if it is not there."""
    return set(marks(world, INDEX, SHARDS))


@given(order=st.permutations(ALL))
def test_a_set_that_is_uploaded_in_any_order_is_published_with_its_last_object(order: list[str]) -> None:
    """Each object is announced as it comes; after the last one the set is at the target, and before it never."""
    world = SetWorld()
    worker = Worker(world)

    for key in order:
        assert not shown(world)
        world.write(key, body_of(key, 1))
        try:
            worker.copy(key)
        except SetError:
            assert key == INDEX

    assert shown(world) == {b"v1"}


def test_an_ordinary_new_key_costs_no_request() -> None:
    """A new key that closes no set and whose name tells of none is written without looking at anything else."""
    world = SetWorld()
    world.write("models/readme.md", b"text")

    Worker(world).copy("models/readme.md")

    assert world.calls() == ["a get", "a head", "b head", "b put"]


def test_a_rule_without_sets_asks_nothing_on_overwriting() -> None:
    """Without kinds and manifests an object is written over at once."""
    world = SetWorld(kinds=[])
    worker = Worker(world)
    world.write("models/x", b"1")
    worker.copy("models/x")
    world.write("models/x", b"2")
    world.calls()

    worker.copy("models/x")

    assert world.calls() == ["a get", "a head", "b head", "b put"]
    assert world.body("models/x") == b"2"


def test_members_that_are_missing_at_the_target_are_fetched() -> None:
    """When the index is announced and its shards never were, the shards come along."""
    world = SetWorld()
    upload(world, 1)

    Worker(world).copy(INDEX)

    assert shown(world) == {b"v1"}


def test_members_that_are_missing_at_the_source_are_named() -> None:
    """An index without some of its shards waits, and says which are missing and how many."""
    world = SetWorld()
    shards = [f"m-{n:05}-of-00030.safetensors" for n in range(30)]
    world.write("models/m.safetensors.index.json", index(1, shards))
    for shard in shards[:5]:
        world.write(f"models/{shard}", b"v1")

    with pytest.raises(SetError, match=r"25 of the 30 members.*00005-of-00030.*and 5 more") as error:
        Worker(world).copy("models/m.safetensors.index.json")

    assert "Upload them" in str(error.value)
    assert not world.keys()
    assert world.memory["control"].list().objects == ()


def published(**sets: object) -> tuple[SetWorld, Worker]:
    """Return a world in which the first version is at the target, and some time has gone by."""
    world = SetWorld(**sets)
    worker = Worker(world)
    upload(world, 1)
    worker.copy(INDEX)
    world.pass_time(PAUSE)
    return world, worker


@given(order=st.permutations(ALL))
def test_a_second_version_over_the_first_is_never_seen_beside_it(order: list[str]) -> None:
    """Whatever is written over first, the target shows the old set as it was, and then the new one."""
    world, worker = published()

    def look(_: str) -> None:
        assert shown(world) in (set(), {b"v1"}, {b"v2"})

    world.stores["b"].after = look
    for key in order:
        world.write(key, body_of(key, 2))
        try:
            worker.copy(key)
        except SetError:
            assert shown(world) == {b"v1"}
    world.pass_time(PAUSE)
    for key in order:
        worker.copy(key, again=True)

    assert shown(world) == {b"v2"}


def test_a_set_that_is_rewritten_with_the_index_last_is_swapped_at_once() -> None:
    """Nobody waits for quiet when every object is new and the closing key is the newest."""
    world, worker = published()
    upload(world, 2, [*SHARDS, INDEX])

    worker.copy(INDEX)

    assert shown(world) == {b"v2"}
    assert world.withdrawn == [INDEX]


def test_one_shard_that_is_replaced_is_held_until_the_set_is_quiet() -> None:
    """An index may follow or may not: the old set stays until nothing has changed for the rule's time."""
    world, worker = published()
    world.write(SHARDS[1], body_of(SHARDS[1], 1) + b" patched")

    with pytest.raises(SetError, match="being written over at a, so b keeps what it has"):
        worker.copy(SHARDS[1])
    assert world.body(SHARDS[1]) == body_of(SHARDS[1], 1)
    world.pass_time(PAUSE)
    worker.copy(SHARDS[1])

    assert world.body(SHARDS[1]) == body_of(SHARDS[1], 1) + b" patched"
    assert world.body(INDEX) == index(1)


def test_an_index_that_no_longer_names_a_member_lets_it_go() -> None:
    """A shard that the new index leaves out is an object like any other."""
    world, worker = published()
    rest = SHARDS[1:]
    world.pass_time(PAUSE)
    for key in rest:
        world.write(key, body_of(key, 2))
    world.write(INDEX, index(2, rest))
    world.write(SHARDS[0], b"v3 of something else")
    world.pass_time(PAUSE)

    worker.copy(SHARDS[0])

    assert set(marks(world, INDEX, rest)) == {b"v2"}
    assert world.body(SHARDS[0]) == b"v3 of something else"


def test_on_delete_the_closing_key_goes_first() -> None:
    """Whichever member is deleted first at the source, its index is gone before it is."""
    world, worker = published()
    world.delete(SHARDS[0])

    def look(_: str) -> None:
        assert shown(world) in (set(), {b"v1"})

    world.stores["b"].after = look
    worker.copy(SHARDS[0])
    for key in (SHARDS[1], INDEX, SHARDS[2]):
        world.delete(key)
        worker.copy(key)

    assert world.keys() == []
    assert world.withdrawn == [INDEX]


def test_a_closing_key_that_a_user_wrote_at_the_target_is_not_withdrawn() -> None:
    """What is not ours stays, whatever happens to what it names."""
    world, worker = published()
    state = world.memory["b"].head(INDEX)
    assert state is not None
    world.write(INDEX, index(9), site="b")
    world.delete(SHARDS[0])

    worker.copy(SHARDS[0])

    assert world.body(INDEX) == index(9)
    assert world.withdrawn == []


def test_a_member_of_a_set_that_another_worker_publishes_waits() -> None:
    """Between the check of the members and the write of the closing key nobody writes a member over."""
    world, worker = published()
    other = Worker(world)
    upload(world, 2, [*SHARDS, INDEX])
    refused: list[str] = []

    def meddle(call: str) -> None:
        if (
            call == "put"
            and not refused
            and world.body(INDEX) is None
            and world.body(SHARDS[2]) == b"v2 " + SHARDS[2].encode()
        ):
            refused.append("")
            world.stores["b"].before = lambda _: None
            world.write(SHARDS[0], b"v3")
            with pytest.raises(SetError, match="another worker is publishing") as error:
                other.copy(SHARDS[0])
            refused[0] = str(error.value)

    world.stores["b"].before = meddle
    worker.copy(INDEX)

    assert refused[0]
    assert shown(world) == {b"v2"}


def test_the_lease_of_a_worker_that_died_is_taken_over_when_it_has_run_out() -> None:
    """It lasts as long as a function may run and a minute, and then another worker goes on."""
    world = SetWorld()
    upload(world, 1)
    _die_before(world, "b put")
    world.pass_time(world.fleet.time_limit_seconds)

    with pytest.raises(SetError, match="published by another worker until"):
        Worker(world).copy(INDEX)
    world.pass_time(61)
    Worker(world).copy(INDEX)

    assert shown(world) == {b"v1"}


class _KilledError(BaseException):
    pass


def _die_before(world: SetWorld, what: str, *, times: int = 1) -> None:
    """Let a worker copy the index and die before the nth call of that name."""
    left = [times]
    site, name = what.split(" ")

    def die(call: str) -> None:
        left[0] -= call == name
        if left[0] == 0:
            raise _KilledError

    world.stores[site].before = die
    with pytest.raises(_KilledError):
        Worker(world).copy(INDEX)
    world.stores[site].before = lambda _: None


@pytest.mark.parametrize("times", [1, 2, 3, 4])
def test_a_swap_whose_worker_died_is_finished_by_the_next_delivery(times: int) -> None:
    """Wherever it died, the set is whole again once the lease has run out, and is not shown torn before."""
    world, worker = published()
    upload(world, 2, [*SHARDS, INDEX])
    _die_before(world, "b put", times=times)
    assert not shown(world)
    world.pass_time(world.fleet.time_limit_seconds + 61)

    worker.copy(INDEX, again=True)

    assert shown(world) == {b"v2"}


def test_a_withdrawn_set_is_found_again_by_the_redelivered_member() -> None:
    """When the worker of one shard withdrew the index and died, the shard's next delivery publishes it again."""
    world, worker = published()
    world.write(SHARDS[1], b"v1 patched")
    world.pass_time(PAUSE)

    def die(call: str) -> None:
        if call == "put" and world.body(SHARDS[1]) == b"v1 patched":
            raise _KilledError

    world.stores["b"].before = die
    with pytest.raises(_KilledError):
        worker.copy(SHARDS[1])
    world.stores["b"].before = lambda _: None
    assert not shown(world)
    world.pass_time(world.fleet.time_limit_seconds + 61)

    Worker(world).copy(SHARDS[1], again=True)

    assert shown(world) == {b"v1"}


def test_a_lost_answer_to_the_lease_is_no_conflict_with_oneself() -> None:
    """The record that was written although the answer got lost is recognised as one's own."""
    world = SetWorld()
    upload(world, 1)
    inner = world.stores["control"].inner
    lost: list[str] = []

    def lose(call: str) -> None:
        if call == "put" and not lost:
            lost.append(call)
            raise PreconditionFailedError("the client repeated the request, and met its own write")

    world.stores["control"].after = lose
    Worker(world).copy(INDEX)

    assert lost
    assert shown(world) == {b"v1"}
    assert len(inner.list().objects) == 1


def test_a_source_that_changes_while_members_are_fetched_is_looked_at_again() -> None:
    """What is published is one settled moment of the source."""
    world = SetWorld()
    upload(world, 1)
    world.pass_time(PAUSE)
    done: list[int] = []

    def rewrite(call: str) -> None:
        if call == "put" and not done:
            done.append(1)
            upload(world, 2, [*SHARDS, INDEX])

    def look(_: str) -> None:
        assert shown(world) in (set(), {b"v2"})

    world.stores["b"].before = rewrite
    world.stores["b"].after = look
    Worker(world).copy(INDEX)

    assert shown(world) == {b"v2"}


def test_a_member_with_a_conflict_at_the_target_is_named() -> None:
    """A set does not appear beside an object that a user keeps at the target, and the reason says which."""
    world = SetWorld()
    world.write(SHARDS[0], b"v0 written here", site="b")
    upload(world, 1)

    with pytest.raises(SetError, match=r"1 members .* are not at b as they are at a: 'models/m-00001"):
        Worker(world).copy(INDEX)

    assert not shown(world)


def test_a_member_that_a_user_wrote_alike_at_the_target_counts() -> None:
    """The same bytes are the same member, whoever brought them."""
    world = SetWorld()
    upload(world, 1)
    world.write(SHARDS[0], body_of(SHARDS[0], 1), site="b")

    Worker(world).copy(INDEX)

    assert shown(world) == {b"v1"}


def test_members_that_the_rule_leaves_out_are_an_error_for_good() -> None:
    """An index whose shards the rule excludes can never be published, and says so."""
    world = SetWorld()
    worker = Worker(world)
    world.rule = world.rule.model_copy(update={"exclude": ("**/*.safetensors",)})
    upload(world, 1)

    with pytest.raises(PermanentError, match="3 members that the rule 'one' leaves out"):
        worker.copy(INDEX)


def test_a_file_that_only_looks_like_an_index_is_an_object_like_any_other() -> None:
    """What does not parse closes nothing."""
    world = SetWorld()
    world.write(INDEX, b"v1 not json")

    Worker(world).copy(INDEX)

    assert world.body(INDEX) == b"v1 not json"
    assert world.memory["control"].list().objects == ()


def test_an_index_of_nothing_is_copied_at_once() -> None:
    """A set without members is whole."""
    world = SetWorld()
    world.write(INDEX, b'{"weight_map": {}}')

    Worker(world).copy(INDEX)

    assert world.body(INDEX) == b'{"weight_map": {}}'


def test_an_index_that_reaches_out_of_its_folder_is_refused() -> None:
    """A hostile path is an error for good, and nothing is copied."""
    world = SetWorld()
    world.write(INDEX, b'{"weight_map": {"a": "../secret.safetensors"}}')

    with pytest.raises(PermanentError, match="not a key in its own folder"):
        Worker(world).copy(INDEX)

    assert not world.keys()


def test_a_manifest_with_checksums_is_compared_with_the_bytes() -> None:
    """A manifest of other sizes or checksums than the files have does not appear."""
    world = SetWorld(manifests=[{"closing": "**/manifest.json"}])
    world.write("d/part", b"12345")
    for entry in ({"path": "part", "size": 4}, {"path": "part", "size": 5, "crc32c": "00000000"}):
        world.write("d/manifest.json", json.dumps([entry]).encode())
        with pytest.raises(SetError, match="'d/part'"):
            Worker(world).copy("d/manifest.json")
    world.write("d/manifest.json", json.dumps({"files": [{"path": "part", "size": 5, "crc32c": "c4cf3bc6"}]}).encode())

    with pytest.raises(SetError, match="other bytes"):
        Worker(world).copy("d/manifest.json")
    assert world.body("d/manifest.json") is None


def test_a_success_folder_is_published_after_everything_in_it() -> None:
    """Every key below the folder comes before `_SUCCESS`, nested sets included."""
    world = SetWorld()
    for key in ("out/p=1/part-0", "out/p=2/part-0", *(f"out/{key}" for key in ALL)):
        world.write(key, index(1) if key.endswith(".json") else b"v1")
    world.write("out/_SUCCESS", b"")
    order: list[str] = []
    world.stores["b"].after = lambda call: order.extend(world.keys()) if call == "put" else None

    Worker(world).copy("out/_SUCCESS")

    assert order.index("out/_SUCCESS") == len(dict.fromkeys(order)) + order.index("out/_SUCCESS") - len(set(order))
    assert list(dict.fromkeys(order))[-1] == "out/_SUCCESS"
    assert world.keys() == sorted(world.keys("a"))


def test_a_shard_in_two_sets_takes_both_closing_keys_with_it() -> None:
    """The larger set goes before the smaller one, and comes back after it."""
    world = SetWorld()
    worker = Worker(world)
    upload(world, 1)
    world.write("models/_SUCCESS", b"")
    worker.copy("models/_SUCCESS")
    world.pass_time(PAUSE)
    world.write(SHARDS[0], b"v1 patched")
    world.pass_time(PAUSE)
    seen: list[tuple[bool, bool, bytes | None]] = []
    world.stores["b"].after = lambda _: seen.append(
        (world.body("models/_SUCCESS") is not None, world.body(INDEX) is not None, world.body(SHARDS[0]))
    )

    worker.copy(SHARDS[0])

    assert world.withdrawn == ["models/_SUCCESS", INDEX]
    assert all(shard == body_of(SHARDS[0], 1) for success, found, shard in seen if success and not found) is True
    assert not [each for each in seen if each[0] and not each[1]]
    assert world.body(SHARDS[0]) == b"v1 patched"
    assert world.body("models/_SUCCESS") == b""
    assert shown(world) == {b"v1"}


def test_writing_over_an_ordinary_object_looks_at_the_records_of_the_folders_above() -> None:
    """It costs one request for each folder down from the rule's prefix, at the target's control bucket."""
    world = SetWorld()
    worker = Worker(world)
    world.write("models/x", b"1")
    worker.copy("models/x")
    world.write("models/x", b"2")
    world.calls()

    worker.copy("models/x")

    assert sorted(world.calls()) == ["a get", "a head", "b head", "b put", *(["control get"] * 4)]
    assert world.body("models/x") == b"2"


def test_a_new_set_costs_a_head_per_member_and_two_control_writes() -> None:
    """Members are looked for by listings at the source, and one by one only at the target."""
    world = SetWorld()
    worker = Worker(world)
    upload(world, 1, SHARDS)
    for key in SHARDS:
        worker.copy(key)
    upload(world, 1, [INDEX])
    world.calls()

    worker.copy(INDEX)

    calls = world.calls()
    assert {call: calls.count(call) for call in calls} == {
        "a get": 3,
        "a list": 2,
        "a head": 1,
        "b head": 4,
        "b put": 1,
        "control get": 1,
        "control put": 2,
    }


def test_manifests_that_name_each_other_are_no_endless_loop() -> None:
    """A set that is a member of itself is never published, and says why."""
    world = SetWorld(manifests=[{"closing": "**/*.set.json"}])
    world.write("a.set.json", b'["b.set.json"]')
    world.write("b.set.json", b'["a.set.json"]')

    with pytest.raises(SetError, match="a member of itself"):
        Worker(world).copy("a.set.json")

    assert world.keys() == []


@pytest.mark.parametrize(
    ("closing", "body", "members", "stranger"),
    [
        ("c/.metadata", b"", ["c/__0_0.distcp", "c/__1_0.distcp"], "c/notes"),
        ("r/MLmodel", b"flavors: {f: {data: data}}", ["r/data/a", "r/data/b", "r/conda.yaml"], "s/x"),
        ("i/manifest.json", b'{"files": [{"path": "a"}, {"path": "b/c"}]}', ["i/a", "i/b/c"], "i/c"),
        ("g/done", b"", ["g/1.parquet", "g/2.parquet"], "g/1.csv"),
    ],
)
def test_every_kind_is_published_swapped_and_taken_down_whole(
    closing: str, body: bytes, members: list[str], stranger: str
) -> None:
    """New, written over and deleted: the closing key is there only while all its members are of one version."""
    world = SetWorld(manifests=[{"closing": "**/manifest.json"}, {"closing": "**/done", "members": "*.parquet"}])
    worker = Worker(world)

    def look(_: str) -> None:
        if world.body(closing) is not None:
            assert len({world.body(key) for key in members}) == 1
            assert world.body(members[0]) is not None

    world.stores["b"].after = look
    for version in (b"v1", b"v2"):
        for key in (*members, stranger):
            world.write(key, version)
            if world.body(closing) is None or key == stranger:
                worker.copy(key)
                continue
            with pytest.raises(SetError, match="being written over"):
                worker.copy(key)
        world.write(closing, body)
        worker.copy(closing)
        assert {world.body(key) for key in (*members, stranger)} == {version}
        assert world.body(closing) == body
        world.pass_time(PAUSE)
    for key in (members[0], closing, *members[1:]):
        world.delete(key)
        worker.copy(key)

    assert world.keys() == [stranger]


def test_a_shard_whose_index_is_gone_at_the_source_takes_the_index_down_after_the_quiet_time() -> None:
    """Where nothing will close the set any more, it does not hold its members for ever."""
    world, worker = published()
    world.delete(INDEX)
    world.write(SHARDS[0], b"v2")

    with pytest.raises(SetError, match="being written over"):
        worker.copy(SHARDS[0])
    world.pass_time(PAUSE)
    worker.copy(SHARDS[0])

    assert world.body(SHARDS[0]) == b"v2"
    assert world.body(INDEX) is None


def test_a_closing_object_that_was_damaged_on_the_way_is_not_believed() -> None:
    """Its bytes are compared with what the store keeps, and what was misread once is not remembered."""
    world = SetWorld()
    upload(world, 1)
    worker = Worker(world)
    objects = world.memory["a"]._objects
    whole = objects[INDEX]
    keeper = worker.keeper.writing(world.rule, INDEX, source="a", target="b", body=index(1), replaces=False)
    objects[INDEX] = replace(whole, body=whole.body.replace(b"weight_map", b"waste__map"))

    with pytest.raises(IntegrityError), keeper:
        pytest.fail("entered")
    objects[INDEX] = whole
    worker.copy(INDEX)

    assert shown(world) == {b"v1"}


def test_an_image_layout_waits_for_the_layers_of_its_images() -> None:
    """An index names manifests, and these name what makes the images: all of it is there before the index is."""
    world = SetWorld(manifests=[{"closing": "**/index.json"}])
    worker = Worker(world)
    hexes = [f"{n:064x}" for n in range(3)]
    config, layer, image = (f"i/blobs/sha256/{each}" for each in hexes)
    manifest = {"config": {"digest": f"sha256:{hexes[0]}"}, "layers": [{"digest": f"sha256:{hexes[1]}"}]}
    top = {"manifests": [{"digest": f"sha256:{hexes[2]}", "mediaType": "application/vnd.oci.image.manifest.v1+json"}]}
    world.write(config, b"{}")
    world.write(image, json.dumps(manifest).encode())
    world.write("i/index.json", json.dumps(top).encode())

    with pytest.raises(SetError, match=f"1 of the 3 members .*{hexes[1]}"):
        worker.copy("i/index.json")
    world.write(layer, b"layer")
    worker.copy("i/index.json")
    assert world.keys() == [config, layer, image, "i/index.json"]
    world.delete(layer)
    worker.copy(layer)

    assert world.keys() == [config, image]


@pytest.mark.parametrize("meddle", ["before the lease", "after the lease"])
def test_a_set_that_is_published_around_another_waits_for_its_swap(meddle: str) -> None:
    """A manifest that names an index is not published while another worker takes that index down."""
    world, worker = published(manifests=[{"closing": "**/outer.json"}])
    world.write("models/sub/x", b"")
    world.write("outer.json", b'["models/m.safetensors.index.json"]')
    world.write(SHARDS[0], b"v1 patched")
    world.pass_time(PAUSE)
    errors: list[SetError] = []

    def around(call: str) -> None:
        when = {"before the lease": "get", "after the lease": "put"}[meddle]
        if call == when and not errors and world.body(INDEX) is None:
            world.stores["b"].before = world.stores["control"].before = lambda _: None
            with pytest.raises(SetError) as error:
                Worker(world).copy("outer.json")
            errors.append(error.value)

    def look(_: str) -> None:
        assert world.body("outer.json") is None or world.body(INDEX) is not None

    world.stores["b"].before = world.stores["control"].before = around
    world.stores["b"].after = look
    worker.copy(SHARDS[0])
    Worker(world).copy("outer.json")

    assert "another worker" in str(errors[0])
    assert world.body("outer.json") is not None


def _steps(world: SetWorld, orders: Sequence[Sequence[str]], *, delete: bool = False) -> list[Callable[[], str | None]]:
    """Return what a user does: one version after the other, with a pause between them, and deletes if wanted."""
    steps: list[Callable[[], str | None]] = []

    def remove(key: str) -> Callable[[], str]:
        def act() -> str:
            world.delete(key)
            return key

        return act

    def write(key: str, version: int) -> Callable[[], str]:
        def act() -> str:
            world.write(key, body_of(key, version))
            return key

        return act

    def pause() -> None:
        world.pass_time(PAUSE)

    for version, order in enumerate(orders, 1):
        if delete and version > 1:
            steps += [*(remove(key) for key in sorted(order)), pause]
        steps += [write(key, version) for key in order]
        steps.append(pause)
    return steps


@settings(max_examples=150, deadline=None)
@given(
    orders=st.lists(st.permutations(ALL), min_size=2, max_size=3),
    schedule=st.lists(st.integers(0, 99), max_size=400),
)
def test_no_interleaving_shows_a_torn_set(orders: list[list[str]], schedule: list[int]) -> None:
    """Two workers and a user take turns at every store call, workers die, and no moment shows two versions together."""
    world = SetWorld()

    def check() -> None:
        assert len(shown(world)) <= 1

    Interleaving(world, _steps(world, orders), check).run(schedule)

    assert shown(world) == {f"v{len(orders)}".encode()}


@settings(max_examples=100, deadline=None)
@given(
    orders=st.lists(st.permutations([OUTER, *ALL]), min_size=2, max_size=2),
    schedule=st.lists(st.integers(0, 99), max_size=400),
    delete=st.booleans(),
)
def test_no_interleaving_tears_a_set_around_another(
    orders: list[list[str]],
    schedule: list[int],
    delete: bool,  # noqa: FBT001 - Hypothesis gives positions
) -> None:
    """The same with a manifest around the set, and with a delete of everything before the next version."""
    world = SetWorld(manifests=[{"closing": OUTER}])

    def check() -> None:
        assert len(shown(world)) <= 1
        assert len(set(marks(world, OUTER, ALL))) <= 1

    Interleaving(world, _steps(world, orders, delete=delete), check).run(schedule)

    assert set(marks(world, OUTER, ALL)) == {b"v2"}
