"""Text from outside, made fit for a terminal or for the database."""


def printable(text: str) -> str:
    """The same text with every character that a terminal or a bidi algorithm would act on,
    or that cannot be seen, written as an escape."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escape(c) for c in text)


def storable(text: str) -> str:
    """The same text with lone surrogates, which no database takes, written as escapes."""
    return text.encode("utf-8", "backslashreplace").decode()


def _escape(character: str) -> str:
    return character.encode("unicode_escape", "backslashreplace").decode()
