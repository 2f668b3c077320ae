"""What the console remembers of its user between runs: the theme, and that hints were seen."""

import json
from pathlib import Path

import platformdirs

from console.kit.private_files import make_folder, private

DEFAULTS: dict[str, object] = {"theme": "cycledeck-dark", "local_time": False, "hint_seen": False}


class Preferences:
    """Settings of no consequence: an unreadable file is as good as none, and so is a full disk."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or Path(platformdirs.user_state_dir("cycledeck")) / "console.json"
        self._values = DEFAULTS | self._read()

    def __getitem__(self, name: str) -> object:
        return self._values[name]

    def __setitem__(self, name: str, value: object) -> None:
        if self._values[name] == value:
            return
        self._values[name] = value
        try:
            make_folder(self._path.parent)
            with open(self._path, "w", encoding="utf-8", opener=private) as file:
                file.write(json.dumps(self._values))
        except OSError:
            return  # It holds for this run.

    def _read(self) -> dict[str, object]:
        try:
            values = json.loads(self._path.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return values if isinstance(values, dict) else {}
