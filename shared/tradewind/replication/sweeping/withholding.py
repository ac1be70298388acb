"""Why something is held back at a site: the delete guard is shut, or an artifact set is not whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from tradewind.errors import PermanentError, SetError
from tradewind.fleet import ActiveActiveRule, Rule
from tradewind.ports import ObjectStore
from tradewind.records import Records
from tradewind.replication.agreeing.tombstones import Memory, Tombstones
from tradewind.replication.guard import read_state
from tradewind.replication.seeing.compare import Finding, Judgement
from tradewind.replication.sets.recognise import closing_kind
from tradewind.replication.sets.survey import Survey


def withholding(
    rule: Rule,
    store_of: Callable[[str], ObjectStore],
    records_of: Callable[[str], Records],
    clock: Callable[[], datetime],
) -> Withholding:
    """Return what says why things are held back: 1 request for each site, if the rule removes at all.

    Args:
        rule: The rule that is compared.
        store_of: Returns the store of a site, by name.
        records_of: Returns the records of a site, by name.
        clock: Returns the time, UTC.
    """
    shut: dict[str, str] = {}
    answered: list[str] = []
    for site in rule.members if rule.deletes == "propagate" and rule.delete_guard.share < 1 else ():
        state = read_state(records_of(site), rule.name)
        if state.lets_all_go(clock()):
            answered.append(site)
        elif state.shut:
            since = state.shut.isoformat(timespec="seconds")
            shut[site] = f"the delete guard of rule {rule.name!r} is shut there since {since}"
    both_ways = isinstance(rule, ActiveActiveRule)
    return Withholding(rule, store_of, clock, shut, records_of if both_ways and answered else None)


@dataclass(frozen=True, slots=True)
class Withholding:
    """Says of what is missing or extra that it is held back.

    Args:
        rule: The rule that is compared.
        store_of: Returns the store of a site, by name.
        clock: Returns the time, UTC.
        shut: Why nothing is removed, by site.
        records_of: Returns the records of a site, by name; given where a person has just answered a guard, since then
            what was held must be found again, though all sites may hold it.
    """

    rule: Rule
    store_of: Callable[[str], ObjectStore]
    clock: Callable[[], datetime]
    shut: Mapping[str, str]
    records_of: Callable[[str], Records] | None = None

    def memories(self, key: str) -> Mapping[str, Memory]:
        """Return what each site remembers of `key`, where a held delete may be all that tells it should go."""
        if self.records_of is None:
            return {}
        return {site: Tombstones(self.records_of(site)).read(key) for site in self.rule.members}

    def refine(self, key: str, found: Mapping[str, Judgement]) -> Mapping[str, Judgement]:
        """Return what was found, with the reasons why it is so."""
        return {site: self._refined(key, site, judged) for site, judged in found.items()}

    def _refined(self, key: str, site: str, judged: Judgement) -> Judgement:
        if judged.finding is Finding.EXTRA and site in self.shut:
            return Judgement(Finding.HELD, self.shut[site], judged.origin)
        if judged.finding is Finding.MISSING and judged.repairable and closing_kind(self.rule, key) is not None:
            return self._closing(key, site, judged)
        return judged

    def _closing(self, key: str, site: str, judged: Judgement) -> Judgement:
        """Say why the closing key of a set is missing; whoever looks at it again fetches what only the target lacks."""
        survey = Survey(self.store_of, self.clock, None)  # whoever looks at keys side by side has the threads
        try:
            if survey.view(self.rule, judged.origin, key) is None:
                return judged
        except SetError as error:
            return Judgement(Finding.INCOMPLETE, error.message, judged.origin)
        except PermanentError as error:
            return Judgement(Finding.MISSING, error.message, judged.origin)
        if survey.at_target(self.rule, (judged.origin, site), key):
            return judged
        return Judgement(Finding.INCOMPLETE, "members of its set are missing there", judged.origin, repairable=True)
