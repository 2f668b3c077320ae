"""The parts that sections of the settings are made of, whichever module a section stands in."""

import re
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict

from engine.clock import parse_duration
from engine.money import parse_decimal

_OCTAL = re.compile("0?[0-7]{3}")


def _file_mode(value: object) -> int:
    mode = int(value, 8) if isinstance(value, str) and _OCTAL.fullmatch(value) else value
    if not isinstance(mode, int) or mode & 0o600 != 0o600 or mode & ~0o666:
        raise ValueError("is no mode of a file that its owner reads and writes, as 0640")
    return mode


# A duration as people write it, in milliseconds.
Millis = Annotated[int, BeforeValidator(parse_duration)]
# TOML and JSON floats come as Python floats: their shortest text is what was written.
Money = Annotated[
    Decimal, BeforeValidator(lambda n: parse_decimal(repr(n) if isinstance(n, float) else n))
]
# A file's mode as people write it: in octal digits, of which the first may be 0.
FileMode = Annotated[int, BeforeValidator(_file_mode)]
# TOML has no null: an empty text stands for it.
Unset = BeforeValidator(lambda value: None if value == "" else value)


class Section(BaseModel):
    """A table of the settings file: unknown keys are refused, and nothing changes afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True)
