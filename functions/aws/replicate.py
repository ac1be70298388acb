"""Replicate the objects that S3 announced through SQS, or through an EventBridge rule."""

import asyncio
import json
from functools import cache

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from aws_lambda_powertools.utilities.batch import AsyncBatchProcessor, EventType, async_process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from tradewind import runtime
from tradewind.ports import Message

logger, metrics, tracer = Logger(), Metrics(), cache(Tracer)  # the tracer is made late: it imports botocore
processor = AsyncBatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
copy_config_to_registered_loggers(logger, include={"tradewind"})


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, object], context: LambdaContext) -> object:
    """Answer a batch with the records that must be delivered again; raise if a single event must."""
    if "Records" not in event:
        return asyncio.run(deliver(Message(json.dumps(event), str(event.get("id")))))
    work_off = tracer().capture_lambda_handler(lambda *_: async_process_partial_response(event, on_record, processor))
    return work_off(event, context)


async def on_record(record: SQSRecord) -> None:
    """Work off one record; an error keeps it in the queue."""
    attempt, receipt = int(record.attributes.approximate_receive_count), record.receipt_handle
    await deliver(Message(record.body, record.message_id, attempt, receipt=receipt))


async def deliver(message: Message) -> None:
    """Work off one message beside the others, and count it and its verdicts."""
    for name in ("Messages", *(o.verdict.name.title() for o in await asyncio.to_thread(runtime.deliver, message))):
        metrics.add_metric(name, "Count", 1)
