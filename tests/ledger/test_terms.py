"""What settings and venue say beside items: kept with the evidence where it is not the usual."""

from decimal import Decimal

import pytest

from engine.ledger.terms import USUAL, Terms


@pytest.mark.parametrize(
    "terms",
    [
        USUAL,
        Terms(earliest_ms=5),
        Terms(fee_floor=Decimal("0.000000000000000001"), contract_size=Decimal("0.10")),
        Terms(through_library=True, taker_rebates=True),
    ],
)
def test_terms_are_read_back_as_they_were_kept(terms: Terms) -> None:
    assert Terms.of(terms.text) == terms


def test_the_usual_terms_take_no_room() -> None:
    assert USUAL.text is None
    assert Terms(contract_size=Decimal("1E+2")).text == '{"contract_size":"100"}'
