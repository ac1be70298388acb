"""AWS X-Ray: an invocation that it samples is traced, and the others do not pay for it."""

from __future__ import annotations

import pytest

from rigs.announcements import announce
from rigs.platforms import Lambda
from rigs.three_clouds import ThreeClouds
from tradewind_sandbox.names import AWS_SITE, AZURE_SITE, GCP_SITE

KEY = "models/resnet50/model.safetensors"


@pytest.mark.parametrize("sampled", ["0", "1"])
def test_an_invocation_is_worked_off_traced_or_not(
    clouds: ThreeClouds, lambda_: Lambda, monkeypatch: pytest.MonkeyPatch, sampled: str
) -> None:
    """What Lambda says of the trace changes nothing about the answer."""
    monkeypatch.setenv("_X_AMZN_TRACE_ID", f"Root=1-5759e988-bd862e3fe1be46a994272793;Sampled={sampled}")
    clouds.upload(AWS_SITE, KEY)

    assert lambda_.deliver(announce(AWS_SITE, KEY)) == [True]

    clouds.assert_replicated(KEY, AWS_SITE, GCP_SITE, AZURE_SITE)
