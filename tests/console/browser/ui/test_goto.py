"""Where to go, as typed."""

import pytest

from console.browser.ui.goto import Target, target


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("5,000,000", Target(number=4_999_999)),
        ("row 12", Target(number=11)),
        ("#1", Target(number=0)),
        ("0", Target(number=0)),
        ("50%", Target(share=0.5)),
        ("250 %", Target(share=1.0)),
        ("key 17", Target(key="17")),
        ("fill:9", Target(key="fill:9")),
        ("BTC/USDT, 12", Target(key="BTC/USDT, 12")),
        ("  ", None),
    ],
)
def test_what_is_typed_is_understood(text: str, found: Target | None) -> None:
    assert target(text) == found
