"""A mistake in a block is told with the file and the line that it stands in."""

from pathlib import Path

import pytest

from lit_mia.cli.stated import where
from lit_mia.errors import PlanError
from lit_mia.main import run

DATA = """class_path: AuxiliaryDataModule
init_args:
  source: parts/source.yaml
  target: target/openmoji_demo
  store: s
"""
FILES = {
    "audit.yaml": "# first\ndata: data.yaml\nattacks: [attack/i_p, own.yaml]\nbudget: {seeds: 2,\n  seed: 3}\n",
    "data.yaml": DATA,
    "parts/source.yaml": "class_path: OpenMojiSource\n\ninit_args:\n  part: demo\n",
    "own.yaml": "class_path: AttackIIS\ninit_args:\n  widths: &widths [8, 4]\n  lrr: 3\n",
    "fit.yaml": "model: own.yaml\ndata: data.yaml\n",
    "sweep.yaml": "audit: audit.yaml\naxis: data.init_args.store\npoints: [{data.init_args.store: [a]}]\n",
    "target.yaml": "class_path: DiffusersTarget\ninit_args: {path: x, pat: y}\n",
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Files with a mistake in each of their blocks."""
    monkeypatch.chdir(tmp_path)
    Path("parts").mkdir()
    for name, text in FILES.items():
        Path(name).write_text(text)


AUDIT = ("", Path("audit.yaml"))


@pytest.mark.parametrize(
    ("said", "place"),
    [
        ("Parser key 'data': Parser key 'source': Option 'part' is", "`part` stands in line 4 of parts/source.yaml."),
        ("Parser key \"source\":\n  Option 'part' is not accepted", "`part` stands in line 4 of parts/source.yaml."),
        ("Parser key 'attacks':\n  Option 'lrr' is not accepted", "`lrr` stands in line 4 of own.yaml."),
        ("Parser key 'attacks':\n  Parser key 'widths'", "`widths` stands in line 3 of own.yaml."),
        ("Group 'budget' does not accept option 'seed'", "`seed` stands in line 5 of audit.yaml."),
        ("Option 'budget.seed' is not accepted", "`seed` stands in line 5 of audit.yaml."),
    ],
)
def test_keys_are_found_through_blocks_and_lists(said, place):
    assert where(said, [AUDIT]) == place


def test_a_block_of_an_option_is_looked_into():
    assert where("Parser key \"data\":\n  Option 'store'", [("data", Path("data.yaml"))]).endswith(
        "line 5 of data.yaml."
    )


@pytest.mark.parametrize(
    ("files", "place"),
    [
        ([("budget.seeds", None)], ""),
        ([("budget", None)], ""),
        ([("budget.patience", None)], "`seeds` stands in line 4 of audit.yaml."),
        ([("attacks+", None)], "`seeds` stands in line 4 of audit.yaml."),
    ],
)
def test_a_value_of_the_command_line_is_looked_for_in_no_file(files, place):
    assert where('Parser key "budget.seeds"', [AUDIT, *files]) == place


def test_a_block_that_an_option_puts_in_the_place_of_another_is_the_one():
    Path("other.yaml").write_text("class_path: AuxiliaryDataModule\ninit_args: {store: 3}\n")
    said, files = 'Parser key "data":\n  Parser key "store"', [AUDIT, ("data", Path("other.yaml"))]
    assert where(said, files) == "`store` stands in line 2 of other.yaml."
    assert where(said, [*files, ("data.init_args.store", None)]) == ""


def test_a_key_that_stands_in_several_blocks_is_told_of_each():
    Path("audit.yaml").write_text("attacks: [own.yaml, attack/ii_s]\n")
    said = where('Parser key "attacks":\n  Parser key "widths"', [AUDIT])
    assert said.startswith("`widths` stands in line 3 of own.yaml")
    Path("audit.yaml").write_text("attacks: [own.yaml, own.yaml]\n")
    assert where("Option 'attacks.lrr' is not accepted", [AUDIT]) == "`lrr` stands in line 4 of own.yaml."


@pytest.mark.parametrize("said", ["", "unrecognized arguments: --lrr 3", "Option 'elsewhere' is not accepted"])
def test_what_stands_in_no_file_is_told_of_none(said):
    assert where(said, [AUDIT]) == ""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("args", "place"),
    [
        (["audit", "--config", "audit.yaml"], "`part` stands in line 4 of parts/source.yaml."),
        (["query", "--config=audit.yaml"], "`part` stands in line 4 of parts/source.yaml."),
        (["fit", "--config", "fit.yaml"], "`lrr` stands in line 4 of own.yaml."),
        (
            ["design", "--config", "design/openmoji", "--source", "parts/source.yaml"],
            "`part` stands in line 4 of parts/source.yaml.",
        ),
        (["serve-demo", "--generate", "target.yaml"], "`pat` stands in line 2 of target.yaml."),
        (["fit", "--config", "experiment/openmoji", "--model", "own.yaml"], "`lrr` stands in line 4 of own.yaml."),
    ],
)
def test_a_command_that_ends_over_a_key_says_where_it_stands(args, place, capsys):
    with pytest.raises(SystemExit) as ended:
        run(args)
    assert ended.value.code == 2
    said = capsys.readouterr().err.splitlines()
    assert said[-1] == f"lit-mia: {place}"
    assert [line for line in said if "is not accepted" in line]


@pytest.mark.slow
def test_an_audit_within_an_ablation_is_looked_into():
    Path("audit.yaml").write_text("data: data.yaml\nattacks: [attack/ii_s]\n")
    with pytest.raises(PlanError, match=r"'part' is not accepted\n`part` stands in line 4 of parts/source\.yaml\."):
        run(["sweep", "--config", "sweep.yaml"])


def test_an_end_that_names_no_key_reads_no_file():
    assert where("None", [("", Path("gone.yaml"))]) == ""
