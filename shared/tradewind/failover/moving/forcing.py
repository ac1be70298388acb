"""Letting a director show an epoch that its safety stop holds back, because a person says so."""

from __future__ import annotations

from tradewind.errors import ConfigurationError
from tradewind.failover.moving import steps
from tradewind.failover.routing import Routing, State
from tradewind.ports import Traffic, TrafficDirector
from tradewind.registers.outcomes import NoMajority
from tradewind.registers.register import Register


def show_anyway(register: Register, director: TrafficDirector, *, group: str, endpoints: tuple[str, ...]) -> Traffic:
    """Publish the weights of a group's present epoch, as an observer would, and return what the director shows.

    The effect alone is done here: the observers find that it is there, and take the epoch to its end. An epoch that is
    not DRAINING yet is left to them, since whoever routes by itself hears of it before the director shows it.

    Args:
        register: The group's.
        director: The group's, opened so that nothing stops it.
        group: Its name, for messages.
        endpoints: Of the group.

    Raises:
        ConfigurationError: There is no epoch that could be shown now.
        PreconditionFailedError: Somebody else published meanwhile.
        TradewindError: The director cannot be reached, or refuses.
    """
    shown = director.read()
    routing = _present(register, group)  # after the director: so an epoch that is over replaces no later one
    if routing.state not in steps.ORDER[steps.ORDER.index(State.DRAINING) :]:
        raise ConfigurationError(
            f"Epoch {routing.epoch} of {group} is {routing.state}: nothing is held back yet",
            hint="The observers take it to DRAINING in their next round; do it then, if `group status` still says so",
        )
    if gone := [name for name in routing.serving if name not in endpoints]:
        raise ConfigurationError(
            f"Epoch {routing.epoch} of {group} sends traffic to {gone[0]!r}, which is not in the group any more",
            hint="The observers make another epoch; do it then",
        )
    weights = {name: routing.weights.get(name, 0) for name in endpoints}
    return director.publish(weights, epoch=routing.epoch, expect=shown)


def _present(register: Register, group: str) -> Routing:
    reading = register.read()
    if isinstance(reading, NoMajority):
        away = ", ".join(reading.silent)
        raise ConfigurationError(
            f"No majority of the control stores says what {group} is to show ({away} silent)",
            hint="Bring one back: `tradewind control status`",
        )
    if reading.value is None:
        raise ConfigurationError(f"{group} has no routing yet", hint="An observer makes the first when it looks")
    return Routing.of(reading.value)
