"""Raw text set out: every digit, every key, as it came."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from console.screens.xray.raw import in_lines

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


@given(JSON)
def test_it_means_the_same(value: Any) -> None:
    assert json.loads("\n".join(in_lines(json.dumps(value)))) == value


def test_numbers_keep_their_digits_and_keys_said_twice_are_seen_twice() -> None:
    raw = '{"a":1.10,"b":[1e-8,12345678901234567890.123456789],"a":{},"c":[]}'
    assert in_lines(raw) == [
        "{",
        '  "a": 1.10,',
        '  "b": [',
        "    1e-8,",
        "    12345678901234567890.123456789",
        "  ],",
        '  "a": {},',
        '  "c": []',
        "}",
    ]


def test_what_is_no_json_is_shown_as_it_is() -> None:
    assert in_lines("not \x1b[31m json\nline") == ["not \x1b[31m json", "line"]
    assert in_lines("[" * 100_000) == ["[" * 100_000]
