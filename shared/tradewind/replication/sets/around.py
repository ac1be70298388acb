"""The sets around a key at a target: those that it is in, and those that are closed within it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass

from tradewind.errors import SetError
from tradewind.ports import ObjectState, ObjectStore
from tradewind.replication.routes import Route, covers
from tradewind.replication.sets.leases import Leases
from tradewind.replication.sets.ledger import Page
from tradewind.replication.sets.looking import each
from tradewind.replication.sets.recognise import candidates, closing_kind, folder_of, folders
from tradewind.replication.sets.survey import Survey, View


@dataclass(frozen=True, slots=True)
class Around:
    """Finds sets by the records of the folders above a key, and by the key's own name.

    Args:
        store_of: Returns the store of a site, by name.
        survey: Reads what closing objects name.
        leases: Knows the records, and which leases are this call's own.
        executor: Looks at several records side by side.
    """

    store_of: Callable[[str], ObjectStore]
    survey: Survey
    leases: Leases
    executor: Executor | None

    def visible(self, route: Route, key: str) -> list[ObjectState]:
        """Return the closing keys at the target whose sets `key` is in, also by way of other sets, outermost first.

        It costs a request for each folder above the key, and what is found there.

        Raises:
            SetError: Such a set is just being published by somebody else.
        """
        store = self.store_of(route.target)
        seen: set[str] = {key}
        found: list[ObjectState] = []
        pages: dict[str, Page] = {}

        def climb(member: str) -> None:
            pages.update(self._pages(route, member, known=pages))
            above = {folder: pages[folder] for folder in folders(route.rule, member)}
            self._require_idle(route, member, above)
            for closing in dict.fromkeys([*_recorded(route, above), *candidates(route.rule, member)]):
                state = store.head(closing) if closing not in seen else None
                if state is not None and self.survey.names_as_of(route.rule, route.target, state, member):
                    seen.add(closing)
                    climb(closing)
                    found.append(state)

        climb(key)
        return found

    def recorded(self, route: Route, key: str) -> list[str]:
        """Return the closing keys that were ever published at the target in the folders above `key`."""
        return _recorded(route, self._pages(route, key, known={}))

    def _pages(self, route: Route, key: str, known: Mapping[str, Page]) -> dict[str, Page]:
        wanted = [folder for folder in folders(route.rule, key) if folder not in known]
        return each(self.executor, self.leases.ledger(route.target).read, wanted)

    def _require_idle(self, route: Route, key: str, pages: Mapping[str, Page]) -> None:
        """Look whether somebody else publishes a set that `key` is in.

        Done before the closing keys are looked at: whoever begins later checks the target against what the source
        holds then, and that is at least what the caller is about to write.
        """
        busy = {folder: page for folder, page in pages.items() if self.leases.taken(route.target, folder, page)}
        for closing in _recorded(route, busy):
            sites = (route.source, route.target)
            if closing != key and any(self.survey.names(route.rule, site, closing, key) for site in sites):
                raise SetError(
                    f"{key!r} is in the set that {closing!r} closes, which another worker is publishing at "
                    f"{route.target}",
                    hint="The queue brings the message back",
                )

    def require_idle_within(self, route: Route, view: View) -> None:
        """Look whether somebody else changes a set whose closing key is a member of this one.

        Raises:
            SetError: Somebody does.
        """
        nested = sorted({folder_of(key) for key in view.seen if closing_kind(route.rule, key)})
        pages = each(self.executor, self.leases.ledger(route.target).read, nested)
        for folder, page in pages.items():
            if self.leases.taken(route.target, folder, page):
                raise SetError(
                    f"{view.closing.key!r} closes a set with another one in {folder!r}, which another worker is "
                    f"changing at {route.target}",
                    hint="The queue brings the message back",
                )


def _recorded(route: Route, pages: Mapping[str, Page]) -> list[str]:
    return [closing for page in pages.values() for closing in page.closing if covers(route.rule, closing)]
