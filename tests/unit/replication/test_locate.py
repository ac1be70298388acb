"""Where an object is, and which copy is the nearest that may be used."""

import json
from typing import Literal

import pytest

from rigs.world import InlineExecutor, World
from tradewind.checksums import strongest
from tradewind.compliance import JurisdictionGate
from tradewind.errors import ConfigurationError, StoreUnavailableError
from tradewind.fleet import Fleet
from tradewind.ports import PROVENANCE_KEY, Checksums, CompositeChecksum, Metadata
from tradewind.replication.provenance import fingerprint
from tradewind.replication.seeing.locate import Location, Place, Sighting, locate, survey
from tradewind.replication.seeing.whereabouts import connected, key_at, uri_of

ONE_WAY: dict[str, object] = {"name": "one", "to": ["b", "c"], "deletes": "propagate"}
KEEPS: dict[str, object] = {"name": "one", "to": ["b", "c"]}
BOTH: dict[str, object] = {"name": "both", "sites": ["a", "b", "c"]}
EUROPEAN: dict[str, object] = {"name": "eu", "from": "b", "to": ["a", "c"], "classification": "personal"}


def replicated(rule: dict[str, object], site: str = "a") -> World:
    """Return a world in which what was written at one site is wherever the rule brings it."""
    world = World(rule)
    world.replicator.replicate(world.write(site, "x", b"weights"))
    return world


def find(world: World, site: str = "a", reader: str = "a", down: str = "") -> Location:
    """Locate the world's one object; the site `down` does not answer."""

    def refuse(_: str) -> None:
        raise StoreUnavailableError("it is dark")

    if down:
        world.stores[down].before = refuse
    stores = world.stores.__getitem__
    return locate(world.fleet, world.gate, stores, InlineExecutor(), site=site, key="x", reader=reader)


def at(location: Location, site: str) -> Place:
    """Return what is said of one site."""
    return next(place for place in location.places if place.site == site)


@pytest.mark.parametrize("rule", [ONE_WAY, BOTH], ids=["one_way", "active_active"])
@pytest.mark.parametrize("asked", "abc")
def test_every_copy_leads_to_all(rule: dict[str, object], asked: str) -> None:
    """Whichever copy is named, the origin and all its replicas are found, current and with their checksums."""
    found = find(replicated(rule), site=asked)

    assert found.origin == "a"
    assert {place.site: (place.holds, place.current) for place in found.places} == {
        "a": ("origin", True),
        "b": ("replica", True),
        "c": ("replica", True),
    }
    assert {place.proof for place in found.places} == {at(found, "a").proof}
    assert at(found, "b").uri == "s3://bucket-b/x"


def test_one_request_each() -> None:
    """Each site is asked once, and nothing is read or written."""
    world = replicated(ONE_WAY)
    for store in world.stores.values():
        store.calls.clear()
    find(world)

    assert [store.calls for store in world.stores.values()] == [["head"]] * 3


@pytest.mark.parametrize("reader", "abc")
def test_the_readers_own_site_is_the_nearest(reader: str) -> None:
    """Whoever has a current copy at hand is sent nowhere else."""
    nearest = find(replicated(ONE_WAY), reader=reader).nearest

    assert nearest is not None
    assert nearest.site == reader


def test_a_stale_copy_is_not_used() -> None:
    """A replica of an older version is shown, and the reader is sent on."""
    world = replicated(ONE_WAY)
    world.pass_time()
    world.write("a", "x", b"newer weights")
    found = find(world, reader="b")

    assert (at(found, "b").current, at(found, "b").note) == (False, "a holds another version by now")
    assert found.nearest == at(found, "a")


def test_a_damaged_copy_is_not_used() -> None:
    """A replica whose bytes are others than were copied is called damaged, and proven by nothing."""
    world = replicated(ONE_WAY)
    world.damage_at_rest("b", "x", b"wei\0hts")
    found = find(world, reader="b")

    assert (at(found, "b").holds, at(found, "b").proof) == ("damaged", None)
    assert found.nearest == at(found, "a")


@pytest.mark.parametrize("asked", "ac")
def test_somebody_elses_object_is_not_used(asked: str) -> None:
    """An object that a user wrote under the key at a target is another object."""
    world = replicated(ONE_WAY)
    world.write("b", "x", b"mine")
    found = find(world, site=asked, reader="b")

    assert (at(found, "b").holds, at(found, "b").usable) == ("other", False)
    assert found.origin == "a"


def test_deleted_at_the_origin() -> None:
    """When the origin deleted it and the rule propagates that, no replica is current any more."""
    world = replicated(ONE_WAY)
    world.delete("a", "x")
    found = find(world, site="b")

    assert (at(found, "b").current, at(found, "b").note) == (False, "a no longer holds it")
    assert found.nearest is None


@pytest.mark.parametrize("asked", "ab")
def test_checksumsthough_deleted_at_the_origin(asked: str) -> None:
    """When the rule keeps what was deleted at the origin, the replicas may be used."""
    world = replicated(KEEPS)
    world.delete("a", "x")
    found = find(world, site=asked, reader="c")

    assert found.nearest == at(found, "c")
    assert "keeps what was deleted" in at(found, "c").note


def test_while_the_origin_is_dark() -> None:
    """When the origin does not answer, a replica may be used, and nobody is said to know whether it is current."""
    found = find(replicated(ONE_WAY), site="a", reader="c", down="a")

    assert (at(found, "a").holds, at(found, "a").note) == ("unknown", "it is dark")
    assert (at(found, "c").holds, at(found, "c").current) == ("replica", None)
    assert found.nearest == at(found, "c")


def test_nothing_anywhere() -> None:
    """Where nothing is, nothing is found."""
    found = find(World(ONE_WAY))

    assert {place.holds for place in found.places} == {"nothing"}
    assert found.nearest is None


def test_the_gate_decides_who_may_read() -> None:
    """Nobody is sent to a copy that must not be where it is, nor is anybody where the object must not be."""
    world = replicated(EUROPEAN, site="b")
    world.write("c", "x", b"by hand")
    found = find(world, site="b", reader="c")

    assert (at(found, "b").allowed, at(found, "c").allowed, at(found, "c").usable) == (True, False, False)
    assert "'personal' data may not be in CH" in at(found, "c").gate
    assert not found.readable
    assert found.nearest is None


def test_a_replica_of_what_another_site_overwrote() -> None:
    """Where the origin itself holds a newer object of another site, that site is the origin of the answer."""
    world = replicated(BOTH)
    world.pass_time()
    world.replicator.replicate(world.write("b", "x", b"newer"))
    found = find(world, site="a")

    assert found.origin == "b"
    assert at(found, "a").holds == "replica"


def atlas() -> Fleet:
    """Return a fleet of four sites in well-known regions."""

    def site(region: str, jurisdiction: str, bucket: str) -> dict[str, object]:
        return {"cloud": "aws", "region": region, "jurisdiction": jurisdiction, "bucket": bucket, "control_bucket": "c"}

    names = {
        "virginia": site("us-east-1", "US", "v"),
        "dublin": site("eu-west-1", "EU", "d"),
        "frankfurt": site("eu-central-1", "EU", "f"),
        "zurich": site("eu-central-2", "CH", "z"),
        "frankfurt-too": site("eu-central-1", "EU", "f2"),
        "nowhere": site("mars-1", "EU", "n"),
    }
    rule = {"name": "r", "mode": "active_active", "sites": list(names), "classification": "public"}
    return Fleet.model_validate(
        {"version": 1, "sites": names, "classifications": {"public": {"jurisdictions": "any"}}, "rules": [rule]}
    )


def test_the_order_of_nearness() -> None:
    """The site, then its region, then its jurisdiction, then kilometres; a region that nobody knows is far."""
    fleet = atlas()
    seen: dict[str, Sighting] = dict.fromkeys(fleet.sites)
    found = survey(fleet, JurisdictionGate(fleet.classifications), seen, site="virginia", key="x", reader="frankfurt")

    order = ["frankfurt", "frankfurt-too", "dublin", "nowhere", "zurich", "virginia"]
    assert [place.site for place in found.places] == order
    assert [place.kilometres is None for place in found.places] == [name == "nowhere" for name in order]


@pytest.mark.parametrize(
    ("checksums", "said"),
    [
        (Checksums(crc32c=10, md5=b"\1"), "crc32c 0000000a"),
        (Checksums(crc64nvme=10), "crc64nvme 000000000000000a"),
        (Checksums(crc32=10), "crc32 0000000a"),
        (Checksums(composite=CompositeChecksum("crc32", b"\n", (1,))), "crc32 of parts 0a"),
        (Checksums(md5=b"\n"), "md5 0a"),
        (Checksums(), None),
    ],
)
def test_the_checksum_that_is_told(checksums: Checksums, said: str | None) -> None:
    """The strongest checksum that a store keeps is told, by name and value."""
    assert strongest(checksums) == said


FLEET = Fleet.model_validate(
    {
        "version": 1,
        "classifications": {"public": {"jurisdictions": "any"}},
        "sites": {
            name: {"cloud": cloud, "region": "r", "jurisdiction": "EU", "control_bucket": "c", **rest}
            for name, cloud, rest in (
                ("s3", "aws", {"bucket": "b"}),
                ("gcs", "gcp", {"bucket": "b", "project": "p"}),
                ("az", "azure", {"account": "a", "container": "c"}),
            )
        },
    }
)


@pytest.mark.parametrize(
    ("uri", "site", "key"),
    [
        ("s3://b/models/a b%20.bin", "s3", "models/a b%20.bin"),
        ("gs://b/x", "gcs", "x"),
        ("az://a/c/x/y", "az", "x/y"),
        ("gcs:x:y", "gcs", "x:y"),
        ("s3:/x", "s3", "/x"),
        ("az://a/c//x", "az", "/x"),
    ],
)
def test_ways_to_name_a_key(uri: str, site: str, key: str) -> None:
    """A key is named by its cloud's URI or by its site, and is taken as it is spelled."""
    assert key_at(FLEET, uri) == (site, key)


@pytest.mark.parametrize("site", list(FLEET.sites))
def test_a_uri_that_is_shown_can_be_used(site: Literal["s3", "gcs", "az"]) -> None:
    """What is printed as an object's URI names that object."""
    assert key_at(FLEET, uri_of(FLEET.sites[site], "a/b c")) == (site, "a/b c")


@pytest.mark.parametrize("uri", ["s3://other/x", "s3://b", "s3://b/", "gs:x", "az://a/c", "x", "gcs:", "ftp://b/x", ""])
def test_what_names_no_key(uri: str) -> None:
    """Whatever else is said names the sites that there are."""
    with pytest.raises(ConfigurationError) as caught:
        key_at(FLEET, uri)

    assert "The fleet file has: s3, gcs, az" in str(caught.value)


def test_sites_that_rules_connect() -> None:
    """Rules that cover the key are followed from site to site, and no others."""
    world = World(
        {"name": "one", "from": "a", "to": ["b"]},
        {"name": "two", "from": "c", "to": ["b"]},
        {"name": "elsewhere", "from": "a", "to": ["c"], "prefix": "no/"},
    )
    sites, rules = connected(world.fleet, "a", "x")

    assert (sites, [rule.name for rule in rules]) == (("a", "b", "c"), ["one", "two"])
    assert connected(World({"name": "one", "to": ["b"]}).fleet, "c", "x") == (("c",), ())


def test_a_site_that_cannot_be_understood_hides_no_other() -> None:
    """An object whose metadata is of a newer tradewind is said to be unknown, and the others are told."""
    world = replicated(ONE_WAY)
    newer = json.dumps({"v": 99, "origin": "a", "version": "x", "key": fingerprint("x")})
    world.write("b", "x", b"weights", Metadata(user={PROVENANCE_KEY: newer}))
    found = find(world, reader="c")

    assert (at(found, "b").holds, "format 99" in at(found, "b").note) == ("unknown", True)
    assert found.nearest == at(found, "c")
