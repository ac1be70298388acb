"""Replicate the objects that S3 announced through SQS, or through an EventBridge rule."""

import asyncio
import os
from functools import cache, partial

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from aws_lambda_powertools.utilities.batch import AsyncBatchProcessor, EventType, async_process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from tradewind import runtime
from tradewind.clouds.aws.events import message_of

logger, metrics, tracer = Logger(), Metrics(), cache(partial(Tracer, auto_patch=False))  # made late: 0.5 s of imports
processor = AsyncBatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
copy_config_to_registered_loggers(logger, include={"tradewind"})
runtime.preload(tracer)


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, object], context: LambdaContext) -> object:
    """Answer a batch with the records that must be delivered again; raise if a single event must."""
    if "Records" not in event:
        return asyncio.run(deliver(event))
    work_off = partial(async_process_partial_response, event, deliver, processor)
    traced = "Sampled=1" in os.environ.get("_X_AMZN_TRACE_ID", "")
    return tracer().capture_lambda_handler(lambda *_: work_off())(event, context) if traced else work_off()


async def deliver(record: SQSRecord | dict[str, object]) -> None:
    """Work off one record or event beside the others, and count it and its verdicts; an error keeps it in the queue."""
    metrics.add_metric("Messages", "Count", 1)  # first, so that a failure is counted, too
    for outcome in await asyncio.to_thread(runtime.deliver, message_of(record)):
        for measure in outcome.measures:
            metrics.add_metric(*measure)
