"""JSON made readable."""

import json

from console.kit.json_lines import json_lines
from console.kit.lines import plain


def text(source: str) -> str | None:
    found = json_lines(source)
    return None if found is None else "\n".join(plain(line) for line in found)


def test_it_is_indented_in_its_own_order() -> None:
    assert text('{"b":1,"a":[true,null,{}],"c":[]}') == (
        '{\n  "b": 1,\n  "a": [\n    true,\n    null,\n    {}\n  ],\n  "c": []\n}'
    )


def test_every_digit_and_every_repeated_key_is_kept() -> None:
    source = '{"x":1234567890.12345678901234567890,"x":1e-400,"y":-0.0}'
    found = text(source)
    assert found is not None
    assert "1234567890.12345678901234567890" in found
    assert found.count('"x"') == 2
    assert "1e-400" in found
    assert "-0.0" in found


def test_what_is_no_object_or_list_is_left_as_it_is() -> None:
    for source in ("12", '"text"', "{broken", "", "plain", "[1] and more"):
        assert json_lines(source) is None


def test_texts_inside_are_made_printable() -> None:
    found = text(json.dumps({"k\u202e": "\x1b[2J [/x]"}, ensure_ascii=False))
    assert found is not None
    assert "\u202e" not in found
    assert "\x1b" not in found
    assert "[/x]" in found


def test_endless_depth_does_not_end_the_program() -> None:
    assert json_lines("[" * 100_000) is None
    deep = text("[" * 200 + "]" * 200)
    assert deep is not None
    assert "[…]" in deep
