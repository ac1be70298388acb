"""The fleet file's JSON Schema, for editors; every field's description is the text that stands below it in the code."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from inspect import cleandoc, getsource
from itertools import pairwise
from typing import Any

from tradewind.fleet.model import Fleet
from tradewind.fleet.part import Part


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of the fleet file."""
    schema = Fleet.model_json_schema(by_alias=True)
    shapes = {Fleet.__name__: schema, **schema["$defs"]}
    for model in _kinds_of(Part):
        if model.__name__ not in shapes:  # what only others are made of
            continue
        properties = shapes[model.__name__]["properties"]
        for name, text in _texts(model).items():
            properties[model.model_fields[name].alias or name].setdefault("description", text)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "tradewind fleet"}


def _kinds_of(model: type[Part]) -> Iterator[type[Part]]:
    for each in model.__subclasses__():
        yield each
        yield from _kinds_of(each)


def _texts(model: type[Part]) -> Mapping[str, str]:
    # pydantic can do this by itself (`use_attribute_docstrings`), but whenever the models are imported: every function
    # would parse this package's source as it starts.
    texts: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if issubclass(base, Part):
            texts |= _stated_in(base)
    return {name: text for name, text in texts.items() if name in model.model_fields}


def _stated_in(model: type[Part]) -> Iterator[tuple[str, str]]:
    module = ast.parse(getsource(sys.modules[model.__module__]))
    [body] = [each.body for each in module.body if isinstance(each, ast.ClassDef) and each.name == model.__name__]
    for field, below in pairwise(body):
        match field, below:
            case ast.AnnAssign(target=ast.Name(name)), ast.Expr(value=ast.Constant(str(text))):
                yield name, cleandoc(text)
