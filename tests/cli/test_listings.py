"""`lit-mia configs` and `lit-mia plugins`."""

import pytest

from lit_mia.blocks import config_folder, shipped_names
from lit_mia.main import run


def test_configs_lists_every_shipped_file_with_its_first_comment(capsys):
    run(["configs"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.strip().split()[0] for line in lines if line.startswith("  ")] == shipped_names()
    assert {line for line in lines if not line.startswith("  ")} == {
        f"{path.name}/" for path in config_folder().iterdir()
    }
    (line,) = [line for line in lines if line.split()[0] == "attack/ii_s"]
    assert line.endswith("II-S: reconstruction error, embeddings.")


@pytest.mark.parametrize("name", ["attack/ii_s", "configs/audit/quickstart.yaml"])
def test_configs_prints_one_as_it_is(capsys, name):
    run(["configs", name])
    path = config_folder().parent / f"configs/{name.removeprefix('configs/').removesuffix('.yaml')}.yaml"
    assert capsys.readouterr().out == path.read_text()


def test_an_unknown_config_is_answered_by_a_near_one(failure):
    assert "Did you mean attack/ii_s" in failure("configs", "attack/iis")
    assert "Did you mean data/openmoji_shadow, shadow/openmoji_shadow, source/openmoji_shadow" in failure(
        "configs", "openmoji_shadow"
    )
