"""What the sandbox's buckets, queues and sites are called, and where its pieces are in the project."""

from __future__ import annotations

from pathlib import Path

from tradewind_sandbox.errors import SandboxError

AWS_SITE, GCP_SITE, AZURE_SITE = "aws-use1", "gcp-euw4", "azure-weu"
BUCKETS = {AWS_SITE: "tradewind-use1", GCP_SITE: "tradewind-euw4", AZURE_SITE: "tradewind-weu"}
CONTROL_BUCKETS = {
    AWS_SITE: "tradewind-use1-control",
    GCP_SITE: "tradewind-euw4-control",
    AZURE_SITE: "tradewind-control",
}
CLOUDS = {AWS_SITE: "aws", GCP_SITE: "gcp", AZURE_SITE: "azure"}
MODEL_SERVERS = {site: f"model-{cloud}" for site, cloud in CLOUDS.items()}
"""The model server at each site: its part, and its name among the fleet's endpoints."""
GROUP = "classifier"
"""The model servers as one."""
MODEL = "models/classifier/"
"""Where in each bucket the model is that the model servers load."""
HEALTH, PREDICT = "/healthz", "/predict"
"""What a model server is asked for."""
NOTIFICATIONS = "tradewind-notifications"
"""The queue of each site; on Google Cloud a topic and its push subscription."""
DEAD_LETTERS = "tradewind-notifications-poison"
"""The Azure Functions host makes this name out of the queue's; the other two sites use the same one."""
WITNESS = "tradewind-witness"
"""A subscription that nobody acknowledges, so that a test can count what Cloud Storage announced."""
LAST_ATTEMPT = 100
"""Deliveries before a platform gives a message up: generous, so that an outage of some minutes loses nothing."""
VISIBILITY = 10
"""Seconds for which a delivered message is hidden, renewed while a function works: so soon it is back after a crash."""
BACKOFF = 5
"""Seconds before a failed message is delivered again, at the second attempt and later."""


def project_root() -> Path:
    """Return the checkout that this package is part of: the runtimes run its handler files.

    Raises:
        SandboxError: The package was installed without its checkout.
    """
    root = Path(__file__).resolve().parents[2]
    if not (root / "functions").is_dir():
        raise SandboxError(
            f"The handlers are not beside the sandbox ({root}/functions is missing)",
            hint="Run it from a checkout of the project: make setup, then .venv/bin/tradewind",
        )
    return root
