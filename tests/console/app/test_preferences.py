"""What the console remembers between runs."""

from pathlib import Path

from console.app.preferences import Preferences


def test_what_was_set_is_there_in_the_next_run(tmp_path: Path) -> None:
    path = tmp_path / "state" / "console.json"
    Preferences(path)["theme"] = "cycledeck-light"
    assert Preferences(path)["theme"] == "cycledeck-light"


def test_a_damaged_file_is_as_good_as_none(tmp_path: Path) -> None:
    path = tmp_path / "console.json"
    for text in ("{", "[]", "\x00", ""):
        path.write_text(text)
        assert Preferences(path)["theme"] == "cycledeck-dark"


def test_a_folder_that_cannot_be_written_costs_no_more_than_the_memory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    memory = Preferences(tmp_path / "file" / "console.json")
    memory["theme"] = "cycledeck-light"
    assert memory["theme"] == "cycledeck-light"
