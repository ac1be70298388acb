"""Whether a key may come to a target: the errors that its copy would meet, before anything is done and a byte is read.

Whoever withdraws a set so that another one takes its place must know it before. What is foreseen is no promise: a store
may fail, and users go on writing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NoReturn

from tradewind.errors import PreconditionFailedError, SetError
from tradewind.fleet import ActiveActiveRule, OneWayRule, Rule
from tradewind.ports import Metadata, ObjectState, ObjectStore
from tradewind.replication.agreeing.converge import Convergence
from tradewind.replication.decide import Copy, Keep, Verdict, decide
from tradewind.replication.modes.compression import encoding_for
from tradewind.replication.modes.immutable import is_versioned, refusal, same_bytes
from tradewind.replication.outcomes import Outcome
from tradewind.replication.parts.plan import plan_parts
from tradewind.replication.parts.start import require_no_manifest, require_parts
from tradewind.replication.provenance import Provenance, Stored, Version, digest, fingerprint, stamped
from tradewind.replication.routes import Route, admission
from tradewind.replication.workplace import Workplace


def require_may_come(at: Workplace, rule: Rule, key: str, source: str, target: str) -> None:
    """Return if nothing is known that keeps `key` from coming from one site to another: a HEAD at each.

    Raises:
        PermanentError: It never may: it is too large, the target cannot hold its name or metadata, the compliance gate
            refuses it, or the target holds somebody else's object.
        TransientError: Not now: it is just being deleted or replaced, a store could not be asked, or there is no room
            for it in a budget. What will be written over is paid for, if there is.
    """
    at.store_of(target).check_key(key)
    if isinstance(rule, ActiveActiveRule):
        _among(at, rule, key, source, target)
    else:
        _one_way(at, rule, key, source, target)


def _one_way(at: Workplace, rule: OneWayRule, key: str, source: str, target: str) -> None:
    route = Route(rule, source, target)
    there = at.store_of(target).head(key)
    here = at.store_of(source).head(key)
    if here is None:
        raise PreconditionFailedError(f"{key!r} was just deleted at {source}; look again")
    match decide(rule, source, target, here, there):
        case Copy():
            answer = admission(at.fleet, at.gate, route, key)
            if not answer.allowed:
                Outcome(route, Verdict.REFUSED, answer.reason).require_done(key)
            _require_writable(at, route, here, there)
        case Keep(Verdict.REPLICA, reason):
            _never_leaves(key, source, reason)
        case Keep(verdict, reason):
            Outcome(route, verdict, reason).require_done(key)


def _among(at: Workplace, rule: ActiveActiveRule, key: str, source: str, target: str) -> None:
    convergence = Convergence(key, rule, source, (source, target), at)
    steps, views = convergence.foresee()
    for outcome in convergence.done.values():
        outcome.require_done(key)
    for site in sorted(convergence.foreign):
        _never_leaves(key, site, "another rule brought it there")
    if steps.waiting:
        Outcome(Route(rule, source, target), Verdict.CONFLICT, steps.waiting).require_done(key)
    for erasure in steps.erasures:
        raise SetError(
            f"{key!r} is to be removed at {erasure.site}: {erasure.reason}",
            hint="The set is swapped once its source holds it as a whole",
        )
    for write in steps.writes:
        here, there = views[write.source].state, views[write.target].state
        if here is not None:
            _require_writable(at, Route(rule, write.source, write.target), here, there)


def _never_leaves(key: str, site: str, reason: str) -> NoReturn:
    raise SetError(f"{key!r} at {site} goes nowhere: {reason}", hint="Write it there as a user, or leave it out")


def _require_writable(at: Workplace, route: Route, here: ObjectState, there: ObjectState | None) -> None:
    """Return if a copy of `here` is small enough, its metadata fits, and it replaces nothing that is to stay."""
    if there is not None and is_versioned(route.rule) and not same_bytes(here, there):
        raise refusal(here.key, route.source, route.target)
    store = at.store_of(route.target)
    if here.size > at.parts.above:
        require_no_manifest(at, route, here)
        plan_parts(here, at.parts.part, at.uploads_of(route.target).limits)
        store.check_metadata(_metadata(store, route, here, encoding=None))
        if there is not None:  # last: what it never may is said before what it may not yet
            require_parts(at, route, here)
    else:
        store.check_metadata(_metadata(store, route, here, encoding=encoding_for(route.rule, here.key, here.metadata)))
    if there is not None:  # it goes once the set is withdrawn, and must not be kept waiting then
        at.budgets.promise(route.rule, route.source, route.target, here)


def _metadata(store: ObjectStore, route: Route, here: ObjectState, *, encoding: str | None) -> Metadata:
    """Return metadata as a replica will bear it, with checksums in their full length that nobody has reckoned yet."""
    origin = Provenance(
        origin=route.source,
        version=Version.of(here),
        size=here.size,
        crc32c=0,
        key=fingerprint(here.key),
        metadata=digest(here.metadata),
    )
    stored = Stored(encoding, here.size, 0) if encoding else None
    metadata = replace(here.metadata, content_encoding=encoding) if encoding else here.metadata
    return stamped(metadata, origin.kept_as(bytes(16) if store.checksum == "md5" else None, stored))
