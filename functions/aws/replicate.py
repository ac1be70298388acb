"""Replicate the objects that S3 announced through SQS, or through an EventBridge rule."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from tradewind import runtime
from tradewind.ports import Message

logger = Logger()
metrics = Metrics()
processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
tracer = cache(Tracer)  # made at the first event: it imports botocore
copy_config_to_registered_loggers(logger, include={"tradewind"})


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse | None:
    """Answer a batch with the records that must be delivered again; an event of its own with nothing."""
    answer: PartialItemFailureResponse | None = tracer().capture_lambda_handler(handle)(event, context)
    return answer


def handle(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse | None:
    """Tell a batch of SQS records from one EventBridge event."""
    if "Records" in event:
        return process_partial_response(event, record_handler, processor, context)
    work(Message(json.dumps(event), id=event.get("id", "")))
    return None


def record_handler(record: SQSRecord) -> None:
    """Work off one record."""
    work(Message(record.body, record.message_id, int(record.attributes.approximate_receive_count)))


def work(message: Message) -> None:
    """Work off one message and count its verdicts."""
    for outcome in runtime.deliver(message):
        metrics.add_metric(name=outcome.verdict.name.title(), unit=MetricUnit.Count, value=1)
