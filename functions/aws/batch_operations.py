"""Replicate the objects of an S3 Batch Operations job, so that AWS's own engine goes through billions of them."""

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from aws_lambda_powertools.utilities.typing import LambdaContext

from tradewind import runtime
from tradewind.clouds.aws.batch_operations import Answer, Done, answer
from tradewind.ports import Notification

logger, metrics = Logger(), Metrics()
copy_config_to_registered_loggers(logger, include={"tradewind"})


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, object], context: LambdaContext) -> Answer:  # noqa: ARG001 - nothing depends on it
    """Answer each task with what came of it; a failure for now is asked for again by the job."""
    return answer(event, look)


def look(notification: Notification) -> Done:
    """Look at one key now, and count what came of it."""
    outcomes = runtime.look(notification)
    for measure in [each for outcome in outcomes for each in outcome.measures]:
        metrics.add_metric(*measure)
    said = "; ".join(f"{each.route.target}: {each.verdict}" for each in outcomes)
    return Done(said, [each.error for each in outcomes if each.error is not None])
