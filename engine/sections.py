"""The parts that sections of the settings are made of, whichever module a section stands in."""

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict

from engine.clock import parse_duration
from engine.money import parse_decimal

# A duration as people write it, in milliseconds.
Millis = Annotated[int, BeforeValidator(parse_duration)]
# TOML and JSON floats come as Python floats: their shortest text is what was written.
Money = Annotated[
    Decimal, BeforeValidator(lambda n: parse_decimal(repr(n) if isinstance(n, float) else n))
]
# TOML has no null: an empty text stands for it.
Unset = BeforeValidator(lambda value: None if value == "" else value)


class Section(BaseModel):
    """A table of the settings file: unknown keys are refused, and nothing changes afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True)
