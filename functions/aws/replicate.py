"""Replicate the objects that S3 announced through SQS, or through an EventBridge rule."""

import asyncio
from functools import cache

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from aws_lambda_powertools.utilities.batch import AsyncBatchProcessor, EventType, async_process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from tradewind import runtime
from tradewind.clouds.aws.events import message_of
from tradewind.ports import Message

logger, metrics, tracer = Logger(), Metrics(), cache(Tracer)  # the tracer is made late: it imports botocore
processor = AsyncBatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
copy_config_to_registered_loggers(logger, include={"tradewind"})


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, object], context: LambdaContext) -> object:
    """Answer a batch with the records that must be delivered again; raise if a single event must."""
    if "Records" not in event:
        return asyncio.run(deliver(message_of(event)))
    work_off = tracer().capture_lambda_handler(lambda *_: async_process_partial_response(event, on_record, processor))
    return work_off(event, context)


async def on_record(record: SQSRecord) -> None:
    """Work off one record; an error keeps it in the queue."""
    await deliver(message_of(record))


async def deliver(message: Message) -> None:
    """Work off one message beside the others, and count it and its verdicts."""
    metrics.add_metric("Messages", "Count", 1)  # first, so that a failure is counted, too
    for outcome in await asyncio.to_thread(runtime.deliver, message):
        metrics.add_metric(outcome.verdict.name.title(), "Count", 1)
