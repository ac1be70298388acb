"""The function app: one blueprint per capability."""

import azure.functions as func
from observe import blueprint as observe
from replicate import blueprint as replicate
from route import blueprint as route
from sweep import blueprint as sweep

app = func.FunctionApp()
app.register_functions(replicate)
app.register_functions(sweep)
app.register_functions(observe)
app.register_functions(route)
