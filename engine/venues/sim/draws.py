"""Randomness that is the same in every process: it depends on its purpose and nothing else."""

from random import Random


def draws(seed: int, *purpose: str | int) -> Random:
    """Random numbers for one purpose, such as the flow of one market at one tick."""
    # Seeded with text, Random hashes it by SHA-512: PYTHONHASHSEED has no part in it.
    return Random(":".join(map(str, (seed, *purpose))))  # noqa: S311 - reproducible on purpose
