"""Say which endpoint of a group a caller is best served by now: GET /route of a function URL."""

import json

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import LambdaFunctionUrlResolver, Response, content_types
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from aws_lambda_powertools.utilities.typing import LambdaContext

from tradewind import runtime
from tradewind.failover.callers.answering import headers

logger, app = Logger(), LambdaFunctionUrlResolver()
copy_config_to_registered_loggers(logger, include={"tradewind"})


@app.get("/route")
def route() -> Response[str]:
    """Answer one question."""
    status, document = runtime.route(app.current_event.query_string_parameters)
    return Response(status, content_types.APPLICATION_JSON, json.dumps(document), headers=headers(status))


@logger.inject_lambda_context
def lambda_handler(event: dict[str, object], context: LambdaContext) -> dict[str, object]:
    """Answer what the function URL was asked."""
    return app.resolve(event, context)
