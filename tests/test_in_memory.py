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
