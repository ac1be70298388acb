"""Tags travel between the clouds that have them, by the real handlers."""

from __future__ import annotations

import pytest

from rigs.announcements import announce, sample
from rigs.platforms import Lambda, Platform
from rigs.three_clouds import ThreeClouds
from tradewind_sandbox.names import AWS_SITE, AZURE_SITE

KEY = "models/resnet50/model.safetensors"
"""That of the sample of a change of tags."""
TAGS = {"Team": "vision", "path": "a/b:c=d_e-f.g+h i"}


def at_s3(clouds: ThreeClouds) -> dict[str, str]:
    """Return the tags that a user of S3 sees."""
    found = clouds.s3._client.get_object_tagging(Bucket=clouds.s3.bucket, Key=KEY)
    return {tag["Key"]: tag["Value"] for tag in found["TagSet"]}


def at_azure(clouds: ThreeClouds) -> dict[str, str]:
    """Return the tags that a user of Blob Storage sees."""
    return clouds.azure._container.get_blob_client(KEY).get_blob_tags() or {}


def retag(clouds: ThreeClouds, tags: dict[str, str]) -> None:
    """Give the object at S3 other tags, or none."""
    if not tags:
        clouds.s3._client.delete_object_tagging(Bucket=clouds.s3.bucket, Key=KEY)
        return
    tag_set = [{"Key": name, "Value": value} for name, value in tags.items()]
    clouds.s3._client.put_object_tagging(Bucket=clouds.s3.bucket, Key=KEY, Tagging={"TagSet": tag_set})


def test_tags_of_s3_arrive_where_there_are_tags(clouds: ThreeClouds, lambda_: Lambda) -> None:
    """Azure's replica has the tags, and Cloud Storage's the rest."""
    clouds.upload(AWS_SITE, KEY)
    retag(clouds, TAGS)

    assert lambda_.deliver(announce(AWS_SITE, KEY)) == [True]

    assert at_azure(clouds) == TAGS
    clouds.assert_replicated(KEY, AWS_SITE, "gcp-euw4", AZURE_SITE)


def test_tags_of_azure_arrive_at_s3(clouds: ThreeClouds, platforms: dict[str, Platform]) -> None:
    """S3's replica has the tags of the blob."""
    clouds.azure._container.upload_blob(KEY, b"weights", tags=TAGS)

    assert platforms[AZURE_SITE].deliver(announce(AZURE_SITE, KEY)) == [True]

    assert at_s3(clouds) == TAGS


@pytest.mark.parametrize("after", [{"Team": "speech"}, {}], ids=["changed", "removed"])
def test_changed_tags_follow(clouds: ThreeClouds, lambda_: Lambda, after: dict[str, str]) -> None:
    """A change of tags makes no new version of an object, and is replicated all the same, once."""
    clouds.upload(AWS_SITE, KEY)
    retag(clouds, TAGS)
    lambda_.deliver(announce(AWS_SITE, KEY))

    retag(clouds, after)
    assert lambda_.invoke(sample("aws/s3-tagging.json")) == {"batchItemFailures": []}
    written = clouds.azure.look(KEY)
    assert at_azure(clouds) == after

    assert lambda_.invoke(sample("aws/s3-tagging.json")) == {"batchItemFailures": []}
    assert clouds.azure.look(KEY) == written
