"""Compare the sites of the rules that start here; EventBridge calls this every minute."""

from aws_lambda_powertools import Logger, single_metric
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from tradewind import runtime
from tradewind.measures import Measure

RESERVE = 60.0
"""Seconds that the last page and its note may take."""
logger = Logger()
copy_config_to_registered_loggers(logger, include={"tradewind"})


@logger.inject_lambda_context
def lambda_handler(event: dict[str, object], context: LambdaContext) -> None:  # noqa: ARG001 - it says nothing but when
    """Go on with the sweeps for as long as the function may run, and leave the rest to the next time."""
    runtime.sweep(seconds=context.get_remaining_time_in_millis() / 1000 - RESERVE, tell=tell)


def tell(measure: Measure) -> None:
    """Write one metric, with dimensions of its own."""
    with single_metric(measure.name, MetricUnit(measure.unit), measure.value) as metric:
        for name, value in measure.dimensions.items():
            metric.add_dimension(name, value)
