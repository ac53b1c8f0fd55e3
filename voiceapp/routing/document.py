"""Plans as JSON and back: the one format of drafts, of releases, and of the copy kept beside."""

import gc
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, TypeVar

from cattrs import Converter
from cattrs.errors import BaseValidationError

from voiceapp.rules.plan import Plan

FORMAT = 1

T = TypeVar("T")


class UnreadableDocument(Exception):
    """A stored document is not what it should be; the message says what is wrong with it."""


def _make_converter() -> Converter:
    converter = Converter(omit_if_default=True)
    converter.register_unstructure_hook(Decimal, str)
    converter.register_structure_hook(Decimal, lambda text, _: Decimal(text))
    return converter


_converter = _make_converter()


def to_plain(value: object) -> Any:
    """Return a part of a plan as dicts, lists and texts; fields at their default are left out."""
    return _converter.unstructure(value)


def from_plain(plain: Any, kind: Callable[..., T]) -> T:
    """Return the part of a plan that `to_plain` made. Raises UnreadableDocument."""
    try:
        return _converter.structure(plain, kind)  # type: ignore[arg-type]
    except (BaseValidationError, ValueError, TypeError, ArithmeticError) as error:
        raise UnreadableDocument(f"{type(error).__name__} in a stored {kind.__name__}") from error


def dump(plan: Plan) -> str:
    """Return a plan as the JSON text of a release."""
    return json.dumps({"format": FORMAT, "plan": to_plain(plan)}, sort_keys=True)


def parse(text: str) -> Plan:
    """Return the plan of a release. Raises UnreadableDocument."""
    with _uncollected():
        try:
            document = json.loads(text)
        except ValueError as error:
            raise UnreadableDocument("A stored release is no JSON.") from error
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            raise UnreadableDocument(f"A stored release is not of format {FORMAT}.")
        return from_plain(document.get("plan"), Plan)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep the garbage collector from looking, over and over, through what is being built."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
