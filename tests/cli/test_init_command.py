"""`lit-mia init`: a commented config that an audit reads, after a look at what is there."""

import itertools
import re
import sys
from pathlib import Path

import pytest
import yaml
from PIL import Image

from lit_mia.blocks import loads
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
        ([*FOLDERS, "--output", "records.csv", "--overwrite"], "would take the place of what that file holds"),
        ([*FOLDERS, "--output", "out"], "`--output` names a file to write, but out is a folder"),
        ([*FOLDERS, "--output", ""], "`--output` names a file to write, but . is a folder"),
        ([*FOLDERS, "--output", "a" * 300], "`--output` cannot be written: [Errno 36] File name too long"),
        ([*FOLDERS, "--access", "denoise", "--output", "in/0.txt/own.yaml"], "Nothing can be written in"),
        ([*FOLDERS, "--output", "a\nb.yaml"], r"`--output 'a\nb.yaml'` has a character that no comment"),
        ([*FOLDERS, "--output", "a\udcff.yaml"], r"`--output 'a\udcff.yaml'` has a character that no comment"),
        (["--target", "~no-such-user/pipeline"], "A path begins with `~`, and whose folder that is cannot be told"),
        (["--target", "null"], "There is no folder 'null'"),
        (["--target", "# a"], "There is no folder '# a'"),
    ],
)
def test_what_is_missing_or_of_another_kind_is_said(inside, failure, args, message):
    assert message in failure("init", *args)
    assert not Path("own_audit.yaml").exists()
    assert Path("records.csv").read_text().startswith("image,")


def test_nobody_is_asked_where_the_input_is_closed(inside, monkeypatch, failure):
    monkeypatch.setattr(sys, "stdin", None)
    assert "`--target` is missing, and nobody can be asked here" in failure("init")


ODD = (
    "it's",
    'a "b"',
    "a # b",
    "# a",
    "~",
    "${HOME}",
    "1e3",
    "null",
    " a ",
    "- a",
    "ä☃",
    "a\nb",
    "a\u2028b",
    "a\x85b",
    "{{ a }}",
)


@pytest.mark.parametrize("name", ODD)
def test_a_path_is_read_as_it_was_given_whatever_it_is_called(name):
    of_csv = loads(config_text(Beginning(name, None, None, name, "both", True), Path("own.yaml")))
    of_folders = loads(
        config_text(Beginning(name, name, name, None, "generate", False), Path(f"{name[0].strip()}o.yaml"))
    )
    data, also = of_csv["data"]["init_args"], of_csv["also"]["init_args"]
    assert data["target"]["init_args"]["path"] == data["source"]["init_args"]["path"] == name
    assert also["target"]["init_args"]["path"] == name
    sources = of_folders["data"]["init_args"]["source"]["init_args"]["sources"]
    assert [source["init_args"]["path"] for source in sources] == [name, name]


def test_a_config_of_its_own_is_replaced_and_lies_at_home_if_asked(inside, monkeypatch, failure):
    monkeypatch.setenv("HOME", str(inside))
    run(["init", *FOLDERS, "--access", "generate", "--output", "~/own.yaml"])
    assert "own.yaml exists already" in failure("init", *FOLDERS, "--output", "own.yaml")
    run(["init", *FOLDERS, "--access", "denoise", "--output", "own.yaml", "--overwrite"])
    assert "statistic/secmi" in Path("own.yaml").read_text()


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
