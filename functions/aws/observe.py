"""Look after the endpoints of the fleet, and move traffic if a majority agrees; EventBridge calls this every minute."""

from aws_lambda_powertools import Logger, single_metric
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from tradewind import runtime
from tradewind.measures import Measure

RESERVE = 30.0
"""Seconds that the last look, and what follows from it, may take."""
logger = Logger()
copy_config_to_registered_loggers(logger, include={"tradewind"})


@logger.inject_lambda_context
def lambda_handler(event: dict[str, object], context: LambdaContext) -> None:  # noqa: ARG001 - it says nothing but when
    """Look until the next ring, for no longer than the function may run."""
    runtime.observe(seconds=context.get_remaining_time_in_millis() / 1000 - RESERVE, tell=tell)


def tell(measure: Measure) -> None:
    """Write one metric, with dimensions of its own."""
    with single_metric(measure.name, MetricUnit(measure.unit), measure.value) as metric:
        for name, value in measure.dimensions.items():
            metric.add_dimension(name, value)
