"""What becomes of a group's traffic, case by case."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from rigs.judging import CLOUDS, DOWN, OPEN, SLOW, SOUND, all_see, decided, endpoint, group, routing, sights
from tradewind.failover.deciding.decide import initial, next_best
from tradewind.failover.deciding.decisions import FailOver, Keep, Restore, Shift
from tradewind.failover.routing import Kind, State
from tradewind.failover.views import EndpointView, Sample

WELL = {"on-aws": SOUND, "on-gcp": SOUND, "on-azure": SOUND}
LOST = {"on-aws": DOWN, "on-gcp": SOUND, "on-azure": SOUND}
ON_GCP = {"on-aws": 0, "on-gcp": 100, "on-azure": 0}
THIRDS = {"on-aws": 34, "on-gcp": 33, "on-azure": 33}


def test_what_a_majority_sees_down_is_left_for_the_next() -> None:
    """Two of three suffice, and the reason says who saw what, for how long, and who takes over."""
    decision = decided(sights(WELL, LOST, LOST))

    assert decision == FailOver(
        ON_GCP,
        "2 of 3 observers (gcp-euw4, az-weu) see on-aws down for 3 looks: connection refused; "
        "on-gcp is next, well at 3 of 3",
    )


def test_the_order_of_endpoints_is_the_order_of_preference() -> None:
    """The primary is first wherever it stands in the list; after it, the list says who is next."""
    policy = group("on-azure", "on-aws", "on-gcp", primary="on-gcp")
    held = routing({"on-aws": 0, "on-gcp": 100, "on-azure": 0})
    decision = decided(all_see(on_gcp=DOWN, on_aws=SOUND, on_azure=SOUND), held, policy)

    assert isinstance(decision, FailOver)
    assert decision.weights == {"on-azure": 100, "on-aws": 0, "on-gcp": 0}


def test_one_observer_alone_moves_nothing() -> None:
    """However long it sees an endpoint down, as long as the others do not."""
    alone = LOST | {"on-aws": replace(DOWN, failing=50)}

    assert decided(sights(WELL, alone, WELL)) == Keep("on-aws serves, and 2 of 3 observers see it stand")
    assert isinstance(decided(sights(None, alone, WELL)), Keep)


def test_too_few_views_move_nothing_and_it_is_said_why() -> None:
    """A majority is one of all observers, not of those that can be heard."""
    assert decided(sights(None, LOST, None)) == Keep(
        "1 of 3 observers can be heard, and 2 are needed "
        "(aws-use1 has not moved for 65 s; az-weu has not moved for 65 s)"
    )


def test_what_is_under_way_frozen_or_fresh_is_kept() -> None:
    """While an epoch is under way, while somebody froze the group, and until the cooldown is over."""
    seen = sights(LOST, LOST, LOST)
    frozen = decided(seen, routing(frozen="ada: the switch is repaired"))
    under_way = decided(seen, routing(state=State.DRAINING))
    cooling = decided(seen, settled_for=timedelta(seconds=40))

    assert frozen == Keep("frozen: ada: the switch is repaired")
    assert under_way == Keep("epoch 7 is under way: DRAINING")
    assert isinstance(cooling, Keep)
    assert cooling.reason.endswith("traffic was moved lately, and stays for another 260 s")
    assert isinstance(decided(seen, routing(state=State.DETECTED)), FailOver)


def test_with_nobody_well_everything_stays() -> None:
    """Traffic goes nowhere that a majority does not see well: it stays where it is."""
    decision = decided(all_see(on_aws=DOWN, on_gcp=OPEN, on_azure=DOWN))

    assert isinstance(decision, Keep)
    assert decision.reason.endswith("but no other endpoint is well, so everything stays as it is")


def test_the_first_that_is_large_enough_takes_over() -> None:
    """An endpoint that is too small is passed over for one that is not."""
    endpoints = {
        "on-aws": endpoint(capacity=200),
        "on-gcp": endpoint(capacity=100),
        "on-azure": endpoint(capacity=300),
    }
    decision = decided(sights(LOST, LOST, LOST), endpoints=endpoints)

    assert isinstance(decision, FailOver)
    assert decision.weights["on-azure"] == 100


def test_where_nobody_is_large_enough_the_largest_takes_over() -> None:
    """Some answers are better than none; the reason says what is missing."""
    endpoints = {"on-aws": endpoint(capacity=200), "on-gcp": endpoint(capacity=90), "on-azure": endpoint(capacity=120)}
    decision = decided(sights(LOST, LOST, LOST), endpoints=endpoints)

    assert isinstance(decision, FailOver)
    assert decision.weights["on-azure"] == 100
    assert decision.reason.endswith("nobody can carry all 200 requests/s, and on-azure can 120")


def test_known_load_counts_for_more_than_declared_capacity() -> None:
    """What the primary said to answer last is what the next one must be able to."""
    aws = endpoint(capacity=1000, probe={"load": "/load"})
    endpoints = {"on-aws": aws, "on-gcp": endpoint(capacity=90), "on-azure": endpoint(capacity=120)}
    lost = LOST | {"on-aws": replace(DOWN, load=80.0)}
    decision = decided(sights(lost, lost, lost), endpoints=endpoints)

    assert isinstance(decision, FailOver)
    assert decision.weights == ON_GCP


def test_so_many_must_be_left_that_serve() -> None:
    """Traffic is taken from nothing if too few others could serve then."""
    policy = group(minimum_serving=2)
    kept = decided(all_see(on_aws=DOWN, on_gcp=SOUND, on_azure=OPEN), policy=policy)

    assert isinstance(kept, Keep)
    assert kept.reason.endswith("only on-gcp would be left that can serve, and 2 must be")
    assert isinstance(decided(sights(LOST, LOST, LOST), policy=policy), FailOver)


def test_one_cloud_leaves_at_a_time() -> None:
    """Of two clouds that look down, the one with more traffic is left first; the other keeps what it has."""
    policy = group(strategy="active_active", primary=None)
    held = routing({"on-aws": 30, "on-gcp": 40, "on-azure": 30})
    decision = decided(all_see(on_aws=DOWN, on_gcp=DOWN, on_azure=SOUND), held, policy)

    assert isinstance(decision, FailOver)
    assert decision.weights == {"on-aws": 30, "on-gcp": 0, "on-azure": 70}


def test_all_leave_if_they_are_all_that_serves() -> None:
    """Where nothing else serves there is nothing to lose, and a standby takes everything."""
    held = routing({"on-aws": 50, "on-gcp": 50, "on-azure": 0})
    decision = decided(all_see(on_aws=DOWN, on_gcp=DOWN, on_azure=SOUND), held)

    assert isinstance(decision, FailOver)
    assert decision.weights == {"on-aws": 0, "on-gcp": 0, "on-azure": 100}


def test_a_slow_endpoint_is_left_for_a_fast_one() -> None:
    """Gray failure: it answers, and every look for twice the rounds was late."""
    decision = decided(all_see(on_aws=SLOW, on_gcp=SOUND, on_azure=SOUND))

    assert isinstance(decision, FailOver)
    assert decision.weights == ON_GCP
    assert "see on-aws slow or failing often" in decision.reason


def test_an_endpoint_that_comes_and_goes_is_left_though_it_is_never_down() -> None:
    """More than the allowed share of its last looks failed, and never enough of them in a row."""
    samples = tuple(Sample(good=nth % 3 == 0, seconds=0.05) for nth in range(20))
    flapping = replace(SOUND, failing=2, passing=0, samples=samples, reason="status 503")
    decision = decided(all_see(on_aws=flapping, on_gcp=SOUND, on_azure=SOUND))

    assert isinstance(decision, FailOver)
    assert decision.weights == ON_GCP
    assert decision.reason.startswith(
        "3 of 3 observers (aws-use1, gcp-euw4, az-weu) see on-aws slow or failing often, at last: status 503"
    )


@pytest.mark.parametrize("others", [SLOW, DOWN, OPEN])
def test_a_slow_endpoint_is_not_left_for_another_that_is_no_better(others: EndpointView) -> None:
    """Slow answers are better than a move to what is slow, down or unknown."""
    seen = all_see(on_aws=SLOW, on_gcp=others, on_azure=others)

    assert isinstance(decided(seen), Keep)


def test_a_slow_endpoint_is_not_left_for_one_that_is_too_small() -> None:
    """Less than everything would be answered there."""
    endpoints = {"on-aws": endpoint(capacity=200), "on-gcp": endpoint(capacity=90), "on-azure": endpoint(capacity=120)}
    decision = decided(all_see(on_aws=SLOW, on_gcp=SOUND, on_azure=SOUND), endpoints=endpoints)

    assert isinstance(decision, Keep)
    assert decision.reason.endswith("but nobody who is well and fast has room for that")


def test_of_two_slow_endpoints_that_with_more_traffic_is_left() -> None:
    """The other goes on: there may be no room for both, and one of the two is more than nothing."""
    policy = group(strategy="active_active", primary=None)
    held = routing({"on-aws": 30, "on-gcp": 40, "on-azure": 30})
    decision = decided(all_see(on_aws=SLOW, on_gcp=SLOW, on_azure=SOUND), held, policy)

    assert isinstance(decision, FailOver)
    assert decision.weights == {"on-aws": 30, "on-gcp": 0, "on-azure": 70}


def test_down_is_left_even_for_what_is_slow() -> None:
    """Late answers are better than none."""
    decision = decided(all_see(on_aws=DOWN, on_gcp=SLOW, on_azure=DOWN))

    assert isinstance(decision, FailOver)
    assert decision.weights == ON_GCP


def test_an_endpoint_that_left_the_fleet_file_loses_its_traffic() -> None:
    """It may be perfectly well; nobody looks at it any more."""
    decision = decided(
        all_see(on_gcp=SOUND, on_azure=SOUND),
        routing({"on-aws": 100, "on-gcp": 0, "on-azure": 0}),
        group("on-gcp", "on-azure"),
    )

    assert isinstance(decision, Shift)
    assert decision.weights == {"on-gcp": 100, "on-azure": 0}
    assert decision.reason.startswith("on-aws is not in the group any more; on-gcp is next")


class TestFailback:
    """The way back to the primary."""

    AWAY = routing(ON_GCP, kind=Kind.FAILOVER)

    def test_it_is_by_hand_unless_the_group_says_otherwise(self) -> None:
        """Nothing goes back by itself."""
        assert decided(all_see(**_all(SOUND)), self.AWAY) == Keep(
            "on-gcp 100 %; on-aws is well, and traffic goes back to it by hand"
        )

    def test_the_primary_must_be_well_for_long_enough(self) -> None:
        """So long as the group says, by looks and not by a clock."""
        policy = group(failback={"after_seconds": 600})
        not_yet = decided(all_see(**_all(replace(SOUND, passing=29))), self.AWAY, policy)

        assert not_yet == Keep("on-gcp 100 %; on-aws is well for 580 s, and traffic goes back to it after 600 s")
        assert isinstance(decided(all_see(**_all(replace(SOUND, passing=30))), self.AWAY, policy), Restore)

    def test_it_goes_step_by_step(self) -> None:
        """Each step of the canary is an epoch of its own, and once it is begun it goes on."""
        weights, kind, steps = ON_GCP, Kind.FAILOVER, []
        policy = group(failback={"after_seconds": 100, "canary": (5, 25, 100)})
        while True:
            decision = decided(all_see(**_all(SOUND)), routing(weights, kind=kind), policy)
            if not isinstance(decision, Restore):
                break
            weights, kind = dict(decision.weights), Kind.RESTORE
            steps.append(weights)

        assert [each["on-aws"] for each in steps] == [5, 25, 100]
        assert [each["on-gcp"] for each in steps] == [95, 75, 0]

    def test_a_restore_that_a_person_began_goes_on(self) -> None:
        """Only the first step needs a hand."""
        held = routing({"on-aws": 10, "on-gcp": 90, "on-azure": 0}, kind=Kind.RESTORE)
        decision = decided(all_see(**_all(SOUND)), held)

        assert isinstance(decision, Restore)
        assert decision.weights["on-aws"] == 50

    def test_a_canary_that_dies_gives_its_share_back(self) -> None:
        """To who had it, not to who is next."""
        held = routing({"on-aws": 10, "on-gcp": 0, "on-azure": 90}, kind=Kind.RESTORE)
        decision = decided(all_see(on_aws=DOWN, on_gcp=SOUND, on_azure=SOUND), held)

        assert isinstance(decision, FailOver)
        assert decision.weights == {"on-aws": 0, "on-gcp": 0, "on-azure": 100}

    def test_a_slow_primary_gets_nothing_back(self) -> None:
        """It must be well and fast."""
        policy = group(failback={"after_seconds": 0})

        assert isinstance(decided(all_see(on_aws=SLOW, on_gcp=SOUND, on_azure=SOUND), self.AWAY, policy), Keep)

    def test_what_a_person_arranged_stays(self) -> None:
        """It changes by hand, or when something is down."""
        policy = group(failback={"after_seconds": 0})
        held = replace(self.AWAY, kind=Kind.MANUAL, by="ada")

        assert decided(all_see(**_all(SOUND)), held, policy) == Keep("ada arranged on-gcp 100 %, which changes by hand")
        assert isinstance(decided(all_see(on_aws=SOUND, on_gcp=DOWN, on_azure=SOUND), held, policy), FailOver)


class TestActiveActive:
    """All serve, by weight."""

    POLICY = group(strategy="active_active", primary=None, failback={"after_seconds": 100})

    def test_who_is_left_shares_by_weight(self) -> None:
        """One leaves, and its share goes to the others in proportion."""
        endpoints = {name: endpoint(weight=weight) for name, weight in zip(CLOUDS, (5, 3, 1), strict=True)}
        held = routing(initial(self.POLICY, endpoints))
        decision = decided(all_see(on_aws=DOWN, on_gcp=SOUND, on_azure=SOUND), held, self.POLICY, endpoints)

        assert held.weights == {"on-aws": 56, "on-gcp": 33, "on-azure": 11}
        assert isinstance(decision, FailOver)
        assert decision.weights == {"on-aws": 0, "on-gcp": 75, "on-azure": 25}

    def test_nobody_gets_more_than_it_can_answer(self) -> None:
        """What is too much for one goes to the others."""
        endpoints = {
            name: endpoint(capacity=capacity, probe={"load": "/load"})
            for name, capacity in zip(CLOUDS, (100, 40, 200), strict=True)
        }
        lost = {
            "on-aws": replace(DOWN, load=33.0),
            "on-gcp": replace(SOUND, load=33.0),
            "on-azure": replace(SOUND, load=34.0),
        }
        decision = decided(sights(lost, lost, lost), routing(THIRDS), self.POLICY, endpoints)

        assert isinstance(decision, FailOver)
        assert decision.weights == {"on-aws": 0, "on-gcp": 40, "on-azure": 60}

    def test_who_was_away_comes_back_step_by_step(self) -> None:
        """10, 50 and 100 percent of its share; the others keep theirs in proportion."""
        weights, kind, steps = {"on-aws": 0, "on-gcp": 50, "on-azure": 50}, Kind.FAILOVER, []
        while isinstance(
            decision := decided(all_see(**_all(SOUND)), routing(weights, kind=kind), self.POLICY), Restore
        ):
            weights, kind = dict(decision.weights), Kind.RESTORE
            steps.append(weights)

        assert steps == [
            {"on-aws": 3, "on-gcp": 49, "on-azure": 48},
            {"on-aws": 17, "on-gcp": 42, "on-azure": 41},
            {"on-aws": 34, "on-gcp": 33, "on-azure": 33},
        ]

    def test_who_is_new_joins(self) -> None:
        """An endpoint that the routing does not know yet gets its share once it is well."""
        held = routing({"on-aws": 50, "on-gcp": 50})

        assert isinstance(decided(all_see(on_aws=SOUND, on_gcp=SOUND, on_azure=OPEN), held, self.POLICY), Keep)
        decision = decided(all_see(**_all(SOUND)), held, self.POLICY)
        assert isinstance(decision, Shift)
        assert decision.weights == THIRDS
        assert decision.reason.startswith("on-azure joined the group")

    def test_other_weights_in_the_fleet_file_shift_traffic(self) -> None:
        """And the same ones leave it alone."""
        endpoints = {name: endpoint(weight=weight) for name, weight in zip(CLOUDS, (2, 1, 1), strict=True)}
        decision = decided(all_see(**_all(SOUND)), routing(THIRDS), self.POLICY, endpoints)

        assert isinstance(decision, Shift)
        assert decision.weights == {"on-aws": 50, "on-gcp": 25, "on-azure": 25}
        assert isinstance(decided(all_see(**_all(SOUND)), routing(decision.weights), self.POLICY, endpoints), Keep)


class TestBursting:
    """The primary, and others for what is too much for it."""

    POLICY = group(strategy="bursting", burst_above=0.8)

    @staticmethod
    def _at(load: float, weights: dict[str, int]) -> object:
        endpoints = {
            name: endpoint(capacity=100, probe={"load": "/load"} if name == "on-aws" else {}) for name in CLOUDS
        }
        view = WELL | {"on-aws": replace(SOUND, load=load)}
        return decided(sights(view, view, view), routing(weights, kind=Kind.SHIFT), TestBursting.POLICY, endpoints)

    def test_too_much_goes_to_the_others(self) -> None:
        """The primary is filled up to its limit; the rest is shared."""
        assert self._at(100, {"on-aws": 100, "on-gcp": 0, "on-azure": 0}) == Shift(
            {"on-aws": 80, "on-gcp": 10, "on-azure": 10},
            "100 requests/s are more than 80% of the 100 that on-aws can answer: "
            "on-aws 80 %, on-gcp 10 %, on-azure 10 %",
        )

    @pytest.mark.parametrize(
        ("load", "weight", "becomes"),
        [
            (80, 100, None),  # at the limit
            (75, 90, None),  # 83 altogether: above it, and 97 would be off by less than 10 points
            (64, 80, 99),  # 80 altogether: no more than the limit, and not yet 10 points below
            (56, 80, 100),  # 70 altogether
            (100, 80, 64),  # 125 altogether
        ],
    )
    def test_shares_follow_the_load_in_steps(self, load: float, weight: int, becomes: int | None) -> None:
        """It begins above the limit, ends 10 points below it, and moves by 10 points in between."""
        rest = 100 - weight
        decision = self._at(load, {"on-aws": weight, "on-gcp": rest, "on-azure": 0})

        if becomes is None:
            assert isinstance(decision, Keep)
        else:
            assert isinstance(decision, Shift)
            assert decision.weights["on-aws"] == becomes

    def test_load_that_a_majority_does_not_know_moves_nothing(self) -> None:
        """One observer's figure is not enough."""
        endpoints = dict.fromkeys(CLOUDS, endpoint(probe={"load": "/load"}))
        view = WELL | {"on-aws": replace(SOUND, load=500.0)}

        assert isinstance(decided(sights(view, WELL, WELL), policy=self.POLICY, endpoints=endpoints), Keep)

    def test_a_primary_that_is_down_is_left_for_all_others(self) -> None:
        """They share what it had."""
        decision = decided(sights(LOST, LOST, LOST), policy=self.POLICY)

        assert isinstance(decision, FailOver)
        assert decision.weights == {"on-aws": 0, "on-gcp": 50, "on-azure": 50}


class TestNextBest:
    """Where to, once a target did not pass verification."""

    ENDPOINTS = dict.fromkeys(CLOUDS, endpoint())
    HELD = routing(ON_GCP, state=State.REDIRECTED, kind=Kind.FAILOVER, before={"on-aws": 100})

    def test_the_next_candidate_is_tried(self) -> None:
        """What served before comes last, if it is well again at all."""
        best = next_best(group(), self.ENDPOINTS, CLOUDS, self.HELD, sights(WELL, WELL, WELL), ["on-gcp"])

        assert best == {"on-aws": 0, "on-gcp": 0, "on-azure": 100}

    def test_what_served_before_is_gone_back_to_if_it_is_well(self) -> None:
        """And not if it is down: then there is nothing left."""
        back, none = (
            next_best(group(), self.ENDPOINTS, CLOUDS, self.HELD, sights(view, view, view), ["on-gcp", "on-azure"])
            for view in (WELL, LOST)
        )

        assert back == {"on-aws": 100, "on-gcp": 0, "on-azure": 0}
        assert none is None

    def test_a_canary_that_fails_goes_back_to_who_serves(self) -> None:
        """Not to a third."""
        held = routing(
            {"on-aws": 10, "on-gcp": 0, "on-azure": 90},
            state=State.REDIRECTED,
            kind=Kind.RESTORE,
            before={"on-azure": 100},
        )
        best = next_best(group(), self.ENDPOINTS, CLOUDS, held, sights(WELL, WELL, WELL), ["on-aws"])

        assert best == {"on-aws": 0, "on-gcp": 0, "on-azure": 100}

    def test_who_serves_and_cannot_be_judged_keeps_its_share(self) -> None:
        """That another one failed says nothing of it; only what that one had is moved on."""
        held = routing(
            {"on-aws": 0, "on-gcp": 40, "on-azure": 60}, state=State.REDIRECTED, kind=Kind.FAILOVER, before=THIRDS
        )
        policy = group(primary=None, strategy="active_active")
        known = {"on-aws": SOUND, "on-gcp": SOUND}
        back, none = (
            next_best(policy, self.ENDPOINTS, CLOUDS, held, sights(view, view, view), ["on-gcp"])
            for view in (known, {"on-gcp": SOUND})
        )

        assert back == {"on-aws": 40, "on-gcp": 0, "on-azure": 60}
        assert none is None


def _all(view: EndpointView) -> dict[str, EndpointView]:
    return {name.replace("-", "_"): view for name in CLOUDS}
