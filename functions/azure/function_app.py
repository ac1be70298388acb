"""The function app: one blueprint per capability."""

import azure.functions as func
from replicate import blueprint as replicate
from sweep import blueprint as sweep

app = func.FunctionApp()
app.register_functions(replicate)
app.register_functions(sweep)
