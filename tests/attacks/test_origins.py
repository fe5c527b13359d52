"""A head knows what its inputs were made of, and says nothing of others."""

import copy

import lightning as L
import pytest
import torch
from planted_pairs import PlantedPairs

from lit_mia.attacks import AttackIIS
from lit_mia.attacks.origins import check_origin
from lit_mia.errors import HeadError

LEARNED = {"image_size": 16, "encoder": {"weights": "a" * 64, "torch": "2.1"}, "target": {"steps": 2}, "prompts": "own"}
OPTIONS = {"accelerator": "cpu", "logger": False, "enable_progress_bar": False, "enable_model_summary": False}


class ToldPairs(PlantedPairs):
    """Pairs that say what they are made of."""

    size = 16

    def origin(self, head):
        return {"image_size": self.size}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"image_size": 32}, "`image_size` 16 → 32"),
        ({"encoder": {"weights": "b" * 64, "torch": "2.1"}}, "`encoder`: weights a{12}… → b{12}…"),
        ({"target": {"steps": 2, "lora": "x"}}, "`target`: lora None → x"),
        ({"target": {"steps": 5}, "prompts": "fixed"}, "`prompts` own → fixed; `target`: steps 2 → 5"),
    ],
)
def test_what_differs_is_named_with_both_values(given, said):
    with pytest.raises(HeadError, match=f"^The head learned from other inputs .*: {said}. "):
        check_origin("The head", LEARNED, LEARNED | given)


def test_releases_of_libraries_and_files_of_earlier_versions_are_no_difference():
    check_origin("The head", LEARNED, LEARNED | {"encoder": {"weights": "a" * 64, "torch": "2.2"}})
    check_origin("The head", None, LEARNED)
    check_origin("The head", {"image_size": 16}, LEARNED)


def test_a_head_may_go_on_learning_from_another_target_but_not_by_another_encoder():
    check_origin("The head", LEARNED, LEARNED | {"target": {"steps": 5}}, anew=True)
    with pytest.raises(HeadError, match="`image_size` 16 → 32"):
        check_origin("The head", LEARNED, LEARNED | {"image_size": 32}, anew=True)


def test_a_checkpoint_carries_what_the_inputs_were_made_of(tmp_path):
    data, other = ToldPairs(), ToldPairs()
    other.size = 32
    trainer = L.Trainer(max_epochs=1, enable_checkpointing=False, num_sanity_val_steps=0, **OPTIONS)
    trainer.fit(AttackIIS(widths=(4,)), datamodule=data)
    trainer.save_checkpoint(path := str(tmp_path / "head.ckpt"))
    assert torch.load(path, weights_only=True)["origin"] == {"image_size": 16}
    with pytest.raises(HeadError, match="`image_size` 16 → 32"):
        L.Trainer(**OPTIONS).test(AttackIIS(widths=(4,)), datamodule=other, ckpt_path=path, verbose=False)
    with pytest.raises(HeadError, match="`image_size` 16 → 32"):
        L.Trainer(max_epochs=1, **OPTIONS).fit(AttackIIS(widths=(4,), init_from=path), datamodule=other)


def test_a_score_that_is_no_number_is_no_strong_score(pairs):
    head, data = AttackIIS(widths=(4,)), copy.copy(pairs())
    head.build(data.example())
    torch.nn.init.constant_(head.classifier.bias, float("nan"))
    with pytest.raises(HeadError, match=r"50 of 50 scores of II-S in one batch are not finite numbers"):
        L.Trainer(**OPTIONS).predict(head, datamodule=data)
    with pytest.raises(HeadError, match="are not finite numbers"):
        L.Trainer(**OPTIONS).test(head, datamodule=data, verbose=False)
