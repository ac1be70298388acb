"""What all directors decide alike: which weights can be published, and whether they are there already."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from tradewind.errors import ConfigurationError, PreconditionFailedError
from tradewind.ports import Traffic

WHOLE = 100
"""Percent."""


def check_targets(targets: Mapping[str, str], *, subject: str) -> None:
    """Refuse endpoints that share a target: whose weight is whose could not be read again.

    Raises:
        ConfigurationError: Two do.
    """
    if twice := sorted({target for target in targets.values() if list(targets.values()).count(target) > 1}):
        raise ConfigurationError(
            f"Several endpoints have the target {twice[0]!r} at {subject}",
            hint="Give each a target of its own in the group's `director`",
        )


def settled(
    subject: str, endpoints: Collection[str], weights: Mapping[str, int], *, epoch: int, expect: Traffic, now: Traffic
) -> bool:
    """Say whether what is to be published is there already.

    Args:
        subject: The director, as errors name it.
        endpoints: Those that it has targets for.
        weights: Percent by endpoint.
        epoch: Of the decision.
        expect: What its publisher read.
        now: What is there.

    Raises:
        ConfigurationError: The weights name an endpoint without a target, or leave one out.
        PreconditionFailedError: A later epoch is there, or something else than `expect`.
        ValueError: They are no shares of 100.
    """
    if wrong := sorted(set(weights) ^ set(endpoints)):
        raise ConfigurationError(
            f"Could not publish weights at {subject}: its targets and the group's endpoints differ by {wrong[0]!r}",
            hint="Name the same endpoints in the group's `endpoints` and in the `targets` of its `director`",
        )
    if sum(weights.values()) != WHOLE or min(weights.values()) < 0:
        raise ValueError(f"these are no shares of 100: {dict(weights)}")
    latest = max(expect.epoch, now.epoch)
    if epoch < latest:
        raise PreconditionFailedError(f"Could not publish epoch {epoch} at {subject}: epoch {latest} is there")
    if now.epoch == epoch and dict(now.weights) == dict(weights):
        return True
    if now.token != expect.token:
        raise moved(subject, epoch)
    return False


def moved(subject: str, epoch: int) -> PreconditionFailedError:
    """Return the error of who was slower than somebody else."""
    return PreconditionFailedError(
        f"Could not publish epoch {epoch} at {subject}: somebody changed it in the meantime", hint="Look again"
    )
