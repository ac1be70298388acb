"""Replicate the objects that S3 announced through SQS, or through an EventBridge rule."""

import json
from collections import Counter
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from tradewind import runtime
from tradewind.ports import Message

logger, metrics = Logger(), Metrics()
processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
tracer = cache(Tracer)  # made at the first event: it imports botocore
copy_config_to_registered_loggers(logger, include={"tradewind"})


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> object:
    """Answer a batch with the records that must be delivered again."""
    return tracer().capture_lambda_handler(work_off)(event, context)


def work_off(event: dict[str, Any], context: LambdaContext) -> object:
    """Tell a batch from an event of its own, whose sender calls again after an error."""
    if "Records" in event:
        return process_partial_response(event, on_record, processor, context)
    return deliver(Message(json.dumps(event), event.get("id", "")))


def on_record(record: SQSRecord) -> None:
    """Work off one record; an error keeps it in the queue."""
    deliver(Message(record.body, record.message_id, int(record.attributes.approximate_receive_count)))


def deliver(message: Message) -> dict[str, int]:
    """Work off one message; count its verdicts."""
    verdicts = Counter(outcome.verdict.name.title() for outcome in runtime.deliver(message))
    for verdict, count in verdicts.items():
        metrics.add_metric(verdict, MetricUnit.Count, count)
    return verdicts
