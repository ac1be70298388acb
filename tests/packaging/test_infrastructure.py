"""What is declared around the functions keeps the promises that the handlers rely on."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from rigs.staging import ROOT
from tradewind.ports import RESERVED_PREFIX
from tradewind.replication.sweeping.measures import BEYOND_RPO, ROUNDS, WAITS_BEYOND_RPO
from tradewind.replication.transfer import MAX_OBJECT
from tradewind.runtime import LAST_ATTEMPT
from tradewind_sandbox.prepare import FILTER

GCP = ["serverless-gcp/deploy.sh", "--project", "p", "--region", "europe-west4", "--site", "gcp-euw4"]
GCP += ["--bucket", "data", "--fleet", "gs://control/tradewind.yaml"]
AZURE = ["functions/azure/deploy.sh", "--resource-group", "g", "--location", "westeurope", "--site", "azure-weu"]
AZURE += ["--account", "acct", "--container", "data", "--fleet", "az://acct/control/tradewind.yaml"]


RIGHTS = {
    (
        "DataBucket}/*",
        (
            "s3:GetObject s3:GetObjectAttributes s3:GetObjectTagging s3:PutObject s3:PutObjectTagging s3:DeleteObject "
            "s3:ListMultipartUploadParts s3:AbortMultipartUpload"
        ),
    ),
    ("DataBucket}/*", "s3:GetObjectVersion"),
    ("ControlBucket}/${ControlPrefix}*", "s3:GetObject s3:PutObject s3:DeleteObject"),
    ("ControlBucket}/${FleetKey}", "s3:GetObject"),
    ("DataBucket}", "s3:ListBucket"),
    ("ControlBucket}", "s3:ListBucket"),
    ("DeadLetterQueue.Arn", "sqs:GetQueueUrl sqs:SendMessage"),
    ("NotificationQueue.Arn", "sqs:GetQueueUrl sqs:ChangeMessageVisibility sqs:SendMessage"),
    ("secret:${SecretPrefix}*", "secretsmanager:GetSecretValue"),
    ("DataKeyArn", "kms:Decrypt kms:GenerateDataKey"),
}
"""How a resource ends, and what the function on AWS may do there."""

OBSERVER_RIGHTS = {
    ("ControlBucket}/${ControlPrefix}*", "s3:GetObject s3:PutObject"),
    ("ControlBucket}/${FleetKey}", "s3:GetObject"),
    ("ControlBucket}", "s3:ListBucket"),
    ("secret:${SecretPrefix}*", "secretsmanager:GetSecretValue"),
    (
        "TrafficZoneArns",
        "route53:GetHostedZone route53:ListResourceRecordSets route53:ChangeResourceRecordSets",
    ),
    ("SwitchBucketArns/*", "s3:GetObject s3:PutObject"),
    ("SwitchBucketArns", "s3:ListBucket"),
    ("NoticeTopicArns", "sns:Publish"),
}
"""The same of the observer."""

ROUTE_RIGHTS = {
    ("ControlBucket}/${ControlPrefix}routes/*", "s3:GetObject"),
    ("ControlBucket}/${FleetKey}", "s3:GetObject"),
    ("ControlBucket}", "s3:ListBucket"),
    ("secret:${SecretPrefix}*", "secretsmanager:GetSecretValue"),
}
"""The same of what answers callers."""

FAILOVER = ["--failover", "--secret", "aws", "--notices", "moves", "--switch-bucket", "switch"]
FAILOVER += ["--route-invoker", "serviceAccount:app@p.iam.gserviceaccount.com"]

CONDITION = (
    "((!(ActionMatches{'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write'}) AND "
    "!(ActionMatches{'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/add/action'}) AND "
    "!(ActionMatches{'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/move/action'}) AND "
    "!(ActionMatches{'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/delete'})) OR "
    "(@Resource[Microsoft.Storage/storageAccounts/blobServices/containers/blobs:path] StringLike 'tradewind/*'))"
)
"""Whatever changes a blob is allowed only under the prefix."""

INTERPRETER = 160 * 1024 * 1024
"""Bytes of Python with every SDK loaded: 130 MiB as measured, and some air."""


class Intrinsics(yaml.SafeLoader):
    """Reads CloudFormation's short forms (`!Ref x`) as `{"Ref": x}`."""


def _intrinsic(loader: Intrinsics, tag: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        return {tag: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {tag: loader.construct_sequence(node, deep=True)}
    raise TypeError(node)


Intrinsics.add_multi_constructor("!", _intrinsic)


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    """Return the template."""
    found: dict[str, Any] = yaml.load((ROOT / "template.yaml").read_text(), Loader=Intrinsics)  # noqa: S506 - a SafeLoader
    return found


@pytest.fixture(scope="module")
def resources(template: dict[str, Any]) -> dict[str, Any]:
    """Return the template's resources."""
    found: dict[str, Any] = template["Resources"]
    return found


def of_type(resources: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """Return the properties of every resource of a type."""
    return [each["Properties"] for each in resources.values() if each["Type"] == kind]


def replicate(resources: dict[str, Any]) -> dict[str, Any]:
    """Return the properties of the function that works off notifications."""
    found: dict[str, Any] = resources["ReplicateFunction"]["Properties"]
    return found


def script(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a deploy script where neither gcloud nor az can be found."""
    command = ["bash", *arguments]
    env = {"PATH": "/usr/bin:/bin"}
    return subprocess.run(command, cwd=ROOT, env=env, check=False, capture_output=True, text=True)


def commands(arguments: list[str]) -> str:
    """Return what a deploy script would run."""
    done = script([*arguments, "--dry-run"])
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_queue_outlives_six_runs_of_its_function(resources: dict[str, Any]) -> None:
    """A message does not come back while Lambda may still be working on its batch, retries included."""
    for function in of_type(resources, "AWS::Serverless::Function"):
        for event in (each for each in function.get("Events", {}).values() if each["Type"] == "SQS"):
            queue = resources[event["Properties"]["Queue"]["GetAtt"].split(".")[0]]["Properties"]
            assert queue["VisibilityTimeout"] >= 6 * function["Timeout"]
            assert event["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
            assert queue["RedrivePolicy"]["deadLetterTargetArn"]
            assert queue["MessageRetentionPeriod"] == 14 * 24 * 3600


def test_memory_suffices_for_the_largest_objects_at_once(template: dict[str, Any]) -> None:
    """Each instance can hold as many of the largest objects as it is given, twice while they are put together."""
    function = replicate(template["Resources"])
    (event,) = function["Events"].values()
    aws = template["Parameters"]["MemorySize"]["MinValue"], event["Properties"]["BatchSize"]
    deployed = re.search(r"--memory (\d+)Gi .*--concurrency (\d+)", commands(GCP))
    queues = json.loads((ROOT / "azure-host.json").read_text())["extensions"]["queues"]
    azure = re.search(r"--instance-memory (\d+)", commands(AZURE))

    assert deployed is not None
    assert azure is not None
    gcp = int(deployed[1]) * 1024, int(deployed[2])
    for mebibytes, objects in (aws, gcp, (int(azure[1]), queues["batchSize"] + queues["newBatchThreshold"])):
        assert mebibytes * 1024 * 1024 >= INTERPRETER + 2 * objects * MAX_OBJECT


def test_the_functions_know_when_a_delivery_is_the_last(resources: dict[str, Any]) -> None:
    """The three platforms give a message up after the delivery at which the core writes its reason down."""
    host = json.loads((ROOT / "azure-host.json").read_text())
    gcp = re.search(r"--max-delivery-attempts (\d+)", commands(GCP))
    aws = [queue["RedrivePolicy"] for queue in of_type(resources, "AWS::SQS::Queue") if "RedrivePolicy" in queue]

    assert {policy["maxReceiveCount"] for policy in aws} == {LAST_ATTEMPT}
    assert gcp is not None
    assert int(gcp[1]) == LAST_ATTEMPT
    assert host["extensions"]["queues"]["maxDequeueCount"] == LAST_ATTEMPT


def test_parts_of_large_objects_call_no_function() -> None:
    """What changes under `.tradewind/` is left out; requests on Google Cloud, which name no object, are not."""
    (created,) = re.findall(r"pubsub subscriptions create tradewind-notifications (.*)", commands(GCP))
    (azure,) = re.findall(r"StringNotBeginsWith (\S+)", commands(AZURE))

    assert _after(shlex.split(created), "--message-filter") == (
        f'NOT attributes:objectId OR NOT hasPrefix(attributes.objectId, "{RESERVED_PREFIX}")'
    )
    assert _after(shlex.split(created), "--message-filter") == FILTER, "the sandbox has the same"
    assert azure.endswith(f"/blobs/{RESERVED_PREFIX}")


def test_the_function_may_do_no_more_than_it_does(resources: dict[str, Any]) -> None:
    """On AWS it has these rights at these places and no others; what the user's own policy adds is theirs to say."""
    assert _rights(resources, "Allow") == RIGHTS
    assert _rights(resources, "Allow", "ObserveFunction") == OBSERVER_RIGHTS
    assert _rights(resources, "Allow", "RouteFunction") == ROUTE_RIGHTS


def test_the_observer_may_turn_every_switch_of_its_site(resources: dict[str, Any]) -> None:
    """Groups may have buckets of their own: of each it may write what is in it, and see that an object is lost."""
    policies = resources["ObserveFunction"]["Properties"]["Policies"]
    (switch,) = [each["If"][1]["Statement"] for each in policies if each.get("If", [""])[0] == "HasSwitchBucket"]

    objects, buckets = (_resolved(each["Resource"], SwitchBucketArns=["one", "two"]) for each in switch)

    assert (objects, buckets) == (["one/*", "two/*"], ["one", "two"])


def test_no_function_may_write_the_fleet_file(resources: dict[str, Any]) -> None:
    """Who could write it could allow itself any target, so of the control bucket the function writes a prefix only."""
    gcp = re.findall(r"add-iam-policy-binding gs://control (.*)", commands(GCP))
    azure = re.findall(r"--role (.+) --scope \S*/containers/control (.*)", commands(AZURE))

    for name in ("ReplicateFunction", "ObserveFunction"):
        assert _rights(resources, "Deny", name) == {("ControlBucket}/${FleetKey}", "s3:PutObject s3:DeleteObject")}
    reads, writes = (shlex.split(line) for line in gcp)
    assert _after(reads, "--role") == "roles/storage.objectViewer"
    assert "--condition=None" in reads, "beside a condition gcloud wants to be told that there is none"
    assert _after(writes, "--role") == "roles/storage.objectUser"
    assert _after(writes, "--condition") == (
        'expression=resource.name.startsWith("projects/_/buckets/control/objects/tradewind/"),title=tradewind-records'
    )
    (reader, nothing), (contributor, condition) = azure
    assert shlex.split(reader) == ["Storage Blob Data Reader"]
    assert "--condition" not in nothing
    assert shlex.split(contributor) == ["Storage Blob Data Contributor"]
    assert _after(shlex.split(condition), "--condition-version") == "2.0"
    assert _after(shlex.split(condition), "--condition") == CONDITION


@pytest.mark.parametrize(("arguments", "scheme"), [(GCP, "gs://control"), (AZURE, "az://acct/control")])
def test_the_fleet_file_is_never_among_the_records(arguments: list[str], scheme: str) -> None:
    """A fleet file under the prefix that the function may write is refused before anything is granted."""
    done = script([*arguments, "--fleet", f"{scheme}/tradewind/fleet.yaml", "--dry-run"])

    assert done.returncode == 2
    assert "fleet file" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("prefix", ["", "/", "tradewind", "/tradewind/", 'a"b/', "a'b/", "a*/"])
@pytest.mark.parametrize("arguments", [GCP, AZURE])
def test_a_prefix_that_would_open_more_is_refused(arguments: list[str], prefix: str) -> None:
    """The prefix is a folder, of characters that mean nothing in a condition."""
    done = script([*arguments, "--control-prefix", prefix, "--dry-run"])

    assert done.returncode == 2
    assert "--control-prefix" in done.stderr


def test_the_stack_says_who_its_functions_are(template: dict[str, Any]) -> None:
    """The role of every function that may delete is among the ids that the fleet file needs, to tell it from users."""
    said = json.dumps(template["Outputs"]["Principals"]["Value"])
    functions = {
        name: each["Properties"].get("Role", {"GetAtt": f"{name}Role.Arn"})["GetAtt"]
        for name, each in template["Resources"].items()
        if each["Type"] == "AWS::Serverless::Function"
    }

    others = {name for name, role in functions.items() if role.replace(".Arn", ".RoleId") not in said}
    assert others == {"ObserveFunction", "RouteFunction"}
    for name in others:
        allowed = _rights(template["Resources"], "Allow", name)
        assert not [action for _, actions in allowed for action in actions.split() if "Delete" in action]
        assert not [place for place, _ in allowed if "DataBucket" in place]


def test_functions_may_ask_themselves_to_look_at_keys() -> None:
    """A sweep's requests go into the site's own queue, so the function may send to it."""
    topic = re.findall(r"pubsub topics add-iam-policy-binding tradewind-notifications (.*)", commands(GCP))
    queue = re.findall(r"--role (.+) --scope \S*/queues/tradewind-notifications ", commands(AZURE))

    assert any("tradewind-replicate@" in line and "roles/pubsub.publisher" in line for line in topic)
    assert [shlex.split(role) for role in queue] == [["Storage Queue Data Contributor"]]


def test_the_function_on_azure_may_read_and_write_tags() -> None:
    """Index tags need rights that no built-in role but the owner's has, so they have a role of their own."""
    shown = commands(AZURE)
    (made,) = re.findall(r"role definition create --role-definition (.*) --only-show-errors", shown)
    role = json.loads(shlex.split(made)[0])

    assert role["Actions"] == []
    assert [each.rpartition("containers/")[2] for each in role["DataActions"]] == [
        "blobs/tags/read",
        "blobs/tags/write",
    ]
    assert [shlex.split(each) for each in re.findall(r"--role (\S.*tags.*) --scope \S*/containers/data ", shown)] == [
        [role["Name"]]
    ]


def test_a_sweep_ends_before_its_function(resources: dict[str, Any]) -> None:
    """Each platform lets a sweep run for longer than it begins pages, and rings no second one while one runs."""
    sweep = resources["SweepFunction"]["Properties"]
    gcp = re.search(r"run deploy tradewind-sweep .*--concurrency 1 --max-instances 1 --timeout (\d+)", commands(GCP))
    deadline = re.search(r"jobs create http tradewind-sweep .*-deadline (\d+)s --max-retry-attempts 0", commands(GCP))
    own = (ROOT / "serverless-gcp" / "main.py", ROOT / "functions" / "azure" / "sweep.py")
    seconds = [
        float(re.findall(r"^(?:SWEEP_)?SECONDS.* = ([\d.]+)", each.read_text(), re.MULTILINE)[0]) for each in own
    ]

    assert gcp is not None
    assert deadline is not None
    assert int(deadline[1]) > int(gcp[1]) == 300
    assert max(seconds) <= 200
    assert sweep["Timeout"] == 300
    assert sweep["EventInvokeConfig"]["MaximumRetryAttempts"] == 0


def test_an_observer_looks_until_the_next_ring(resources: dict[str, Any]) -> None:
    """Each platform rings every minute, and lets what follows from the last look end; nobody tries a ring again."""
    observe = resources["ObserveFunction"]["Properties"]
    shown = commands([*GCP, *FAILOVER])
    gcp = re.search(r"run deploy tradewind-observe .*--timeout (\d+)", shown)
    rung = re.search(r"jobs create http tradewind-observe (.*)-deadline (\d+)s --max-retry-attempts 0", shown)
    sources = {name: (ROOT / name).read_text() for name in ("serverless-gcp/main.py", "functions/azure/observe.py")}
    (reserve,) = re.findall(r"^RESERVE = (\S+)", (ROOT / "functions/aws/observe.py").read_text(), re.MULTILINE)

    assert observe["Events"]["Timer"]["Properties"]["Schedule"] == "rate(1 minute)"
    assert observe["Timeout"] - float(reserve) == 60
    assert observe["EventInvokeConfig"]["MaximumRetryAttempts"] == 0
    assert gcp is not None
    assert rung is not None
    assert _after(shlex.split(rung[1]), "--schedule") == "* * * * *"
    assert int(rung[2]) > int(gcp[1]) >= 60 + float(reserve)
    assert "SWEEP_SECONDS, OBSERVE_SECONDS = 200.0, 60.0" in sources["serverless-gcp/main.py"]
    assert re.search("^SECONDS = 60.0$", sources["functions/azure/observe.py"], re.MULTILINE)
    assert 'schedule="0 * * * * *"' in sources["functions/azure/observe.py"]


def test_an_observer_that_fails_or_is_not_called_is_an_alarm(resources: dict[str, Any]) -> None:
    """After three minutes: Lambda counts errors with each call, so where there is no count nobody looked."""
    alarm = resources["ObserveAlarm"]["Properties"]

    assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/Lambda", "Errors")
    assert alarm["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": "ObserveFunction"}}]
    assert alarm["Period"] * alarm["DatapointsToAlarm"] == 180
    assert alarm["TreatMissingData"] == "breaching"


def test_a_site_takes_part_in_failover_only_where_it_is_said(resources: dict[str, Any]) -> None:
    """Unless the deployment says so, nothing looks after endpoints, and no stranger can ask anything."""
    theirs = {name for name, each in resources.items() if re.match("Observe|Route", name) and each["Condition"]}

    assert {resources[name]["Condition"] for name in theirs} == {"FailsOver"}
    assert len(theirs) == 5
    assert "tradewind-observe" not in commands(GCP)
    assert "AzureWebJobs.observe.Disabled=true AzureWebJobs.route.Disabled=true" in commands(AZURE)
    assert "AzureWebJobs.observe.Disabled=false AzureWebJobs.route.Disabled=false" in commands([*AZURE, "--failover"])
    for arguments in ([*GCP, "--notices", "moves"], [*AZURE, "--switch-container", "switch"]):
        done = script([*arguments, "--dry-run"])
        assert (done.returncode, "--failover" in done.stderr) == (2, True)


def test_who_may_ask_is_said(template: dict[str, Any]) -> None:
    """Callers say who they are, unless the deployment opens the door; then both rights that a URL needs are given."""
    resources = template["Resources"]
    opened = {name: each for name, each in resources.items() if each["Type"] == "AWS::Lambda::Permission"}
    shown = commands([*GCP, *FAILOVER])
    route = (ROOT / "functions" / "azure" / "route.py").read_text()

    assert template["Parameters"]["RouteAuthType"]["Default"] == "AWS_IAM"
    assert {each["Condition"] for each in opened.values()} == {"RouteIsPublic"}
    assert {each["Properties"]["Action"] for each in opened.values()} == {
        "lambda:InvokeFunctionUrl",
        "lambda:InvokeFunction",
    }
    assert "--no-allow-unauthenticated --ingress all" in next(
        line for line in shown.splitlines() if "run deploy tradewind-route" in line
    )
    assert re.findall(r"services add-iam-policy-binding tradewind-route .*--member (\S+)", shown) == [FAILOVER[-1]]
    assert "AuthLevel.FUNCTION" in route


def test_failover_on_google_cloud_has_identities_of_its_own() -> None:
    """The observer writes tradewind's records and what it was named, what answers callers writes nothing."""
    granted = re.findall(
        r"(\S+) (\S+) add-iam-policy-binding (\S+) .*serviceAccount:tradewind-(observe|route)@.*--role (\S+)(.*)",
        commands([*GCP, *FAILOVER]),
    )
    rights = {(who, place, role, "startsWith" in condition) for _, _, place, who, role, condition in granted}

    secret = ("aws", "roles/secretmanager.secretAccessor", False)
    assert rights == {
        ("observe", "gs://control", "roles/storage.objectViewer", False),
        ("observe", "gs://control", "roles/storage.objectUser", True),
        ("observe", *secret),
        ("observe", "moves", "roles/pubsub.publisher", False),
        ("observe", "gs://switch", "roles/storage.objectUser", False),
        ("route", "gs://control", "roles/storage.objectViewer", False),
        ("route", *secret),
    }


def test_failover_on_azure_opens_what_was_named() -> None:
    """The profile that directs traffic, and the container of the switch's object."""
    shown = commands([*AZURE, "--failover", "--traffic-profile", "PROFILE", "--switch-container", "switch"])

    assert re.findall(r"--role (\S.*) --scope PROFILE ", shown) == [r"Traffic\ Manager\ Contributor"]
    assert re.findall(r"--role (\S.*) --scope \S*/containers/switch ", shown) == [r"Storage\ Blob\ Data\ Contributor"]


def test_the_alarms_are_of_metrics_that_there_are(resources: dict[str, Any]) -> None:
    """The alarms on the backlog, on what waits and on the timer name what a site's timer tells, and of what."""
    alarms = [each for each in of_type(resources, "AWS::CloudWatch::Alarm") if each["Namespace"] == "tradewind"]

    assert [each["MetricName"] for each in alarms] == [BEYOND_RPO, WAITS_BEYOND_RPO, ROUNDS]
    service = resources["SweepFunction"]["Properties"]["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]
    for alarm in alarms:
        assert alarm["Dimensions"] == [
            {"Name": "Site", "Value": {"Ref": "Site"}},
            {"Name": "service", "Value": service},
        ]
    for function in of_type(resources, "AWS::Serverless::Function"):
        assert function["Environment"]["Variables"]["POWERTOOLS_METRICS_NAMESPACE"] == "tradewind"


def test_a_timer_that_does_not_ring_is_an_alarm(resources: dict[str, Any]) -> None:
    """What is missing counts against the timer, for half an hour; the others know no more while nothing is told."""
    alarm = resources["TimerAlarm"]["Properties"]

    assert alarm["TreatMissingData"] == "breaching"
    assert alarm["Period"] * alarm["EvaluationPeriods"] == 1800
    assert resources["BacklogAlarm"]["Properties"]["TreatMissingData"] == "ignore"


def test_a_batch_job_acts_as_a_role_that_only_calls_the_function(resources: dict[str, Any]) -> None:
    """S3 Batch Operations reads manifests, calls the function and writes reports, in this account's name only."""
    role = resources["BatchOperationsRole"]["Properties"]
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    allowed = {each["Sid"]: each for policy in role["Policies"] for each in policy["PolicyDocument"]["Statement"]}

    assert trust["Principal"] == {"Service": "batchoperations.s3.amazonaws.com"}
    assert trust["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    assert allowed["CallTheFunction"]["Resource"] == {"GetAtt": "BatchOperationsFunction.Arn"}
    assert set(allowed) == {"CallTheFunction", "ReadManifests", "WriteReports"}


def test_an_instance_starts_from_a_snapshot_of_the_newest_code(template: dict[str, Any]) -> None:
    """A snapshot is one of a version: every change makes one, whoever calls the function calls it, and old ones go."""
    function = replicate(template["Resources"])

    assert function["SnapStart"] == {"ApplyOn": {"Ref": "SnapStart"}}
    assert template["Parameters"]["SnapStart"]["AllowedValues"] == ["PublishedVersions", "None"]
    assert (function["AutoPublishAlias"], function["AutoPublishAliasAllProperties"]) == ("live", True)
    assert function["VersionDeletionPolicy"] == "Delete"
    assert template["Outputs"]["ReplicateFunctionArn"]["Value"] == {"Ref": "ReplicateFunction.Alias"}


def test_what_a_direct_call_gives_up_is_kept(resources: dict[str, Any]) -> None:
    """An event that Lambda was called with, and that failed three times, becomes a dead letter."""
    function = replicate(resources)

    assert function["DeadLetterQueue"] == {"Type": "SQS", "TargetArn": {"GetAtt": "DeadLetterQueue.Arn"}}
    assert function["EventInvokeConfig"] == {"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 6 * 3600}


def test_a_dead_letter_is_not_met_twice(resources: dict[str, Any]) -> None:
    """Letters that were received stay hidden while `tradewind dlq` works through the others."""
    assert resources["DeadLetterQueue"]["Properties"]["VisibilityTimeout"] == 300


def test_the_functions_time_out_as_is_documented(resources: dict[str, Any]) -> None:
    """The page on operating names each platform's timeout, and Pub/Sub waits for longer than the function runs."""
    function = replicate(resources)
    host = json.loads((ROOT / "azure-host.json").read_text())
    run = re.search(r"run deploy .*--timeout (\d+)", commands(GCP))
    waits = re.search(r"subscriptions create .*--ack-deadline (\d+) --min-retry-delay", commands(GCP))
    page = " ".join((ROOT / "docs" / "operating.md").read_text().split())

    assert run is not None
    assert waits is not None
    assert int(waits[1]) > int(run[1])
    assert host["functionTimeout"] == f"00:{int(run[1]) // 60:02}:00"
    assert f"{function['Timeout']} s on AWS and {run[1]} s on Google Cloud and Azure" in page


def test_the_data_account_is_not_the_hosts() -> None:
    """The app owns the blobs of its host's account, so that is never the account of the data."""
    done = script([*AZURE, "--host-account", "acct", "--dry-run"])

    assert done.returncode == 2
    assert "--host-account" in done.stderr


@pytest.mark.parametrize(("given", "account"), [([], "tradewindazureweuhost"), (["--host-account", "other"], "other")])
def test_the_host_has_an_account_of_its_own(given: list[str], account: str) -> None:
    """Unless one is given it is made, and it is the only one that the app owns."""
    shown = commands([*AZURE, *given])

    assert ("storage account create" in shown) is (not given)
    assert f"--storage-account {account} " in shown
    assert f"AzureWebJobsStorage__accountName={account}" in shown
    assert re.findall(r"Storage\\ Blob\\ Data\\ Owner --scope (\S+)", shown) == ["HOST_ACCOUNT_ID"]


def test_only_the_bucket_of_the_site_may_announce_changes(resources: dict[str, Any]) -> None:
    """A queue's policy names the one source and the account, so nobody else's bucket can fill it."""
    policies = of_type(resources, "AWS::SQS::QueuePolicy")
    allowed = [each for policy in policies for each in _statements(policy) if each["Effect"] == "Allow"]

    assert {each["Principal"]["Service"] for each in allowed} == {"events.amazonaws.com", "s3.amazonaws.com"}
    for each in allowed:
        assert each["Action"] == "sqs:SendMessage"
        assert each["Condition"]["ArnEquals"]["aws:SourceArn"]
        assert each["Condition"]["StringEquals"]["aws:SourceAccount"] == {"Ref": "AWS::AccountId"}


def test_every_trigger_on_aws_has_a_sample(resources: dict[str, Any]) -> None:
    """`events/aws` holds a message of each way that the template wires, and of each kind of change of its rule."""
    bodies = [record["body"] for event in samples("aws") for record in event.get("Records", []) if "body" in record]
    parsed = [json.loads(body) for body in bodies if body.startswith("{")]
    direct = {record.get("eventSource") for body in parsed for record in body.get("Records", [])}
    over_eventbridge = {(body.get("source"), body.get("detail-type")) for body in parsed}

    (rule,) = of_type(resources, "AWS::Events::Rule")
    pattern = rule["EventPattern"]

    functions = of_type(resources, "AWS::Serverless::Function")
    triggers = {event["Type"] for function in functions for event in function.get("Events", {}).values()}
    called = [json.loads(path.read_text()) for path in (ROOT / "events" / "aws" / "invocations").iterdir()]
    assert triggers == {"SQS", "Schedule"}
    assert [each for each in functions if "FunctionUrlConfig" in each]
    assert "/route" in {event.get("rawPath") for event in called}
    assert "Scheduled Event" in {event.get("detail-type") for event in called}
    assert {"1.0", "2.0"} <= {event.get("invocationSchemaVersion") for event in called}
    assert "aws:s3" in direct
    assert {(source, kind) for source in pattern["source"] for kind in pattern["detail-type"]} <= over_eventbridge


def test_every_event_that_google_cloud_announces_has_a_sample() -> None:
    """`events/gcp` holds a Pub/Sub message of each type that the bucket's notification asks for."""
    asked = re.search(r"--event-types (\S+)", commands(GCP))
    bodies = [event.get("data", {}).get("message", {}) for event in samples("gcp")]

    assert asked is not None
    assert set(asked[1].replace("\\", "").split(",")) <= {
        body.get("attributes", {}).get("eventType") for body in bodies if isinstance(body, dict)
    }


def test_every_event_that_azure_announces_has_a_sample() -> None:
    """`events/azure` holds an event of each type that the Event Grid subscription asks for."""
    asked = re.findall(r"Microsoft\.Storage\.\w+", commands(AZURE))

    assert asked
    assert set(asked) <= {event.get("eventType") for event in samples("azure")}


@pytest.mark.parametrize("arguments", [GCP, AZURE])
def test_a_dry_run_prints_every_command_and_runs_none(arguments: list[str]) -> None:
    """Where neither gcloud nor az is installed a dry run still shows the whole deployment."""
    lines = [line for line in commands(arguments).splitlines() if line and not line.startswith("#")]

    assert len(lines) > 10
    assert {line.split()[0] for line in lines} <= {"gcloud", "az", "make", "rm", "sh"}
    assert re.search("notifications create|event-subscription create", lines[-1]), "who listens is there before"


@pytest.mark.parametrize("arguments", [GCP, AZURE])
@pytest.mark.parametrize("missing", ["--site", "--fleet"])
def test_a_missing_option_is_named(arguments: list[str], missing: str) -> None:
    """A deployment that lacks an option says which, and does nothing."""
    at = arguments.index(missing)

    done = script([*arguments[:at], *arguments[at + 2 :], "--dry-run"])

    assert done.returncode == 2
    assert missing in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("arguments", [GCP, AZURE])
def test_the_control_bucket_is_never_the_data_bucket(arguments: list[str]) -> None:
    """Control records beside the data would announce themselves."""
    same = [each.replace("control", "data") for each in arguments]

    done = script([*same, "--dry-run"])

    assert done.returncode == 2
    assert "the control" in done.stderr


def samples(cloud: str) -> list[dict[str, Any]]:
    """Return the sample events of a cloud, those that are JSON objects."""
    found = []
    for path in sorted((ROOT / "events" / cloud).glob("*.json")):
        event = json.loads(path.read_text())
        found += [each for each in (event if isinstance(event, list) else [event]) if isinstance(each, dict)]
    return found


def _rights(resources: dict[str, Any], effect: str, name: str = "ReplicateFunction") -> set[tuple[str, str]]:
    """Return how the resources end that a function on AWS is allowed or denied, and what to do there."""
    function = resources[name]["Properties"]
    policies = [branch for policy in function["Policies"] for branch in policy.get("If", [policy])]
    statements = [each for policy in policies if isinstance(policy, dict) for each in policy.get("Statement", [])]
    return {
        (place.rpartition(":::${")[2].rpartition("AccountId}:")[2], " ".join(_listed(each["Action"])))
        for each in statements
        if each["Effect"] == effect
        for resource in _listed(each["Resource"])
        for place in _places(resource)
    }


def _places(resource: dict[str, Any]) -> list[str]:
    """Return the resources of a statement, where a list that is a parameter has one entry, which is its name."""
    return list(_resolved(resource)) if "Split" in resource else list(resource.values())


def _resolved(node: Any, **parameters: list[str]) -> Any:  # noqa: ANN401 - what stands in a template
    """Return what CloudFormation makes of lists that are put together and taken apart again."""
    if isinstance(node, list):
        return [_resolved(each, **parameters) for each in node]
    if not isinstance(node, dict):
        return node
    ((kind, of),) = node.items()
    if kind == "Ref":
        return parameters.get(of, [of])
    between, rest = of[0], _resolved(of[1], **parameters)
    return between.join(rest) if kind == "Join" else rest.split(between)


def _after(words: list[str], option: str) -> str:
    return words[words.index(option) + 1]


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _statements(policy: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for each in policy["PolicyDocument"]["Statement"]:
        branches = each["If"][1:] if "If" in each else [each]
        yield from (branch for branch in branches if "Effect" in branch)
