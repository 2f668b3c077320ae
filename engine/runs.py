"""Runs of numbers that follow each other, as many numbers are written in few."""

from collections.abc import Iterable, Iterator, Sequence

Runs = Sequence[Sequence[int]]


def runs_of(numbers: Iterable[int]) -> list[list[int]]:
    """`[4, 5, 6, 9]` as `[[4, 6], [9, 9]]`."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return runs


def numbers_of(runs: Runs) -> Iterator[int]:
    """`[[4, 6], [9, 9]]` as `4, 5, 6, 9`."""
    return (number for first, last in runs for number in range(first, last + 1))
