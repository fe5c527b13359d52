"""`lit-mia init`: a commented config that an audit reads, after a look at what is there."""

import itertools
import re
import sys
from pathlib import Path

import pytest
import yaml
from PIL import Image

from lit_mia.cli.beginning.writing import Beginning, config_text
from lit_mia.cli.commands import parse
from lit_mia.cli.initializing import initialize
from lit_mia.main import run

ANSWERS = {"Where is the target": "pipeline", "Where are images that": "in", "Where are images of the same": "out"}


@pytest.fixture
def inside(tmp_path, monkeypatch, tiny_pipeline_folder, tiny_ddpm_folder):
    """A working directory with two pipelines, two folders of images and captions, and a CSV of both."""
    monkeypatch.chdir(tmp_path)
    Path("pipeline").symlink_to(tiny_pipeline_folder)
    Path("pixels").symlink_to(tiny_ddpm_folder)
    lines = ["image,caption,member"]
    for member, folder in ((1, "in"), (0, "out")):
        Path(folder).mkdir()
        for number in range(3):
            Image.new("RGB", (16, 16), (number, member, 0)).save(f"{folder}/{number}.png")
            Path(f"{folder}/{number}.txt").write_text("a word")
            lines.append(f"{folder}/{number}.png,a word,{member}")
    Path("records.csv").write_text("\n".join(lines))
    return tmp_path


FOLDERS = ("--target", "pipeline", "--images", "in", "--non-members", "out")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("access", "of_csv", "captioned"),
    [*itertools.product(["generate", "denoise", "both"], [True, False], [True, False])],
)
def test_every_config_is_one_that_an_audit_reads(inside, access, of_csv, captioned):
    csv, folders = ("records.csv", (None, None)) if of_csv else (None, ("in", "out"))
    text = config_text(Beginning("pipeline", *folders, csv, access, captioned), Path("own.yaml"))
    Path("own.yaml").write_text(text)
    parsed = parse("audit", ["--config", "own.yaml"])
    assert text.splitlines()[0] == "# lit-mia audit --config own.yaml"
    assert parsed.run.name == "own"
    assert (parsed.audit.also is not None) == (access == "both")
    assert sorted(parsed.audit.data.source.load().members) == [0, 0, 0, 1, 1, 1]


def test_every_key_has_a_comment(inside):
    text = config_text(Beginning("pipeline", "in", "out", None, "both", False), Path("own.yaml"))
    lines = text.splitlines()
    keys = [(before, line) for before, line in itertools.pairwise(lines) if re.match(r" *[a-z_]+:", line)]
    bare = [line.strip() for before, line in keys if not before.lstrip().startswith("#")]
    assert {line.partition(":")[0] for line in bare} == {"class_path", "init_args"}  # of which a comment tells above
    assert all(len(line) <= 120 for line in lines)
    assert yaml.safe_load(text)["design"] == "post_hoc"


def test_flags_write_a_config_and_what_was_found_is_said(inside, capsys):
    run(["init", *FOLDERS, "--access", "generate"])
    assert capsys.readouterr().out.splitlines() == [
        "Target: pipeline, a StableDiffusionPipeline.",
        "Images: 3 members, 3 non-members, each with a caption.",
        "Written: own_audit.yaml",
        "Next: `lit-mia audit --config own_audit.yaml --dry-run` says what it would cost.",
    ]
    Path("out/1.txt").unlink()
    run(["init", *FOLDERS, "--access", "generate", "--overwrite"])
    assert "not all with captions, so none are used" in capsys.readouterr().out
    assert "captioner: captioner/blip_base" in Path("own_audit.yaml").read_text()


def test_three_questions_are_asked_on_a_terminal(inside, monkeypatch, capsys):
    asked = []

    def answered(question):
        asked.append(question)
        return next((answer for words, answer in ANSWERS.items() if question.startswith(words)), "denoise")

    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", answered)
    initialize("init", ["--output", "asked.yaml"])
    assert len(asked) == 4
    assert "statistic/secmi" in Path("asked.yaml").read_text()
    monkeypatch.setitem(ANSWERS, "Where are images that", "records.csv")
    initialize("init", ["--output", "of_csv.yaml"])
    assert len(asked) == 7
    assert "path: records.csv" in Path("of_csv.yaml").read_text()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "`--target` is missing, and nobody can be asked here. Give `--target`, `--images` with"),
        (["--target", "pipeline"], "`--images` is missing"),
        (["--target", "pipeline", "--images", "in"], "`--non-members` is missing"),
        (FOLDERS, "`--access` is missing"),
        ((*FOLDERS, "--csv", "records.csv"), "or `--csv FILE` alone"),
        (["--target", "https://x.org/v1"], "For an API begin with `lit-mia configs audit/openmoji_http`"),
        (["--target", "lora.safetensors"], "For LoRA weights begin with `lit-mia configs audit/own_lora`"),
        (["--target", "nowhere"], "nowhere"),
        (["--target", "pipeline", "--images", "none", "--non-members", "out"], "There is no folder 'none'"),
        ((*FOLDERS[:4], "--non-members", "out/../in"), "Members and non-members are both in in."),
        (["--target", "pixels", *FOLDERS[2:], "--access", "both"], "The target reads no captions"),
        ([*FOLDERS, "--access", "denoise", "--output", "records.csv"], "records.csv exists already"),
    ],
)
def test_what_is_missing_or_of_another_kind_is_said(inside, failure, args, message):
    assert message in failure("init", *args)
    assert not Path("own_audit.yaml").exists()
    assert Path("records.csv").read_text().startswith("image,")


def test_a_question_that_is_not_answered_is_a_mistake(inside, monkeypatch, failure):
    def ended(question):
        raise EOFError

    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", ended)
    assert "Nothing was answered. Answer the question, or give `--target`" in failure("init")


def test_commands_that_it_names_hold_for_a_file_with_spaces(inside, capsys):
    run(["init", *FOLDERS, "--access", "denoise", "--output", "my audit.yaml"])
    assert "`lit-mia audit --config 'my audit.yaml' --dry-run`" in capsys.readouterr().out
    assert Path("my audit.yaml").read_text().startswith("# lit-mia audit --config 'my audit.yaml'\n")
