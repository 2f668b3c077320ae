"""The settings file that `init` writes: every key, its meaning and its default."""

import json
from collections.abc import Iterator
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import BeforeValidator
from pydantic.fields import FieldInfo

from engine.clock import format_duration, parse_duration
from engine.money import canonical
from engine.settings import fields


def template() -> str:
    """The commented file: nothing in it is set."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# cycledeck settings. Each key shows its default; uncomment to change it."
    yield "# CYCLEDECK_… variables win over this file, flags over both."
    section = ""
    for key, info in fields():
        head, _, name = key.rpartition(".")
        if head != section:
            section = head
            yield f"\n[{section}]"
        yield f"\n# {info.description}"
        yield f"# {name} = {_value(info)}"


def _value(info: FieldInfo) -> str:
    value = info.get_default(call_default_factory=True)
    durations = (m for m in info.metadata if isinstance(m, BeforeValidator))
    if any(m.func is parse_duration for m in durations):
        value = format_duration(value)
    return _toml(value)


def _toml(value: Any) -> str:
    if value is None:
        return '""'
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, Decimal):
        return f'"{canonical(value)}"'
    if isinstance(value, Path):
        value = str(value)
    return json.dumps(value, ensure_ascii=False)
