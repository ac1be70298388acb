"""Ballots: by them every acceptor tells which of two proposers came later."""

from __future__ import annotations

from dataclasses import dataclass

from tradewind.errors import ConfigurationError


@dataclass(frozen=True, slots=True, order=True)
class Ballot:
    """The number of one try of one proposer; of two, the higher one goes first."""

    counter: int
    proposer: str
    """Of one call of one proposer, so that no two ballots are equal."""

    def as_json(self) -> list[int | str]:
        """Return the ballot as JSON."""
        return [self.counter, self.proposer]

    @classmethod
    def of(cls, value: object) -> Ballot:
        """Return the ballot that JSON says.

        Raises:
            ConfigurationError: It is none.
        """
        match value:
            case [int(counter), str(proposer)]:
                return cls(counter, proposer)
        raise ConfigurationError(f"{value!r} in a control store is no ballot")


NONE = Ballot(0, "")
"""Lower than every ballot that is used."""
