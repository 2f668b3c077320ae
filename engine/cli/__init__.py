"""The command line."""


def main() -> None:
    """The entry point."""
    from engine.cli.commands import main as run

    run()
