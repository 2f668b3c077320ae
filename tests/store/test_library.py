import pytest

from engine.errors import StoreFatal
from engine.store.library import check_library, has_wal_reset_race, wal_reset_warning


@pytest.mark.parametrize("version", [(3, 37, 0), (3, 40, 1), (3, 51, 3)])
def test_a_library_with_strict_tables_holds_a_ledger(version: tuple[int, ...]) -> None:
    check_library(version)


def test_an_older_library_is_refused_with_both_versions() -> None:
    with pytest.raises(StoreFatal, match=r"3\.36\.0.*3\.37\.0"):
        check_library((3, 36, 0))


@pytest.mark.parametrize(
    ("version", "affected"),
    [
        ((3, 40, 1), True),
        ((3, 44, 5), True),
        ((3, 44, 6), False),
        ((3, 50, 6), True),
        ((3, 50, 7), False),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((3, 52, 0), False),
    ],
)
def test_the_wal_reset_race_is_known_by_version(version: tuple[int, ...], affected: bool) -> None:
    assert has_wal_reset_race(version) is affected
    assert (wal_reset_warning(version) is not None) is affected
