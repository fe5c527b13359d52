"""The pool of names."""

import pytest

from datamodules.names import GIVEN, SURNAMES, filled_pool, name_list, read_pool
from lit_mia.errors import RecordError


def test_the_pool_holds_the_given_names_and_as_many_of_each_list():
    given = {"Ana Petrov", "James Smith", "Zoë Ó Briain"}
    pool = filled_pool(given, 203, seed=42)
    assert len(pool) == len(set(pool)) == 203
    assert list(pool) == sorted(pool)
    assert given < set(pool)
    fill = [name.split()[0] for name in set(pool) - given]
    first, second = (set(name_list(name)) for name in GIVEN)
    assert sum(name in first for name in fill) >= 100
    assert sum(name in second for name in fill) >= 100


def test_the_fill_follows_the_seed_and_not_the_order():
    assert filled_pool(["A B", "C D"], 50, 1) == filled_pool(["C D", "A B"], 50, 1)
    assert filled_pool(["A B"], 50, 1) != filled_pool(["A B"], 50, 2)


def test_the_lists_are_whole():
    assert {len(set(name_list(name))) for name in (*GIVEN, SURNAMES)} == {1000}


@pytest.mark.parametrize("size", [1, 2, 10**7])
def test_a_pool_that_cannot_be_filled_is_refused(size):
    with pytest.raises(RecordError, match="hold the 3 names under question"):
        filled_pool(["a", "b", "c"], size, 0)


def test_a_pool_of_ones_own(tmp_path):
    file = tmp_path / "pool.txt"
    file.write_text("Zed Ardo\n\nAna_Petrov\n")
    assert read_pool(str(file)) == ("Ana Petrov", "Zed Ardo")
    file.write_text("Ana Petrov\nAna_Petrov\n")
    with pytest.raises(RecordError, match="each name once"):
        read_pool(str(file))
    with pytest.raises(RecordError, match="cannot be read"):
        read_pool(str(tmp_path / "none.txt"))
    file.write_text("Ana O’Neil\nana o'neil\n")
    with pytest.raises(RecordError, match=r"each name once.*ana o'neil"):
        read_pool(str(file))


def test_the_fill_takes_no_name_that_is_there_in_another_spelling():
    drawn = [name for name in filled_pool(["A B"], 500, 7) if name != "A B"]
    given = [name.upper() for name in drawn[:200]]
    pool = filled_pool(given, 500, 7)
    assert len({name.casefold() for name in pool}) == 500
    with pytest.raises(RecordError, match=r"more than once.*ana petrov"):
        filled_pool(["Ana Petrov", "ana petrov"], 50, 0)
