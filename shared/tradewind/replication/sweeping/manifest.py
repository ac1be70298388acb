"""What the manifest of an inventory says: which files there are, and how to read a key out of a row. Pure.

Sources:
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html (manifest.json; a CSV has no
    header, its keys are URL-encoded)
    https://cloud.google.com/storage/docs/insights/inventory-reports (the manifest lies beside its shards)
    https://learn.microsoft.com/azure/storage/blobs/blob-inventory (a name begins with its container)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias
from urllib.parse import unquote_plus

from tradewind.errors import PermanentError

Kind: TypeAlias = Literal["s3", "gcs", "azure", "list"]
Row: TypeAlias = Mapping[str, object]
"""A line of an inventory: its fields by their names, in small letters and without punctuation."""
FOLDERS = "/"


@dataclass(frozen=True, slots=True)
class Inventory:
    """A list of a bucket's objects, in one file or many."""

    kind: Kind
    files: tuple[str, ...]
    """Names in the bucket of the manifest, or beside a manifest on this machine."""
    format: Literal["csv", "parquet", "text"]
    columns: tuple[str, ...] = ()
    """Of a CSV file without a header."""
    delimiter: str = ","


def plain_list(name: str) -> Inventory:
    """Return a text file with one key a line as an inventory."""
    return Inventory("list", (name,), "text")


def read_manifest(name: str, document: Mapping[str, Any]) -> Inventory:
    """Understand the manifest of any of the three clouds.

    Args:
        name: The manifest's own, since Google's names its files from there.
        document: What it says.

    Raises:
        PermanentError: It is none, or in a format that is not read.
    """
    try:
        if "fileSchema" in document:
            return _s3(document)
        if "report_shards_file_names" in document:
            return _gcs(name, document)
        if "ruleDefinition" in document:
            return _azure(document)
    except (KeyError, TypeError, AttributeError) as error:
        raise PermanentError(f"The manifest {name!r} lacks {error}", hint=_HINT) from error
    raise PermanentError(f"{name!r} is no manifest of an inventory", hint=_HINT)


_HINT = "It is the manifest.json of S3 Inventory, of Storage Insights or of Azure's inventory, or a list of keys"


def _s3(document: Mapping[str, Any]) -> Inventory:
    form = _format(str(document["fileFormat"]))
    files = tuple(str(each["key"]) for each in document["files"])
    columns = tuple(spelled(each) for each in str(document["fileSchema"]).split(",")) if form == "csv" else ()
    return Inventory("s3", files, form, columns)


def _gcs(name: str, document: Mapping[str, Any]) -> Inventory:
    folder = name.rpartition(FOLDERS)[0]
    shards = [str(each) for each in document["report_shards_file_names"]]
    files = tuple(each if FOLDERS in each or not folder else f"{folder}/{each}" for each in shards)
    config = document.get("report_config") or {}
    csv = config.get("csv_options") or config.get("csvOptions") or {}
    fields = config.get("object_metadata_report_options") or config.get("objectMetadataReportOptions") or {}
    header = csv.get("header_required", csv.get("headerRequired", False))
    columns = fields.get("metadata_fields") or fields.get("metadataFields") or ()
    return Inventory(
        "gcs",
        files,
        "parquet" if any(each.endswith(".parquet") for each in shards) else "csv",
        () if header else tuple(spelled(each) for each in columns),
        str(csv.get("delimiter") or ","),
    )


def _azure(document: Mapping[str, Any]) -> Inventory:
    files = tuple(str(each["blob"]) for each in document["files"])
    return Inventory("azure", files, _format(str(document["ruleDefinition"]["format"])))


def _format(name: str) -> Literal["csv", "parquet"]:
    match name.lower():
        case "csv":
            return "csv"
        case "parquet":
            return "parquet"
    raise PermanentError(f"The inventory is in the format {name}", hint="Let it be made as CSV or Parquet")


def spelled(column: str) -> str:
    """Return a column's name as a `Row` has it: `IsLatest`, `is_latest` and `Is-Latest` are one."""
    return "".join(letter for letter in column.lower() if letter.isalnum())


def required(kind: Kind) -> Sequence[str]:
    """Return the columns without which no key can be read."""
    return {"s3": ("bucket", "key"), "gcs": ("name",), "azure": ("name",), "list": ("key",)}[kind]


def key_of(inventory: Inventory, row: Row, bucket: str) -> str | None:
    """Return the key that a row names, or None if it speaks of another bucket or of what is no present object.

    Args:
        inventory: Whose row it is.
        row: The fields.
        bucket: The bucket or container that is meant.
    """
    match inventory.kind:
        case "s3":
            if row["bucket"] != bucket or _is(row, "isdeletemarker", "true") or _is(row, "islatest", "false"):
                return None
            key = str(row["key"])
            return unquote_plus(key) if inventory.format == "csv" else key
        case "gcs":
            other = row.get("bucket", bucket) != bucket
            return None if other or row.get("timedeleted") else str(row["name"])
        case "azure":
            container, _, key = str(row["name"]).partition(FOLDERS)
            gone = row.get("snapshot") or _is(row, "deleted", "true") or _is(row, "iscurrentversion", "false")
            folder = _is(row, "hdiisfolder", "true")
            return None if container != bucket or gone or folder else key
        case "list":
            return str(row["key"])


def _is(row: Row, column: str, value: str) -> bool:
    return str(row.get(column, "")).lower() == value
