import pytest

import lit_mia
from lit_mia.api.attack_names import FOLDERS, PLAIN, VARIED, attack_block
from lit_mia.attacks import AuditedAttack
from lit_mia.audits.making import made
from lit_mia.blocks import config_folder
from lit_mia.errors import ConfigError


@pytest.mark.parametrize("name", [*PLAIN, *VARIED, "Pang-Wang", "SimA-MC", "PFAMI"])
def test_a_name_of_the_literature_is_the_attack_of_that_name(name):
    assert made(AuditedAttack, attack_block(name)).name == name


def test_spelling_does_not_matter():
    assert {attack_block(name) for name in ("II-S", "ii_s", "II S", "attack/ii_s")} == {"attack/ii_s"}


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_attack_takes_the_encoder_of_the_emoji_silently(folder):
    texts = [path.read_text(encoding="utf-8") for path in (config_folder() / folder).glob("*.yaml")]
    assert texts
    assert not any("openmoji" in text for text in texts)


def test_an_unknown_name_is_told_with_the_known_ones():
    with pytest.raises(ConfigError, match=r"no attack 'II-X'.*I-P, I-S.*statistic/sima"):
        attack_block("II-X")


def test_what_a_target_allows_depends_on_its_access_and_on_captions():
    heads = list(PLAIN[:6])
    assert lit_mia.attacks_for("target/openmoji_seq2seq") == heads
    assert lit_mia.attacks_for("target/openmoji_seq2seq", captions=False) == []
    assert lit_mia.attacks_for("target/openmoji_demo_denoiser") == list(PLAIN[6:])
    assert "CLiD" not in lit_mia.attacks_for("target/openmoji_demo_denoiser", captions=False)
    assert lit_mia.attacks_for("target/openmoji_variations_http") == list(VARIED)


def test_a_path_is_asked_at_every_level():
    assert lit_mia.attacks_for("shipped:openmoji-demo") == list(PLAIN)


def test_a_kind_of_model_that_cannot_be_asked_something_is_not_offered_it(family_folder, tiny_ddpm_folder):
    from diffusers import DDPMPipeline

    assert lit_mia.attacks_for(family_folder("sd3")) == list(PLAIN[:6])  # flow matching has no such noise
    without_captions = [name for name in PLAIN[6:] if name != "CLiD"]
    assert lit_mia.attacks_for(DDPMPipeline.from_pretrained(tiny_ddpm_folder), captions=False) == without_captions
