"""Reading the inventories that the clouds make."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import Table, parquet

from rigs.sweeps import Narrow, Sweeps
from rigs.world import InlineExecutor, World
from tradewind.errors import ConfigurationError, PermanentError
from tradewind.replication.sweeping import backfill
from tradewind.replication.sweeping.backfill import ManifestBackfill, Sent, Source
from tradewind.replication.sweeping.manifest import Inventory, key_of, plain_list, read_manifest
from tradewind.replication.sweeping.rows import Malformed, rows_of

S3 = {
    "sourceBucket": "data",
    "destinationBucket": "arn:aws:s3:::inventories",
    "version": "2016-11-30",
    "creationTimestamp": "1793664000000",
    "fileFormat": "CSV",
    "fileSchema": "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size",
    "files": [{"key": "in/data/1.csv.gz", "size": 9, "MD5checksum": "f11166069f1990abeb9c97ace9cdfabc"}],
}
GCS = {
    "report_config": {
        "csv_options": {"delimiter": ",", "header_required": True, "record_separator": "\n"},
        "object_metadata_report_options": {"metadata_fields": ["project", "bucket", "name", "timeDeleted"]},
    },
    "records_processed": 3,
    "shard_count": 1,
    "report_shards_file_names": ["fc95c52f_2026-11-03T00:00_0.csv"],
}
AZURE = {
    "destinationContainer": "inventories",
    "endpoint": "https://acct.blob.core.windows.net",
    "files": [{"blob": "2026/11/03/01-00-00/all/all_1000000_0.csv", "size": 9}],
    "ruleDefinition": {"format": "csv", "objectType": "blob", "schemaFields": ["Name", "Snapshot", "Deleted"]},
    "ruleName": "all",
    "status": "Succeeded",
    "version": "1.0",
}


@dataclass
class HeldFiles:
    """Files in memory, read in small chunks."""

    files: Mapping[str, bytes]
    chunk: int = 7
    opened: list[str] = field(default_factory=list)

    @contextmanager
    def open(self, name: str) -> Iterator[Iterator[bytes]]:
        """Open a file."""
        self.opened.append(name)
        body = self.files[name]
        yield (body[at : at + self.chunk] for at in range(0, len(body), self.chunk))


def keys(inventory: Inventory, body: bytes, bucket: str = "data") -> list[str | Malformed | None]:
    """Return what each row of an inventory of one file says."""
    files = HeldFiles({inventory.files[0]: body})
    return [row if isinstance(row, Malformed) else key_of(inventory, row, bucket) for row in rows_of(inventory, files)]


def csv_of(*lines: str) -> bytes:
    """Return a CSV file."""
    return "".join(f"{line}\n" for line in lines).encode()


def test_s3_inventory() -> None:
    """Keys are decoded; other buckets, old versions and delete markers are left out; the file is compressed."""
    inventory = read_manifest("in/2026-11-03T01-00Z/manifest.json", S3)
    body = csv_of(
        '"data","a+b/gr%C3%B6%C3%9Fe%2B100%2525.bin","v1","true","false","3"',
        '"data","old","v0","false","false","3"',
        '"data","deleted","v2","true","true",""',
        '"other","x","","true","false","3"',
        '"data","quoted%2C""x""","","true","false","3"',
    )

    assert keys(inventory, gzip.compress(body)) == ["a b/größe+100%25.bin", None, None, None, 'quoted,"x"']


def test_storage_insights_inventory() -> None:
    """The shards lie beside the manifest; columns are found by the header, and what was deleted is left out."""
    inventory = read_manifest("reports/manifest.json", GCS)
    body = csv_of("project,bucket,name,timeDeleted", 'p,data,"a,b",', "p,data,gone,2026-11-02T00:00:00Z", "p,other,x,")

    assert inventory.files == ("reports/fc95c52f_2026-11-03T00:00_0.csv",)
    assert keys(inventory, body) == ["a,b", None, None]


def test_storage_insights_inventory_without_a_header() -> None:
    """Without a header the manifest says which columns there are, and with which delimiter."""
    options = {"csv_options": {"delimiter": ";", "header_required": False}}
    inventory = read_manifest("manifest.json", GCS | {"report_config": GCS["report_config"] | options})  # type: ignore[operator]  # a dictionary

    assert keys(inventory, csv_of("p;data;a,b;")) == ["a,b"]


def test_azure_inventory() -> None:
    """A name begins with its container; snapshots, deleted blobs and other containers are left out."""
    inventory = read_manifest("2026/all-manifest.json", AZURE)
    body = csv_of(
        "Name,Snapshot,Deleted,hdi_isfolder", "data/a/b.bin,,,", "data/a,,,true", "data/s,2026-01-01,,", "other/x,,,"
    )

    assert keys(inventory, body) == ["a/b.bin", None, None, None]


def test_a_list_of_keys() -> None:
    """A line is a key, spaces included; empty lines and the kind of line end mean nothing."""
    assert keys(plain_list("keys.txt"), "a b\r\n\n ü ".encode()) == ["a b", " ü "]


@pytest.mark.parametrize(
    ("manifest", "columns", "expected"),
    [
        (
            S3 | {"fileFormat": "Parquet", "fileSchema": "message s3.inventory { ... }"},
            {"bucket": ["data", "data"], "key": ["a%20b", "x"], "is_latest": [True, False]},
            ["a%20b", None],
        ),
        (
            GCS | {"report_shards_file_names": ["0.parquet"]},
            {"bucket": ["data", "data"], "name": ["a", "b"], "timeDeleted": [None, "2026-11-02"]},
            ["a", None],
        ),
        (
            AZURE | {"ruleDefinition": {"format": "parquet"}},
            {"Name": ["data/a", "data/b"], "Snapshot": [None, "1"], "Deleted": [False, False]},
            ["a", None],
        ),
    ],
    ids=["s3", "gcs", "azure"],
)
def test_parquet(manifest: dict[str, object], columns: dict[str, list[object]], expected: list[str | None]) -> None:
    """The three clouds' Parquet says the same as their CSV; keys are plain there."""
    file = io.BytesIO()
    parquet.write_table(Table.from_pydict(columns), file)

    assert keys(read_manifest("manifest.json", manifest), file.getvalue()) == expected


def test_parquet_without_what_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever did not install the extra is told so, and what to do."""
    monkeypatch.setattr("tradewind.replication.sweeping.rows.find_spec", lambda _: None)

    with pytest.raises(ConfigurationError, match=r"tradewind\[parquet\]"):
        keys(read_manifest("m.json", S3 | {"fileFormat": "Parquet"}), b"")


@pytest.mark.parametrize(
    ("inventory", "body", "line", "why"),
    [
        (
            read_manifest("m", S3 | {"files": [{"key": "f"}]}),
            csv_of('"data","a","","true","false","1"', '"data"'),
            2,
            "1",
        ),
        (read_manifest("m", S3 | {"files": [{"key": "f"}]}), b'"data","a\xff\n', 1, "the rest"),
        (read_manifest("m", S3 | {"files": [{"key": "f.gz"}]}), b"no gzip", 1, "the rest"),
        (read_manifest("m", S3 | {"files": [{"key": "f.gz"}]}), gzip.compress(b"x" * 99, mtime=0)[:-9], 1, "the rest"),
        (read_manifest("m", GCS), csv_of("bucket,size"), 1, "lacks the column 'name'"),
        (read_manifest("m", S3 | {"fileFormat": "Parquet"}), b"no parquet", 1, "the rest"),
        (plain_list("f"), b"a\n\xff\n", 1, "the rest"),
    ],
)
def test_what_says_nothing_is_named(inventory: Inventory, body: bytes, line: int, why: str) -> None:
    """A line that cannot be understood is named with its file and number, and never passed over in silence."""
    *_, malformed = keys(inventory, body)

    assert isinstance(malformed, Malformed)
    assert (malformed.file, malformed.line) == (inventory.files[0], line)
    assert why in malformed.why


@pytest.mark.parametrize(
    "document",
    [{}, {"files": []}, S3 | {"fileFormat": "ORC"}, {"fileSchema": "Bucket, Key"}, GCS | {"report_config": 7}],
)
def test_what_is_no_manifest_is_refused(document: dict[str, object]) -> None:
    """A manifest that is not understood is an error with a hint, not an empty inventory."""
    with pytest.raises(PermanentError):
        read_manifest("manifest.json", document)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1), max_size=5))
def test_every_key_of_a_list_is_read(names: list[str]) -> None:
    """Whatever is in a key, it arrives as it was."""
    assert keys(plain_list("f"), "\n".join(names).encode()) == names


# --- asking for what an inventory lists -------------------------------------------------------------------------------


def backfill_of(sweeps: Sweeps, complaints: list[Malformed]) -> ManifestBackfill:
    """Return the work on an inventory."""
    return ManifestBackfill(
        rule=sweeps.rule,
        bucket="data",
        queue=sweeps.queues["a"],
        records=sweeps.records("a"),
        executor=InlineExecutor(),
        store_of=sweeps.world.stores.__getitem__,
        complain=complaints.append,
        tell=lambda _key, _why: None,
    )


@pytest.fixture
def sweeps() -> Sweeps:
    """Sweeps of a rule that covers `m/`."""
    return Sweeps(World({"name": "one", "to": ["b"], "prefix": "m/"}))


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfill, "PAGE", 2)


NAMES = [f"m/{number}" for number in range(7)]
F = Source("f", "1")


def test_asks_for_what_the_rule_covers(sweeps: Sweeps) -> None:
    """Every key of the inventory that the rule covers is asked for at its first site, and no other."""
    files = HeldFiles({"f": "\n".join([*NAMES, "other"]).encode()})

    *_, sent = backfill_of(sweeps, []).run(F, plain_list("f"), files)

    assert sent == Sent(rows=8, keys=7, malformed=0)
    assert sweeps.asked() == {"a": NAMES}


def test_goes_on_with_the_same_inventory(sweeps: Sweeps) -> None:
    """Whoever was killed goes on at the noted row; at most one page is asked for twice."""
    files = HeldFiles({"f": "\n".join(NAMES).encode()})
    run = backfill_of(sweeps, []).run(F, plain_list("f"), files)
    next(run), next(run)
    sweeps.asked()

    *_, sent = backfill_of(sweeps, []).run(F, plain_list("f"), files)

    assert sent == Sent(rows=7, keys=3)
    assert sweeps.asked() == {"a": NAMES[4:]}


def test_another_inventory_begins_anew(sweeps: Sweeps) -> None:
    """A note about one inventory says nothing of another, and a finished one can be gone through again."""
    files = HeldFiles({"f": "\n".join(NAMES).encode(), "g": "\n".join(NAMES).encode()})
    next(backfill_of(sweeps, []).run(F, plain_list("f"), files))
    sweeps.asked()

    for _ in range(2):
        list(backfill_of(sweeps, []).run(Source("g", "1"), plain_list("g"), files))
        assert sweeps.asked() == {"a": NAMES}


def test_another_content_at_the_same_place_begins_anew(sweeps: Sweeps) -> None:
    """A note about a file says nothing of another one under the same name; whoever asks hears of both."""
    work, newer = backfill_of(sweeps, []), Source("f", "2")
    next(work.run(F, plain_list("f"), HeldFiles({"f": "\n".join(NAMES).encode()})))
    sweeps.asked()

    assert (work.noted(F), work.noted(newer)) == ((2, None), (2, F))
    assert [sent.rows for sent in work.run(newer, plain_list("f"), HeldFiles({"f": b"m/8\nm/9"}))] == [2]
    assert sweeps.asked() == {"a": ["m/8", "m/9"]}
    assert work.noted(newer) == (0, None)


def test_a_key_that_no_target_can_hold_is_told_and_not_asked_for() -> None:
    """It is named with the reason at each such target, and asked for only if another target can hold it."""
    sweeps, told = Sweeps(World({"name": "one", "to": ["b", "c"], "prefix": "m/"})), dict[str, list[str]]()
    sweeps.world.stores["b"] = Narrow(sweeps.world.stores["b"].inner, without=("m/1", "m/2"))
    sweeps.world.stores["c"] = Narrow(sweeps.world.stores["c"].inner, without=("m/2",))
    work = replace(backfill_of(sweeps, []), tell=lambda key, why: told.setdefault(key, []).extend(why))

    *_, sent = work.run(F, plain_list("f"), HeldFiles({"f": b"m/1\nm/2\nm/3"}))

    assert (sent, told) == (Sent(rows=3, keys=2, unportable=2), {"m/1": ["b"], "m/2": ["b", "c"]})
    assert sweeps.asked() == {"a": ["m/1", "m/3"]}
    assert [sweeps.world.stores[site].calls for site in "abc"] == [[], [], []]


def test_lines_that_say_nothing_stop_no_others(sweeps: Sweeps) -> None:
    """They are counted and told, and the rest is asked for."""
    inventory = read_manifest("m", S3 | {"files": [{"key": "f"}]})
    body = csv_of('"data","m/1","","true","false","1"', '"data"', '"data","m/2","","true","false","1"')
    complaints: list[Malformed] = []

    *_, sent = backfill_of(sweeps, complaints).run(F, inventory, HeldFiles({"f": body}))

    assert (sent, [each.line for each in complaints]) == (Sent(rows=3, keys=2, malformed=1), [2])
    assert sweeps.asked() == {"a": ["m/1", "m/2"]}
