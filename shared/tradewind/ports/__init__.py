"""What the core asks of the outside world: small protocols, and the values that travel through them.

The core imports this package and never a cloud; each cloud folder implements it (`runtime` knows which).
"""

from tradewind.ports.audit import AuditLog, AuditRecord
from tradewind.ports.copies import Copies
from tradewind.ports.events import Change, Notification
from tradewind.ports.gate import Admission, Gate, Movement
from tradewind.ports.metadata import PROVENANCE_KEY, RESERVED_PREFIX, Metadata
from tradewind.ports.notices import Notice, Notifier
from tradewind.ports.probes import Answer
from tradewind.ports.pulls import Links, Pulls
from tradewind.ports.queue import REASON, Message, Queue
from tradewind.ports.secrets import Secrets
from tradewind.ports.store import (
    Checksums,
    CompositeChecksum,
    Download,
    ObjectPage,
    ObjectState,
    ObjectStore,
    ObjectSummary,
    PutReceipt,
)
from tradewind.ports.traffic import Stops, Traffic, TrafficDirector
from tradewind.ports.uploads import Algorithm, Part, PartLimits, Uploads

__all__ = [
    "PROVENANCE_KEY",
    "REASON",
    "RESERVED_PREFIX",
    "Admission",
    "Algorithm",
    "Answer",
    "AuditLog",
    "AuditRecord",
    "Change",
    "Checksums",
    "CompositeChecksum",
    "Copies",
    "Download",
    "Gate",
    "Links",
    "Message",
    "Metadata",
    "Movement",
    "Notice",
    "Notification",
    "Notifier",
    "ObjectPage",
    "ObjectState",
    "ObjectStore",
    "ObjectSummary",
    "Part",
    "PartLimits",
    "Pulls",
    "PutReceipt",
    "Queue",
    "Secrets",
    "Stops",
    "Traffic",
    "TrafficDirector",
    "Uploads",
]
