"""Exact decimals: how they are read, computed with and written."""

import re
from decimal import (
    ROUND_05UP,
    ROUND_HALF_EVEN,
    Context,
    Decimal,
    DivisionByZero,
    Inexact,
    InvalidOperation,
    Overflow,
)

# Wide enough that no product or sum of accepted numbers is ever cut; if one were, it would raise.
EXACT = Context(prec=400, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow])

# Round-to-odd at far more digits than QUANTUM has: rounding its result again is as if once.
_QUOTIENT = Context(prec=160, rounding=ROUND_05UP, traps=[InvalidOperation, DivisionByZero])
_NEAREST = Context(prec=400, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation])
QUANTUM = Decimal("1e-18")

MAX_INTEGER_DIGITS = 30
MAX_DECIMAL_PLACES = 40

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)


def parse_decimal(value: object) -> Decimal:
    """Read an exact, finite decimal from text, an int or a Decimal.

    Raises `ValueError` with the value and what is accepted; floats are refused, for they have
    lost their digits already.
    """
    if isinstance(value, Decimal):
        number = value
    elif (isinstance(value, int) and not isinstance(value, bool)) or (
        isinstance(value, str) and len(value) <= 100 and _NUMBER.fullmatch(value)
    ):
        number = Decimal(value)
    else:
        raise ValueError(f"{_shown(value)} is not a decimal number in text")
    if not number.is_finite():
        raise ValueError(f"{_shown(value)} is not finite")
    if not number:
        return Decimal(0)
    if number.adjusted() >= MAX_INTEGER_DIGITS:
        raise ValueError(f"{_shown(value)} has more than {MAX_INTEGER_DIGITS} integer digits")
    if len(canonical(number).partition(".")[2]) > MAX_DECIMAL_PLACES:
        raise ValueError(f"{_shown(value)} has more than {MAX_DECIMAL_PLACES} decimal places")
    return number


def canonical(number: Decimal) -> str:
    """The one way a number is stored and shown: no exponent, no trailing zeros, no minus zero."""
    text = str(number)
    if text[-1] != "0" and "E" not in text:
        return text  # Most numbers are canonical as they are.
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def share(amount: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    """`amount · part / whole`, rounded once, half-even, to 18 decimal places.

    The one documented rounding of the accounting rules.
    """
    quotient = _QUOTIENT.divide(EXACT.multiply(amount, part), whole)
    return _NEAREST.quantize(quotient, QUANTUM)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
