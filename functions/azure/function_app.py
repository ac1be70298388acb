"""The function app: one blueprint per capability."""

import azure.functions as func
from replicate import blueprint as replicate

app = func.FunctionApp()
app.register_functions(replicate)
