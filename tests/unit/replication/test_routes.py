"""Which targets a key has."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rigs.world import fleet_of
from tradewind.compliance import JurisdictionGate
from tradewind.fleet import OneWayRule
from tradewind.replication.routes import admission, covers, movement, routes_for


def test_the_first_matching_rule_decides_for_each_target() -> None:
    """Rules that overlap are tried in the file's order, each target by itself."""
    made = fleet_of(
        {"name": "narrow", "prefix": "x/", "to": ["b"], "classification": "personal"},
        {"name": "wide", "to": ["b", "c"]},
    )

    assert [(r.rule.name, r.target) for r in routes_for(made, "a", "x/1")] == [("narrow", "b"), ("wide", "c")]
    assert [(r.rule.name, r.target) for r in routes_for(made, "a", "y")] == [("wide", "b"), ("wide", "c")]
    assert routes_for(made, "b", "x/1") == ()


def test_the_reserved_prefix_goes_nowhere() -> None:
    """Tradewind's own keys are no rule's."""
    assert routes_for(fleet_of({"name": "all", "to": ["b"]}), "a", ".tradewind/parts/1") == ()


@pytest.mark.parametrize(
    ("include", "exclude", "key", "covered"),
    [
        ([], [], "m/a.bin", True),
        (["m/*.bin"], [], "m/a.bin", True),
        (["m/*.bin"], [], "m/deep/a.bin", False),
        (["m/**/*.bin"], [], "m/deep/er/a.bin", True),
        (["m/**/*.bin"], [], "m/a.bin", True),
        (["**"], ["**/*.tmp"], "m/x.tmp", False),
        (["**"], ["*.tmp"], "m/x.tmp", True),
        (["m/?.bin"], [], "m/ab.bin", False),
        (["m/[ab].bin"], [], "m/[ab].bin", True),
        (["m/a+(b)|c.bin"], [], "m/a+(b)|c.bin", True),
        (["**"], [], "m/line\nbreak", True),
    ],
)
def test_globs(include: list[str], exclude: list[str], key: str, covered: bool) -> None:  # noqa: FBT001 - a table
    """`*` and `?` stay within a folder, `**` crosses folders, and everything else is literal."""
    rule = fleet_of({"name": "r", "to": ["b"], "include": include, "exclude": exclude}).rules[0]

    assert isinstance(rule, OneWayRule)
    assert covers(rule, key) is covered


def test_the_gate_is_told_both_jurisdictions() -> None:
    """What is asked about a movement names the rule, the class of the data, and both ends."""
    made = fleet_of({"name": "r", "to": ["b"]})
    asked = movement(made, routes_for(made, "a", "k")[0], "k", made.rules[0])

    assert (asked.rule, asked.classification, asked.source_jurisdiction, asked.target_jurisdiction, asked.key) == (
        "r",
        "public",
        "US",
        "EU",
        "k",
    )


classified = st.sampled_from(["public", "personal"])
overlapping = st.lists(
    st.fixed_dictionaries(
        {
            "prefix": st.sampled_from(["", "x/", "x/y/", "z/"]),
            "to": st.sampled_from([["b"], ["c"], ["b", "c"]]),
            "classification": classified,
        }
    ),
    min_size=1,
    max_size=5,
)


@given(rules=overlapping, key=st.sampled_from(["x/1", "x/y/1", "z/1", "other"]))
def test_nothing_is_admitted_that_any_rule_s_classification_forbids(rules: list[dict[str, object]], key: str) -> None:
    """A classification is the data's: a lax rule, before or after, opens no way that a strict one closes."""
    made = fleet_of(*({"name": f"r{at}", **rule} for at, rule in enumerate(rules)))
    gate = JurisdictionGate(made.classifications)

    for route in routes_for(made, "a", key):
        personal = any(covers(rule, key) and rule.classification == "personal" for rule in made.rules)
        expected = not (personal and made.sites[route.target].jurisdiction != "EU")
        assert admission(made, gate, route, key).allowed is expected
