"""Which acceptors count, as they were read: what a proposer decides from. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tradewind.registers.acceptors import Acceptor, Held
from tradewind.registers.ballots import NONE, Ballot
from tradewind.registers.contents import Config, Content

NEVER_MADE = "there is no such register at any store that answered: run `tradewind control init`"
ROLLED_BACK = "its acceptor was rolled back and has forgotten what it promised"


@dataclass(frozen=True, slots=True)
class Panel:
    """The acceptors of a register, as somebody read them one after the other."""

    config: Config | None
    """The latest that any of them shows."""
    held: Mapping[str, Held]
    """Those that count, by site."""
    silent: Mapping[str, str]
    """Why the others do not."""
    seen: Ballot = NONE
    """The highest ballot that any of them shows."""

    @property
    def decides(self) -> bool:
        """Whether those that count are a majority."""
        return self.config is not None and len(self.held) >= self.config.majority

    @property
    def latest(self) -> Acceptor | None:
        """The acceptor with the highest accepted ballot; None if none of them ever accepted anything."""
        accepted = [held.acceptor for held in self.held.values() if held.acceptor.accepted]
        return max(accepted, key=lambda each: each.accepted or NONE, default=None)

    @property
    def settled(self) -> bool:
        """Whether what `content` says is chosen for certain: a majority shows the same accepted ballot, or none at all.

        What had been chosen before the first of them was read is in at least one of any majority, and an acceptor goes
        on to higher ballots only.
        """
        if self.config is None:
            return False
        latest = self.latest
        ballot = latest.accepted if latest else None
        votes = [held.acceptor for held in self.held.values() if not held.acceptor.seeded]
        return sum(acceptor.accepted == ballot for acceptor in votes) >= self.config.majority

    @property
    def content(self) -> Content:
        """What a proposer builds on: the content of the highest accepted ballot, or that of a new register."""
        latest = self.latest
        if latest is not None and latest.content is not None:
            return latest.content
        return Content(0, None, (), self.config or Config(0, {}))


def judge(looks: Mapping[str, Held | None], silent: Mapping[str, str]) -> Panel:
    """Say which acceptors count.

    Args:
        looks: What was found at the stores that answered.
        silent: Why the others did not.
    """
    acceptors = {site: held.acceptor for site, held in looks.items() if held}
    config = latest_config(acceptors.values())
    why = dict(silent)
    counts: dict[str, Held] = {}
    for site, held in looks.items():
        reason = _missing(site, config) if held is None else _fault(site, held.acceptor, config)
        if held is not None and not reason:
            counts[site] = held
        elif config is None or site in config.members or (held and held.acceptor.ready):
            why[site] = reason
    if config is not None:
        for site in config.members.keys() - looks.keys() - silent.keys():
            why[site] = "it is a member, and the fleet file does not name it among the control stores"
    seen = max((each.promised for each in acceptors.values()), default=NONE)
    return Panel(config, counts, why, seen)


def latest_config(acceptors: Iterable[Acceptor]) -> Config | None:
    """Return the highest version of the configuration that ready acceptors show; None if none is ready.

    Of several of one version, which only initialisations at the same time can bring about, that which most show.
    """
    shown = [each.config for each in acceptors if each.ready and each.config]
    return max(shown, key=lambda each: (each.version, shown.count(each)), default=None)


def _missing(site: str, config: Config | None) -> str:
    if config is None:
        return NEVER_MADE
    return f"its acceptor is missing, so it was lost, and is not taken for empty: `tradewind control replace {site}`"


def _fault(site: str, acceptor: Acceptor, config: Config | None) -> str:
    if not acceptor.ready:
        return "its acceptor is not ready: an initialisation broke off; run `tradewind control init` again"
    if config is None or site not in config.members:
        return "it was replaced and is no member any more"
    if config.members[site] != acceptor.incarnation:
        return (
            "its acceptor is of another incarnation than was agreed, so it was replaced, or its bucket is another one: "
            f"`tradewind control replace {site}`"
        )
    if acceptor.config is not None and acceptor.config.version == config.version and acceptor.config != config:
        return "it was told of other members than the others: look into its record before anything else"
    return ""


def suspects(panel: Panel) -> tuple[str, ...]:
    """Return the sites that show a lower promise than others know of.

    Acceptors are read one after the other, so one of them may have promised in between: whoever finds it lower when it
    is read once more has found one that was rolled back.
    """
    floors = known_floors(panel)
    return tuple(
        site
        for site, held in panel.held.items()
        if held.acceptor.promised < floors.get(held.acceptor.incarnation, NONE)
    )


def without(panel: Panel, sites: Iterable[str]) -> Panel:
    """Return the panel without acceptors that were rolled back."""
    gone = {site: f"{ROLLED_BACK}: `tradewind control replace {site}`" for site in sites}
    held = {site: each for site, each in panel.held.items() if site not in gone}
    return Panel(panel.config, held, {**panel.silent, **gone}, panel.seen)


def known_floors(panel: Panel, promised: Ballot = NONE, sites: Iterable[str] = ()) -> dict[str, Ballot]:
    """Return the highest ballot that each member is known to have promised, by incarnation.

    Args:
        panel: What they say of each other.
        promised: A ballot that some have promised besides.
        sites: Which.
    """
    if panel.config is None:
        return {}
    lives = set(panel.config.members.values())
    floors: dict[str, Ballot] = {}
    for held in panel.held.values():
        for life, ballot in held.acceptor.floors.items():
            if life in lives:
                floors[life] = max(ballot, floors.get(life, NONE))
    for site in sites:
        life = panel.config.members[site]
        floors[life] = max(promised, floors.get(life, NONE))
    return floors
