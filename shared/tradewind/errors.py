"""The errors that tradewind raises, and what each means for the message that was being worked on.

The family decides delivery (DESIGN of the project: nothing is lost), so a handler never inspects a message text:

    TradewindError
    ├── ConfigurationError          the operator must act; fails at start, and a message waits in its queue
    │   ├── FleetError              the fleet file is missing, malformed or contradicts itself
    │   ├── CredentialsError        no credentials, or the cloud does not know them
    │   ├── AccessDeniedError       known credentials without the permission
    │   └── BucketNotFoundError     no such bucket or container, or it is in another region
    ├── BadEventError               no redelivery can mend it; dead-lettered at once
    │   └── UnknownBucketError      the event speaks of a bucket that is not in the fleet; refused, never followed
    ├── PermanentError              the object can never be replicated as it is; dead-lettered with the reason
    │   ├── UnportableError         a target cannot represent the key or its metadata
    │   ├── ObjectTooLargeError     beyond what one function copies
    │   ├── ConflictError           the rule says that a conflict is an error
    │   └── SafetyStopError         the change would touch more than may be changed at once, unless it is forced
    └── TransientError              the next delivery may succeed
        ├── StoreUnavailableError   the cloud is down, slow or throttling
        ├── IntegrityError          the bytes that were read or written do not have the announced checksum
        ├── PreconditionFailedError the key is no longer in the state that the caller saw; look again
        ├── PullRefusedError        the target's cloud cannot read the source by itself; its bytes are streamed instead
        ├── SetError                a key belongs to an artifact set that is not whole, or that is being written over
        └── OverBudgetError         a budget, a bandwidth or a target is used up; the timer lets the key go later

`NotFoundError` stands beside the families: it is an answer (the key, or that version of it, does not exist), and the
callers of a store turn it into a decision.
"""

from __future__ import annotations


class TradewindError(Exception):
    """Something failed; the message says what, on which object, and what to do next.

    Args:
        message: What happened, with the operation and the object.
        hint: What the reader can do about it, or "" if there is nothing to do.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}. {self.hint}" if self.hint else self.message


class ConfigurationError(TradewindError):
    """The operator must change something; a message that met it stays in its queue."""


class FleetError(ConfigurationError):
    """The fleet file is missing, malformed or contradicts itself."""


class CredentialsError(ConfigurationError):
    """There are no credentials, or the cloud does not know them."""


class AccessDeniedError(ConfigurationError):
    """The credentials are known and lack a permission."""


class BucketNotFoundError(ConfigurationError):
    """The bucket or container does not exist, or is in another region than the fleet file says."""


class BadEventError(TradewindError):
    """The event cannot be understood, now or later."""


class UnknownBucketError(BadEventError):
    """The event speaks of a bucket that is not in the fleet."""


class PermanentError(TradewindError):
    """The object can never be replicated as it is."""


class UnportableError(PermanentError, ValueError):
    """A target cannot represent the key or its metadata."""


class ObjectTooLargeError(PermanentError):
    """The object is larger than one function copies."""


class ConflictError(PermanentError):
    """Two sites hold independent objects under one key, and the rule says that this is an error."""


class SafetyStopError(PermanentError):
    """The change would touch more than may be changed at once; it can be forced."""


class TransientError(TradewindError):
    """The next delivery may succeed."""


class StoreUnavailableError(TransientError, ConnectionError):
    """The cloud is down, slow or throttling."""


class IntegrityError(TransientError):
    """The bytes do not have the announced checksum; nothing became visible."""


class PreconditionFailedError(TransientError):
    """The key is no longer in the state that the caller saw."""


class PullRefusedError(TransientError):
    """The target's cloud cannot read the source by itself; a function streams the bytes instead."""


class SetError(TransientError):
    """The key belongs to an artifact set that is not whole, or that is being written over."""


class OverBudgetError(TransientError):
    """A budget, a bandwidth or a target is used up for now; what waits for it is on record."""


class NotFoundError(TradewindError, LookupError):
    """The key, or the version of it that was asked for, does not exist."""
