"""A filter over cycles as text: kinds, statuses, `trouble`; any other word is searched for."""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine import CycleFilter

HINT = "live replay decision … · ok held attention … · trouble · text"

_WORD = re.compile(r'"([^"]*)"|(\S+)')


def parsed(text: str) -> "CycleFilter | None":
    """The filter of a text; null of an empty one. Text in quotes is only searched for."""
    from engine import CycleFilter, CycleStatus, Kind

    kinds: list[str] = []
    statuses: list[str] = []
    sought: list[str] = []
    trouble = False
    for quoted, word in _WORD.findall(text):
        name = word.lower()
        if name in set(Kind):
            kinds.append(name)
        elif name in set(CycleStatus):
            statuses.append(name)
        elif name == "trouble":
            trouble = True
        else:
            sought.append(quoted or word)
    only = CycleFilter(
        kinds=tuple(kinds), statuses=tuple(statuses), trouble=trouble, text=" ".join(sought)
    )
    return None if only == CycleFilter() else only


def understood(text: str) -> str:
    """The cycles that the filter of a text lets through, in plain words."""
    only = parsed(text)
    if only is None:
        return ""
    parts = [" or ".join(only.kinds), " or ".join(only.statuses)]
    parts.append("with trouble" if only.trouble else "")
    parts.append(f"whose errors or warnings say “{only.text}”" if only.text else "")
    return " · ".join(filter(None, parts))
