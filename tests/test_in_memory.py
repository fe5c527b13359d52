import gc

import pytest

from lit_mia.errors import TargetError
from lit_mia.in_memory import Held, is_held


class Thing:
    pass


def test_a_thing_is_found_by_its_name_while_somebody_holds_it():
    held, thing = Held[Thing]("pipeline", "Give its path.", TargetError), Thing()
    name = held.keep("abc", thing)
    assert is_held(name)
    assert not is_held("abc")
    assert held[name] is thing
    del thing
    gc.collect()
    with pytest.raises(TargetError, match=r"'memory:abc' is a pipeline that was in the memory.* Give its path\."):
        held[name]


def test_of_equal_things_the_last_one_that_is_still_held_is_found():
    held = Held[Thing]("pipeline", "Give its path.", TargetError)
    first, second = Thing(), Thing()
    name = held.keep("abc", first)
    assert held.keep("abc", second) == name
    assert held[name] is second
    del second
    assert held[name] is first
