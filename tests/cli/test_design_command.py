"""The command that makes a design, as its user gives it: a folder or a config, mistakes, and an interruption."""

import json

import pytest
import yaml
from designed import contents, scene

from lit_mia.designs import Manifest
from lit_mia.main import main, run

pytestmark = pytest.mark.slow


@pytest.fixture
def images(tmp_path, monkeypatch):
    """A folder of 60 images with captions, in the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["lit-mia"])
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(60):
        scene(number).save(folder / f"{number:02d}.png")
        (folder / f"{number:02d}.txt").write_text(f"picture {number}", encoding="utf-8")
    return folder


def mistake(line, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["lit-mia", *line.split()])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    return capsys.readouterr().err


def test_a_folder_of_images_becomes_a_design(images, capsys):
    manifest = run(["design", "--images", "images", "--output", "d"])
    said = capsys.readouterr().out
    assert said.index("What the design can show") < said.index("Publish d/design.json now")
    assert "--train_data_dir d/train --caption_column text" in said
    assert manifest.commitment in said
    assert manifest == Manifest.read(images.parent / "d")
    before = contents(images.parent / "d")
    again = run(["design", "--images", "images", "--output", "d"])
    assert "is finished, and is left as it is" in capsys.readouterr().out
    assert again == manifest
    assert contents(images.parent / "d") == before


def test_a_finished_design_that_was_damaged_is_said_to_be_so_and_not_mended(images, capsys, monkeypatch):
    """Before it is trained on; nor is what a model was trained on ever put right afterwards."""
    run(["design", "--images", "images", "--output", "d"])
    lost = next((images.parent / "d/train").glob("*.png"))
    lost.unlink()
    assert f"1 dropped: {lost.name}" in mistake("design --images images --output d", capsys, monkeypatch)
    assert not lost.exists()


def test_a_config_and_the_same_seed_give_the_same_design(images, caplog):
    config = {
        "source": {"class_path": "FolderSource", "init_args": {"path": "images"}},
        "canaries": {"kinds": ["synthetic"], "copies": [1, 2], "per_tier": 4, "budget": 0.3},
        "seed": 5,
    }
    (images.parent / "mine.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    first = run(["design", "--config", "mine.yaml"])
    assert run(["design", "--config", "mine.yaml", "--output", "other", "--seed", "5"]) == first
    assert "whoever knows or guesses it knows who is in" in caplog.text
    assert run(["design", "--config", "mine.yaml", "--output", "another", "--seed", "6"]) != first
    assert json.loads((images.parent / "runs/mine/design.json").read_bytes())["canaries"] == {
        "synthetic": {"0": 100, "1": 4, "2": 4}
    }


def test_images_without_captions_are_for_dreambooth(images):
    for file in images.glob("*.txt"):
        file.unlink()
    run(["design", "--images", "images", "--output", "d", "--layout", "dreambooth"])
    assert {path.suffix for path in (images.parent / "d/train").iterdir()} == {".png"}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "needs one source of images"),
        ("--images images --config design/openmoji", "needs one source of images"),
        ("--images images --output images/d", "is inside images"),
        ("--images images --output images/..", "is there already and is no design"),
        ("--images nowhere", "There is no folder 'nowhere'"),
        ("--images images --include 0.9", "200 groups are needed, 20 on each side"),
        ("--images images --include 1", "between 0 and 1, but got 1.0"),
        ("--images images --seed=", "`seed` is empty"),
        ("--images images --layout kohya", "only imagefolder, dreambooth"),
        ("--images images --canaries.never 9", "`never` must be at least 100"),
        ("--images images --canaries {}", "the real images of 127 groups, but there are 60 groups"),
        ("--images images --layout dreambooth --canaries {}", "has no captions"),
        ("--images images --output /proc/design", "cannot be written whole"),
    ],
)
def test_mistakes_are_said_before_anything_is_written(images, line, said, capsys, monkeypatch):
    assert said in mistake(f"design {line}", capsys, monkeypatch)
    assert [path.name for path in images.parent.iterdir()] == ["images"]


@pytest.mark.parametrize("missing", [range(60), range(3)], ids=["all", "some"])
def test_missing_captions_are_said(images, missing, capsys, monkeypatch):
    for number in missing:
        (images / f"{number:02d}.txt").unlink()
    assert "caption" in mistake("design --images images --output d", capsys, monkeypatch)
    assert not (images.parent / "d").exists()


def test_images_that_are_all_alike_are_one_group(images, capsys, monkeypatch):
    for file in images.glob("*.png"):
        scene(1).save(file)
    assert "Groups of images that differ: 1," in mistake("design --images images --output d", capsys, monkeypatch)
    assert not (images.parent / "d").exists()
