"""Where data may be."""

import pytest

from tradewind.compliance import JurisdictionGate
from tradewind.fleet import Classification
from tradewind.ports import Movement

GATE = JurisdictionGate(
    {
        "public": Classification(jurisdictions="any"),
        "personal": Classification(jurisdictions=("EU", "CH")),
        "local": Classification(jurisdictions=()),
    }
)


@pytest.mark.parametrize(
    ("classification", "target", "allowed", "reason"),
    [
        ("public", "US", True, "'public' data may be anywhere"),
        ("personal", "EU", True, "'personal' data may be in EU"),
        ("personal", "US", False, "'personal' data may not be in US; allowed: EU, CH"),
        ("local", "EU", False, "'local' data may not be in EU; allowed: nowhere else"),
        ("secret", "EU", False, "classification 'secret' is not in the fleet file"),
    ],
)
def test_admits_what_the_classification_allows(
    classification: str,
    target: str,
    allowed: bool,  # noqa: FBT001 - a table
    reason: str,
) -> None:
    """Data goes where its class may be, and what is not known is refused."""
    admission = GATE.admit(Movement("r", classification, "a", "US", "b", target, "k"))

    assert (admission.allowed, admission.reason) == (allowed, reason)
