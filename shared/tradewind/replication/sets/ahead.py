"""What is asked and done before the set that a target shows is withdrawn for another version of it.

From then on its readers find none until the new one is whole. So whatever can be known to keep a member from coming is
asked before, and what writes nothing over is brought before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass

from tradewind.errors import SetError
from tradewind.fleet import Rule
from tradewind.ports import ObjectState, ObjectStore
from tradewind.replication.routes import Route
from tradewind.replication.sets.looking import contradicted, each, is_same
from tradewind.replication.sets.recognise import closing_kind
from tradewind.replication.sets.survey import Survey, View, spelled

Between = Callable[[Rule, str, str, str], None]
"""Called for a rule, a key, its source and its target."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """Compares a set with its target, and foresees whether it can be brought there.

    Args:
        store_of: Returns the store of a site, by name.
        survey: Reads what closing objects name.
        fetch: Copies one key; raises if it cannot.
        may_come: Raises what copying a key would, without doing it.
        executor: Looks at several keys side by side.
    """

    store_of: Callable[[str], ObjectStore]
    survey: Survey
    fetch: Between
    may_come: Between
    executor: Executor | None

    def prepare(self, route: Route, key: str) -> None:
        """Do the same as `make_way` for the set that `key` closes, if the source holds one."""
        view = self.survey.view(route.rule, route.source, key)
        if view is not None:
            self.make_way(route, view, self.differing(route, view))
        elif self.store_of(route.source).head(key) is not None:
            self.ask(route, key)

    def make_way(self, route: Route, view: View, held: Mapping[str, ObjectState | None]) -> bool:
        """Return if all of a set can come, with those of its members at the target that were missing there altogether.

        A member that closes a set itself waits, since it would withdraw what is in the way of its own.

        Args:
            route: Between the two sites.
            view: The set at the source.
            held: What the target holds of the members that differ there.

        Returns:
            Whether anything was brought.

        Raises:
            PermanentError: Something of it never may come. The target keeps the set that it shows.
            TransientError: Not now; the same.
        """
        self._require_may_come(route, view, held, set())
        new = [key for key, state in held.items() if state is None and closing_kind(route.rule, key) is None]
        for key in new:
            self.fetch(route.rule, key, route.source, route.target)
        return bool(new)

    def ask(self, route: Route, key: str) -> None:
        """Return if one key can come.

        Raises:
            TradewindError: It cannot.
        """
        self.may_come(route.rule, key, route.source, route.target)

    def _require_may_come(
        self, route: Route, view: View, held: Mapping[str, ObjectState | None], asked: set[str]
    ) -> None:
        closing = view.closing.key
        asked.add(closing)
        each(self.executor, lambda key: self.ask(route, key), [closing, *held])
        for key in held:
            if key in asked or closing_kind(route.rule, key) is None:
                continue
            within = self.survey.view(route.rule, route.source, key)
            if within is not None:
                self._require_may_come(route, within, self.differing(route, within), asked)

    def differing(self, route: Route, view: View) -> dict[str, ObjectState | None]:
        """Return what the target holds of the members that are not there as they were seen at the source.

        Raises:
            SetError: A member is not what the closing object says.
        """
        states = each(self.executor, self.store_of(route.target).head, list(view.seen))
        found: dict[str, ObjectState | None] = {}
        wrong: list[str] = []
        for member in view.members:
            state = states[member.key]
            if state is None or not self._same(route, view, member.key, state):
                found[member.key] = state
            elif contradicted(member, state):
                wrong.append(member.key)
        if wrong:
            raise SetError(
                f"{len(wrong):,} members have other bytes than {view.closing.key!r} says: {spelled(wrong)}",
                hint="Upload the files that the manifest was made for, or its new version",
            )
        return found

    def _same(self, route: Route, view: View, key: str, state: ObjectState) -> bool:
        source = self.store_of(route.source)
        return is_same(route.source, route.target, view.seen[key], state, lambda: source.head(key))
