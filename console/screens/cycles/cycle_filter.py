"""The words of a filter over cycles: kinds, statuses, `trouble`; anything else is looked for."""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine import CycleFilter

HINT = "live  replay  reconcile · ok  partial  failed … · trouble · or any text"

_WORD = re.compile(r'"([^"]*)"|(\S+)')


def parsed(words: str) -> "CycleFilter | None":
    """The filter that the words mean; null where there are none. Text in quotes is only text."""
    from engine import CycleFilter, CycleStatus, Kind

    kinds: list[str] = []
    statuses: list[str] = []
    text: list[str] = []
    trouble = False
    for quoted, word in _WORD.findall(words):
        name = word.lower()
        if name in set(Kind):
            kinds.append(name)
        elif name in set(CycleStatus):
            statuses.append(name)
        elif name == "trouble":
            trouble = True
        else:
            text.append(quoted or word)
    found = CycleFilter(
        kinds=tuple(kinds), statuses=tuple(statuses), trouble=trouble, text=" ".join(text)
    )
    return None if found == CycleFilter() else found


def understood(words: str) -> str:
    """The filter in plain words: what it keeps."""
    only = parsed(words)
    if only is None:
        return ""
    parts = [" or ".join(only.kinds), " or ".join(only.statuses)]
    parts.append("with trouble" if only.trouble else "")
    parts.append(f"whose errors or warnings say “{only.text}”" if only.text else "")
    return " · ".join(filter(None, parts))
