"""The themes: dark, light, and one for eyes that cannot tell red from green.

Four accents have a meaning everywhere: success is ok, warning is attention, error is danger,
primary is live. Whatever is read has a contrast of at least 4.5 on every ground it stands on;
`faint`, the least of it, on the screen's own.
"""

from textual.theme import Theme

DARK = Theme(
    name="cycledeck-dark",
    primary="#6ea8ec",
    secondary="#b99aea",
    success="#7cc88a",
    warning="#e2ab52",
    error="#ee6f68",
    foreground="#d4dbe3",
    background="#0c1117",
    surface="#0c1117",
    panel="#16202b",
    boost="#131b24",
    variables={
        "rule": "#2b3845",
        "quiet": "#8a97a5",
        "faint": "#71808f",
        "shade": "#566472",
        "band": "#162d4a",
        "cursor-row": "#1a2836",
    },
)

LIGHT = Theme(
    name="cycledeck-light",
    primary="#1f5fae",
    secondary="#7548b8",
    success="#197035",
    warning="#8a5707",
    error="#bb2a25",
    foreground="#1d2630",
    background="#fbfbf9",
    surface="#fbfbf9",
    panel="#eceef0",
    boost="#f2f3f3",
    dark=False,
    variables={
        "rule": "#c5ccd3",
        "quiet": "#56626e",
        "faint": "#6b7580",
        "shade": "#8d98a3",
        "band": "#d4e3f5",
        "cursor-row": "#e1eaf4",
    },
)

# Blue, yellow, orange and pink keep apart in every common kind of color blindness.
SAFE = Theme(
    name="cycledeck-colour-blind-safe",
    primary="#d88cbb",
    secondary="#b9b9b9",
    success="#5cb8ee",
    warning="#f2e35c",
    error="#ff8a3c",
    foreground="#e2e4e6",
    background="#0e0f12",
    surface="#0e0f12",
    panel="#1b1d22",
    boost="#15171b",
    variables={
        "rule": "#3b3f46",
        "quiet": "#9aa0a8",
        "faint": "#787e87",
        "shade": "#666c75",
        "band": "#3a2a36",
        "cursor-row": "#26282f",
    },
)

THEMES = (DARK, LIGHT, SAFE)
