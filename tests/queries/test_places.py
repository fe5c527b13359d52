import random

from lit_mia.queries.places import Place, Places, digests


def keys_of(files):
    return {name: digests(keys) for name, keys in files.items()}


def test_places_are_those_of_a_dictionary():
    drawn = random.Random(0)
    names, index, kept = [f"shard-{number:03}" for number in range(60)], Places(), {}
    drawn.shuffle(names)
    for start in range(0, 60, 3):  # three at a time, in any order of their names
        files = {
            name: [f"key {drawn.randrange(400)}" for _ in range(drawn.randrange(12))] for name in names[start:][:3]
        }
        index.add(keys_of(files))
        kept |= files
        if start % 12 == 9:
            gone = set(drawn.sample(sorted(kept), 4))
            index, kept = index.without(gone), {name: keys for name, keys in kept.items() if name not in gone}
    expected = {}
    for name in sorted(kept):
        for row, key in enumerate(kept[name]):
            expected.setdefault(key, Place(name, row))
    asked = [f"key {number}" for number in range(400)]
    assert index.find(asked) == [expected.get(key) for key in asked]
    assert len(index) == sum(map(len, kept.values()))
    assert len(expected) > 100


def test_nothing_is_found_in_no_files():
    places = Places()
    places.add({})
    assert places.find(["a"]) == [None]
    assert places.find([]) == []
