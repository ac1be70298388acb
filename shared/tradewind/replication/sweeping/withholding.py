"""Why something is held back at a site, as far as the records there say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from tradewind.fleet import Rule
from tradewind.records import Records
from tradewind.replication.compare import Finding, Judgement
from tradewind.replication.guard import state_name, state_of


def withholding(
    rule: Rule, records_of: Callable[[str], Records], now: datetime
) -> Callable[[str, Mapping[str, Judgement]], Mapping[str, Judgement]]:
    """Return what says of extra replicas that the delete guard keeps them: 1 request for each site of the rule.

    Args:
        rule: Whose guard.
        records_of: Returns the records of a site, by name.
        now: UTC.
    """
    shut: dict[str, str] = {}
    for site in rule.members if rule.deletes == "propagate" and rule.delete_guard.share < 1 else ():
        held = records_of(site).read(state_name(rule.name))
        state = state_of(held.value if held else None)
        if state.shut and not (state.allowed and now < state.allowed):
            shut[site] = f"the delete guard of rule {rule.name!r} is shut there since {state.shut.isoformat()}"

    def refine(_key: str, found: Mapping[str, Judgement]) -> Mapping[str, Judgement]:
        return {
            site: Judgement(Finding.HELD, shut[site], judged.origin)
            if judged.finding is Finding.EXTRA and site in shut
            else judged
            for site, judged in found.items()
        }

    return refine
