"""Say which endpoint of a group a caller is best served by now: GET /api/route."""

import json

import azure.functions as func

from tradewind import runtime
from tradewind.failover.callers.answering import headers

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]  # its author wrote no types


@blueprint.route(route="route", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
def route(req: func.HttpRequest) -> func.HttpResponse:
    """Answer one question."""
    status, document = runtime.route(req.params)
    return func.HttpResponse(
        json.dumps(document), status_code=status, mimetype="application/json", headers=headers(status)
    )
