"""Artifact sets: keys that only make sense together, and appear at a target as a whole.

`recognise` tells by a key's name which set it closes or may be in, `contents` and `manifest` read what a closing object
names (`named`), and `settled` says whether a source holds one version of a set or two; they are pure. `survey` looks at
a set at its source and `around` for the sets around a key at a target, `ledger` keeps what was published where, and
`leases` who is publishing now. `keeper` joins them for the copy loop, which knows `protocol` alone.
"""

from tradewind.replication.sets.contents import contents
from tradewind.replication.sets.keeper import SetKeeper
from tradewind.replication.sets.named import Member, Named
from tradewind.replication.sets.protocol import NoSets, SetRules
from tradewind.replication.sets.recognise import Kind, candidates, closing_kind

__all__ = [
    "Kind",
    "Member",
    "Named",
    "NoSets",
    "SetKeeper",
    "SetRules",
    "candidates",
    "closing_kind",
    "contents",
]
