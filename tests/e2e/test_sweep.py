"""What every notification forgot is found by the timers' sweeps, repaired or reported, and can be seen meanwhile."""

from __future__ import annotations

import pytest

from rigs.acceptance import SITES, Answer, control_clients, tradewind, users
from rigs.users import S3User, Seen, User
from tradewind_sandbox.names import AWS_SITE, AZURE_SITE, GCP_SITE
from tradewind_sandbox.supervisor import Sandbox

TARGETS = {
    AWS_SITE: (GCP_SITE, AZURE_SITE),
    GCP_SITE: (AZURE_SITE, AWS_SITE),
    AZURE_SITE: (AWS_SITE, GCP_SITE),
}
"""Of the rules `swept-...`, by their origin."""
NAMES = ("intact", "corrupt", "lost", "stale", "extra", "described")


def put_back(user: User, key: str, seen: Seen, body: bytes | None = None, **metadata: str) -> None:
    """Write an object as it was once seen, or with other bytes or more metadata, behind tradewind's back."""
    written, described = seen.body if body is None else body, {**seen.metadata, **metadata}
    if isinstance(user, S3User):
        user.restore(key, seen, written, described)
    else:
        user.put(key, written, described, seen.content_type)


def make_due(sandbox: Sandbox, site: str, rule: str) -> None:
    """Let the time for the next sweep of a rule have come, without a day's wait."""
    records = control_clients(sandbox)[site]
    for key in records.keys(f"tradewind/sweeps/{rule}"):
        records.delete(key)


def findings(said: Answer, target: str) -> dict[str, int]:
    """Return what `tradewind status RULE --json` counted at a target."""
    [rule] = said.json["rules"]
    return dict(rule["targets"][target]["findings"])


def differences(said: Answer) -> set[tuple[str, str, str]]:
    """Return site, last name of the key, and finding of what `tradewind verify RULE --json` found."""
    return {(each["site"], each["key"].rpartition("/")[2], each["finding"]) for each in said.json["differences"]}


@pytest.mark.parametrize("site", SITES)
def test_each_cloud_s_sweep_finds_what_is_wrong_at_a_target_and_mends_what_the_rule_lets_it(
    whole: Sandbox, site: str
) -> None:
    """Corrupt, lost, stale, extra and otherwise described replicas are shown by `status` and `verify` until mended."""
    rule, (one, other) = f"swept-{site.partition('-')[0]}", TARGETS[site]
    prefix = f"swept/{site.partition('-')[0]}/"
    keys = {name: f"{prefix}{name}" for name in NAMES}
    at = users(whole)
    for name, key in keys.items():
        at[site].put(key, f"the first bytes of {name}".encode(), {"author": "zoe"})
    whole.wait_until_idle()
    before = {name: seen(at[one], key) for name, key in keys.items()}
    at[site].put(keys["stale"], b"newer bytes", {"author": "zoe"})
    at[site].delete(keys["extra"])
    whole.wait_until_idle()
    assert tradewind(whole, "verify", rule).code == 0

    put_back(at[one], keys["corrupt"], before["corrupt"], body=b"the wrong bytes of corrupt")
    at[one].delete(keys["lost"])
    for name in ("stale", "extra"):
        put_back(at[one], keys[name], before[name])
    put_back(at[one], keys["described"], before["described"], reviewer="max")
    whole.wait_until_idle()

    wrong = {"corrupt": "corrupt", "lost": "missing", "stale": "stale", "extra": "extra", "described": "metadata"}
    told, verified = tradewind(whole, "status", rule, "--json"), tradewind(whole, "verify", rule, "--json")
    assert findings(told, one) == {"match": 1} | dict.fromkeys(wrong.values(), 1)
    assert findings(told, other) == {"match": 5}
    assert (told.code, verified.code) == (1, 1)
    assert f"rule {rule} at {one}: 1 replicas with other bytes than were copied" in told.json["attention"]
    assert differences(verified) == {(one, name, finding) for name, finding in wrong.items()}

    make_due(whole, site, rule)
    whole.tick(site)
    whole.wait_until_idle()

    swept, told, verified = (
        tradewind(whole, "status", rule, "--last-sweep", "--json"),
        tradewind(whole, "status", rule, "--json"),
        tradewind(whole, "verify", rule, "--json"),
    )
    assert findings(swept, one) == {"match": 1} | dict.fromkeys(wrong.values(), 1)
    assert swept.json["rules"][0]["last_sweep"]["asked"] == len({"lost", "stale", "extra"})
    assert findings(told, one) == {"match": 3, "corrupt": 1, "metadata": 1}
    assert (told.code, verified.code) == (1, 1)
    assert differences(verified) == {(one, "corrupt", "corrupt"), (one, "described", "metadata")}
    assert seen(at[one], keys["stale"]).body == b"newer bytes"
    assert seen(at[one], keys["lost"]).body == b"the first bytes of lost"
    assert at[one].look(keys["extra"]) is None
    assert seen(at[one], keys["corrupt"]).body == b"the wrong bytes of corrupt", "that is for a person to decide"

    assert tradewind(whole, "backfill", rule, "--repair-corrupt").code == 0
    at[site].put(keys["described"], b"written anew", {"author": "zoe"})
    whole.wait_until_idle()
    assert tradewind(whole, "verify", rule, "--deep").code == 0
    told = tradewind(whole, "status", rule, "--json")
    assert [findings(told, target) for target in (one, other)] == [{"match": 5}] * 2
    assert not [sentence for sentence in told.json["attention"] if sentence.startswith(f"rule {rule}")]


def test_a_sweep_brings_what_was_written_and_deleted_while_notifications_were_lost(whole: Sandbox) -> None:
    """A new, a changed and a deleted object that S3 announced to nobody are seen as such, and mended by the timer."""
    at, prefix = users(whole), "unannounced/"
    owner = at[AWS_SITE]
    assert isinstance(owner, S3User)
    for name in ("changed", "deleted"):
        at[AWS_SITE].put(f"{prefix}{name}", b"the first bytes")
    whole.wait_until_idle()

    with owner.announcing_nothing():
        at[AWS_SITE].put(f"{prefix}changed", b"newer bytes")
        at[AWS_SITE].put(f"{prefix}new", b"new bytes")
        at[AWS_SITE].delete(f"{prefix}deleted")
    whole.wait_until_idle()

    verified = tradewind(whole, "verify", "unannounced", "--json")
    found = {("new", "missing"), ("changed", "stale"), ("deleted", "extra")}
    assert verified.code == 1
    assert differences(verified) == {(target, *each) for target in TARGETS[AWS_SITE] for each in found}
    told = tradewind(whole, "status", "unannounced", "--json").json["rules"][0]["targets"][GCP_SITE]
    assert (told["backlog"]["objects"], told["in_sync"]["objects"]) == (3, 0)
    make_due(whole, AWS_SITE, "unannounced")
    whole.tick(AWS_SITE)
    whole.wait_until_idle()
    assert tradewind(whole, "verify", "unannounced", "--deep").code == 0
    for target in TARGETS[AWS_SITE]:
        assert at[target].look(f"{prefix}deleted") is None
        assert seen(at[target], f"{prefix}changed").body == b"newer bytes"
        assert seen(at[target], f"{prefix}new").body == b"new bytes"


def seen(user: User, key: str) -> Seen:
    """Return an object that is there."""
    found = user.look(key)
    assert found is not None, key
    return found
