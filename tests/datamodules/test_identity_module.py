"""People before a target: what is embedded once, what is skipped, and what is never held."""

import tracemalloc
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from PIL import Image
from planted_clip import PlantedTarget, people_of, person_names, picture

from datamodules import IdentityDataModule, PeopleSource
from lit_mia.attacks.identity import IdentityInference
from lit_mia.errors import RecordError, TargetError
from lit_mia.records import People

ATTACK = IdentityInference(images=(1, 3, 5), draws=4)


@dataclass
class Given(PeopleSource):
    people: People
    extra: tuple[str, ...] = ()

    def load(self):
        return self.people

    def names_in_pool(self):
        return self.extra


def module(tmp_path, people=None, target=None, **options):
    people = people or people_of([1, 1, 0, 0])
    target = target or PlantedTarget({0: people.names[0]})
    settings = {"min_images": 5, "pool_size": 40} | options
    return IdentityDataModule(Given(people, ("Extra Nameon",)), target, str(tmp_path / "store"), **settings)


def test_a_name_is_read_where_image_and_text_agree(tmp_path):
    data = module(tmp_path)
    data.query(ATTACK)
    known, *others = data.readings(ATTACK, range(4))
    assert (known.predicted == data.true[0]).all()
    assert (known.margin > 0).all()
    assert all((reading.margin > 0).mean() < 0.2 for reading in others)
    assert data.names[data.true[0]] == data.people.names[0]
    assert "Extra Nameon" in data.names
    assert len(data.names) == 40


def test_nothing_is_embedded_twice(tmp_path):
    first = module(tmp_path)
    assert first.estimate(ATTACK).missing == 4 * 7 + 21 * 40
    first.query(ATTACK)
    assert (first.target.images, first.target.texts) == (4 * 7, 21 * 40)
    assert first.cost.queries == 4 * 7 + 21 * 40
    again = module(tmp_path)
    again.query(ATTACK)
    assert [r.predicted.tolist() for r in again.readings(ATTACK, [1])] == [
        r.predicted.tolist() for r in first.readings(ATTACK, [1])
    ]
    assert (again.target.images, again.target.texts, again.cost.queries) == (0, 0, 0)
    assert again.estimate(ATTACK).missing == 0
    more = module(tmp_path, people_of([1, 1, 0, 0, 0]))
    more.query(ATTACK)
    assert more.target.images == 7  # one more person; another pool has other texts


def test_a_control_is_asked_about_the_same_and_kept_apart(tmp_path):
    data = module(tmp_path)
    other = data.answered_by(data.target.untrained_twin())
    for side in (data, other):
        side.query(ATTACK)
    assert other.names is data.names
    assert other.people is data.people
    assert other.target.images == 4 * 7
    assert next(iter(other.readings(ATTACK, [0]))).margin.max() < 20


def test_people_with_too_few_images_are_counted(tmp_path):
    people = people_of([1, 0, 0])
    people = People(people.names, people.members, people.occurrences, (7, 4, 7), picture)
    data = module(tmp_path, people)
    assert data.few == {people.names[1]: 4}
    assert data.people.names == (people.names[0], people.names[2])
    assert people.names[1] in data.names  # still a distractor
    with pytest.raises(RecordError, match=r"None of the 3 people has 8 images .*most have 7"):
        module(tmp_path, people, min_images=8).prepare_data()


def test_unreadable_images_are_counted_and_not_read(tmp_path):
    def broken(person: int, image: int) -> Image.Image:
        if (person == 0 and image == 2) or (person == 1 and image < 4):
            raise OSError("damaged")
        return picture(person, image)

    people = people_of([1, 0, 0])
    people = People(people.names, people.members, people.occurrences, people.image_counts, broken)
    data = module(tmp_path, people)
    data.query(ATTACK)
    assert data.unreadable(ATTACK) == {people.names[0]: 1, people.names[1]: 4}
    assert data.usable(ATTACK) == [0, 2]
    assert [len(reading.predicted) for reading in data.readings(ATTACK, [0, 2])] == [6, 7]
    before = data.target.images
    data.query(ATTACK)
    assert data.target.images == before
    whole = module(tmp_path, people_of([1, 0, 0]))  # the same images, readable now
    whole.query(ATTACK)
    assert whole.unreadable(ATTACK) == {}
    assert whole.target.images == 7 + 7
    people = People(people.names[1:2], (0,), (None,), (7,), lambda row, image: broken(1, image))
    alone = module(tmp_path / "alone", people)
    alone.query(ATTACK)
    with pytest.raises(RecordError, match="None of the 1 people has 5 readable images"):
        alone.usable(ATTACK)


class Overflowing(PlantedTarget):
    """As half precision may do."""

    def _of_image(self, person, image, _blue):
        return torch.full((64,), torch.inf if image == 2 else 1.0)

    def _encode_texts(self, texts):
        return torch.tensor([[torch.nan if "Broken" in text else 1.0] * 64 for text in texts])


def test_embeddings_that_are_no_numbers_are_an_error_and_no_unreadable_images(tmp_path):
    data = module(tmp_path, target=Overflowing())
    with pytest.raises(TargetError, match="1 of 7 embeddings of 'planted' are infinite or not a number"):
        data.query(ATTACK)
    assert data.estimate(ATTACK).missing == 4 * 7
    with pytest.raises(TargetError, match="1 of 2 embeddings"):
        data.target.embed_texts(["Planted Aaon", "Broken Aaon"])


def test_a_pool_without_a_person_is_refused(tmp_path):
    (tmp_path / "pool.txt").write_text("\n".join([*person_names(3), "Extra Nameon", "Other One"]))
    with pytest.raises(RecordError, match=f"1 names are not in the pool.*{person_names(4)[3]}"):
        module(tmp_path, pool=str(tmp_path / "pool.txt")).prepare_data()
    (tmp_path / "pool.txt").write_text("\n".join([*person_names(4), "Extra Nameon", "Other One"]))
    assert len(module(tmp_path, pool=str(tmp_path / "pool.txt")).names) == 6


def test_captions_that_are_cut_off_are_counted_once(tmp_path):
    data = module(tmp_path, people_of([1, 0], names=("Planted Aaon", f"Planted B{40 * 'b'}on")))
    data.query(ATTACK)
    assert data.cut_off(ATTACK) > 0
    assert module(tmp_path, data.people).cut_off(ATTACK) == data.cut_off(ATTACK)


def test_memory_does_not_grow_with_the_images(tmp_path):
    """Neither similarities of all images nor all embeddings are ever held: ten times the images, the same peak."""
    names, peaks = 300, []
    for count in (256, 2560):
        people = people_of([1], images=count)
        people = People(people.names, (1,), (None,), (count,), lambda row, image: picture(0, image % 256))
        data = module(tmp_path / str(count), people, pool_size=names)
        attack = IdentityInference(images=(1,), draws=1)
        data.query(attack)
        assert data.target.largest <= 16  # the target's batch
        tracemalloc.start()
        (reading,) = data.readings(attack, [0])
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        answers = 2 * (reading.predicted.nbytes + reading.margin.nbytes)  # once more without unreadable images
        similarities = 4 * 21 * names * count
        peaks[-1] -= answers
    assert peaks[1] < 1.5 * peaks[0] + 2**20
    assert peaks[1] < similarities / 20
    assert np.isfinite(reading.margin).all()
