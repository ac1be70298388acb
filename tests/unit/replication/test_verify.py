"""Comparing the sites of a rule."""

from collections.abc import Collection
from dataclasses import replace

import pytest

from rigs.world import InlineExecutor, World
from tradewind.compliance import JurisdictionGate
from tradewind.errors import AccessDeniedError, PermanentError, TradewindError, UnportableError
from tradewind.fleet import Classification
from tradewind.ports import Metadata
from tradewind.replication.seeing.compare import Finding
from tradewind.replication.seeing.verify import Report, verify

ONE_WAY: dict[str, object] = {
    "name": "one",
    "to": ["b", "c"],
    "prefix": "m/",
    "exclude": ["**/*.tmp"],
    "deletes": "propagate",
}
BOTH: dict[str, object] = {"name": "both", "sites": ["a", "b", "c"]}


def check(world: World, named: Collection[Finding] = frozenset(Finding)) -> Report:
    """Verify the world's one rule."""
    rule = world.fleet.rules[0]
    return verify(world.fleet, rule, world.stores.__getitem__, world.gate, InlineExecutor(), named=named)


def replicated(rule: dict[str, object]) -> World:
    """Return a world with one object that is everywhere."""
    world = World(rule)
    world.replicator.replicate(world.write("a", "m/x", b"weights"))
    return world


@pytest.mark.parametrize("rule", [ONE_WAY, BOTH], ids=["one_way", "active_active"])
def test_sites_in_sync(rule: dict[str, object]) -> None:
    """What was replicated is a match at every other site, with its bytes counted."""
    report = check(replicated(rule))

    assert (report.keys, report.replicas, report.size, report.differences) == (1, 2, 14, [])


@pytest.mark.parametrize("rule", [ONE_WAY, BOTH], ids=["one_way", "active_active"])
def test_every_kind_of_difference_is_told_apart(rule: dict[str, object]) -> None:
    """Missing, stale, conflicting and orphaned objects are named with their site; who keeps deletes has no orphans."""
    world = replicated(rule)
    world.write("a", "m/missing", b"1")
    world.replicator.replicate(world.write("a", "m/stale", b"1"))
    world.pass_time()
    world.write("a", "m/stale", b"2")
    world.replicator.replicate(world.write("a", "m/conflict", b"1"))
    world.pass_time()
    world.write("b", "m/conflict", b"mine")
    world.replicator.replicate(world.write("a", "m/orphan", b"1"))
    world.delete("a", "m/orphan")

    found = {(each.key, each.site): each.finding for each in check(world).differences}

    expected = {
        ("m/missing", "b"): Finding.MISSING,
        ("m/missing", "c"): Finding.MISSING,
        ("m/stale", "b"): Finding.STALE,
        ("m/stale", "c"): Finding.STALE,
    }
    if rule is ONE_WAY:
        expected |= {("m/conflict", "b"): Finding.CONFLICT, ("m/orphan", "b"): Finding.EXTRA}
        expected |= {("m/orphan", "c"): Finding.EXTRA}
    else:  # b wrote last, so c's replica of what a wrote is not of the object that counts
        expected |= {("m/conflict", "a"): Finding.CONFLICT, ("m/conflict", "c"): Finding.STALE}
    assert found == expected


def test_changed_metadata_is_found() -> None:
    """A replica whose origin had its metadata changed since, in the same version, is not as it should be."""
    world = replicated(ONE_WAY)
    objects = world.memory["a"]._objects
    state = world.memory["a"].head("m/x")
    assert state is not None
    objects["m/x"] = replace(objects["m/x"], state=replace(state, metadata=Metadata(user={"stage": "production"})))

    assert [(each.site, each.finding) for each in check(world).differences] == [
        ("b", Finding.METADATA),
        ("c", Finding.METADATA),
    ]


def test_damage_at_a_target_is_found() -> None:
    """A replica whose bytes changed behind our back no longer matches its provenance."""
    world = replicated(ONE_WAY)
    world.damage_at_rest("b", "m/x", b"weightz")

    differences = check(world).differences

    assert [(each.site, each.finding) for each in differences] == [("b", Finding.CORRUPT)]


def test_a_site_that_may_not_have_an_object_does_not_lack_it() -> None:
    """Where the gate refuses, nothing is missing; a replica that is there all the same is a finding."""
    world = World(ONE_WAY)
    world.write("a", "m/absent", b"1")
    world.replicator.replicate(world.write("a", "m/there", b"1"))
    world.gate = JurisdictionGate({"public": Classification(jurisdictions=("US", "CH"))})

    assert [(each.key, each.site, each.finding) for each in check(world).differences] == [
        ("m/absent", "c", Finding.MISSING),
        ("m/there", "b", Finding.FORBIDDEN),
    ]


def test_what_an_earlier_rule_decides_is_its_own_affair() -> None:
    """A key that an earlier rule sends to a target, or not, is no difference of a later one."""
    world = World(
        {"name": "first", "to": ["b"], "prefix": "m/eu/"}, {"name": "second", "to": ["b", "c"], "prefix": "m/"}
    )
    world.write("a", "m/eu/x", b"1")

    second = world.fleet.rules[1]
    report = verify(world.fleet, second, world.stores.__getitem__, world.gate, InlineExecutor())

    assert [(each.site, each.finding) for each in report.differences] == [("c", Finding.MISSING)]


def test_a_key_that_a_site_cannot_hold_is_missing_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison goes on, and says why."""
    world = replicated(ONE_WAY)

    def refuse(_key: str) -> None:
        raise UnportableError("b cannot hold it")

    monkeypatch.setattr(world.memory["b"], "head", refuse)

    assert [(each.site, each.finding, each.reason) for each in check(world).differences] == [
        ("b", Finding.MISSING, "b cannot hold it")
    ]


def test_only_what_the_rule_covers_is_compared() -> None:
    """Keys outside the prefix, excluded keys and tradewind's own are no difference."""
    world = World(ONE_WAY)
    for key in ("other", "m/x.tmp", ".tradewind/x"):
        world.write("a", key, b"1")

    assert check(world).keys == 0


def test_objects_of_its_own_at_a_one_way_target_are_no_difference() -> None:
    """A one-way rule says nothing of what only a target has."""
    world = World(ONE_WAY)
    world.write("b", "m/own", b"1")

    assert check(world).differences == []


def test_many_keys_are_listed_page_by_page() -> None:
    """More keys than one page and one batch hold are all compared."""
    world = World({"name": "one", "to": ["b"]})
    for number in range(1500):
        world.write("a", f"{number:04}", b"")

    assert len(check(world).differences) == 1500


@pytest.mark.parametrize("rule", [ONE_WAY, BOTH], ids=["one_way", "active_active"])
def test_a_store_without_tags_lacks_none(rule: dict[str, object]) -> None:
    """A replica is a match where tags cannot be kept, and differs where they were taken from it or changed since."""
    world = World(rule)
    world.memory["b"].keeps_tags = False
    tagged = Metadata(tags={"team": "vision"})
    world.replicator.replicate(world.write("a", "m/x", b"weights", tagged))
    assert check(world).differences == []

    replica = world.memory["c"].head("m/x")
    assert replica is not None
    world.write("c", "m/x", b"weights", replace(replica.metadata, tags={}))

    assert [(each.site, each.finding) for each in check(world).differences] == [("c", Finding.METADATA)]


# --- deep -------------------------------------------------------------------------------------------------------------


def check_deeply(world: World) -> Report:
    """Verify the world's one rule, reading every byte."""
    rule = world.fleet.rules[0]
    return verify(world.fleet, rule, world.stores.__getitem__, world.gate, InlineExecutor(), deep=True)


def test_every_byte_is_read_once_at_each_site() -> None:
    """The origin is read once for all its replicas, and the report says how much was read."""
    report = check_deeply(replicated(ONE_WAY))

    assert (report.replicas, report.read, report.differences) == (2, 3 * len(b"weights"), [])


def test_bytes_that_rotted_are_found() -> None:
    """What no checksum of the stores shows is found by reading: at a replica, and at the origin."""
    world = replicated(ONE_WAY)
    world.damage_on_the_way("b", "m/x", b"weightz")
    assert not check(world).differences

    assert [(each.site, each.finding) for each in check_deeply(world).differences] == [("b", Finding.CORRUPT)]
    world.damage_on_the_way("a", "m/x", b"Weights")
    assert [(each.site, each.finding) for each in check_deeply(world).differences] == [
        ("b", Finding.CORRUPT),
        ("c", Finding.CORRUPT),
    ]


def test_what_differs_anyway_is_not_read() -> None:
    """A deep look spends no egress on what is known to differ."""
    world = replicated(ONE_WAY)
    world.pass_time()
    world.write("a", "m/x", b"newer")

    assert check_deeply(world).read == 0


def test_what_is_written_while_it_is_read_is_no_damage() -> None:
    """A replica that changes under a deep look is said to have changed."""
    world = replicated(ONE_WAY)

    def overwrite(call: str) -> None:
        if call == "get":
            world.stores["b"].before = lambda _: None
            world.write("b", "m/x", b"mine")

    world.stores["b"].before = overwrite

    assert [(each.site, each.finding) for each in check_deeply(world).differences] == [("b", Finding.STALE)]


@pytest.mark.parametrize(
    "error", [AccessDeniedError("its encryption key is refused"), PermanentError("it is archived")]
)
def test_one_object_that_cannot_be_read_hides_no_other(error: TradewindError) -> None:
    """Reading every byte goes on past an object whose bytes are refused, and says which one that is."""
    world = replicated(ONE_WAY)
    world.replicator.replicate(world.write("a", "m/y", b"more"))

    def refuse(call: str) -> None:
        if call == "get":
            raise error

    world.stores["b"].before = refuse
    report = verify(
        world.fleet, world.fleet.rules[0], world.stores.__getitem__, world.gate, InlineExecutor(), deep=True
    )

    assert [(each.key, each.site, each.finding) for each in report.differences] == [
        ("m/x", "b", Finding.UNREADABLE),
        ("m/y", "b", Finding.UNREADABLE),
    ]
    assert report.replicas == 2


def test_a_report_names_so_many_differences_and_counts_them_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """A report of however many differences stays small, and names those that were asked for."""
    monkeypatch.setattr("tradewind.replication.seeing.verify.KEPT", 3)
    world = replicated(ONE_WAY)
    for number in range(4):
        world.write("a", f"m/{number}", b"1")
    world.damage_at_rest("b", "m/x", b"WEIGHTS")

    report, corrupt = check(world), check(world, named={Finding.CORRUPT})

    for each in (report, corrupt):
        assert (each.differing, each.findings) == (9, {"missing": 8, "corrupt": 1})
    assert [(each.key, each.site) for each in report.differences] == [("m/0", "b"), ("m/0", "c"), ("m/1", "b")]
    assert [(each.key, each.site) for each in corrupt.differences] == [("m/x", "b")]
