"""Lightning's own commands: train a head, test it, score unknown records, and what is refused."""

import copy
import csv
import json
import os
import re
import signal

import pytest
import torch
import yaml

from lit_mia.errors import HeadError
from lit_mia.main import main, run
from lit_mia.queries.store import Store

pytestmark = pytest.mark.slow

WRITER = ["--trainer.callbacks+=PredictionWriter", "--trainer.callbacks.output=out/predictions.csv"]
LOGGER = {"class_path": "WandbLogger", "init_args": {"project": "heads", "save_dir": "runs", "offline": True}}


@pytest.fixture
def checkpoint(fitted) -> str:
    """The checkpoint of the fit, relative to the working directory."""
    (path,) = fitted.root.glob("run/**/*.ckpt")
    return str(path.relative_to(fitted.root))


def test_fit_saves_head_and_config(fitted, checkpoint):
    saved = torch.load(checkpoint, weights_only=True)
    assert saved["head"] == "AttackIIS"
    assert saved["epoch"] == 1
    assert {len(scores) > 1 for scores in saved["calibration"].values()} == {True}
    config = yaml.safe_load((fitted.root / "run/config-fit.yaml").read_text())
    assert config["model"]["init_args"]["widths"] == [8, 4]
    assert config["data"]["init_args"]["store"] == "store"
    assert config["seed_everything"] == 0


def test_a_saved_config_fits_again(fitted):
    (fitted.root / "run").rename(fitted.root / "old")
    run(["fit", "--config", "old/config-fit.yaml", "--trainer.max_epochs=1"])
    assert len(list(fitted.root.glob("run/**/*.ckpt"))) == 1


def test_test_freezes_a_threshold_beside_the_checkpoint(fitted, checkpoint):
    cli = run(["test", "--config", "fit.yaml", "--ckpt_path", checkpoint])
    frozen = json.loads((fitted.root / checkpoint).with_suffix(".threshold.json").read_text())["frozen"]
    assert 0 <= frozen["realised_fpr_ci"][0] <= frozen["realised_fpr"] <= frozen["realised_fpr_ci"][1] <= 1
    assert frozen["nominal_fpr"] == 0.1
    assert 0 <= float(cli.trainer.callback_metrics["test/auc"]) <= 1
    assert (fitted.root / "run/config-test.yaml").is_file()


def test_every_test_of_a_head_is_counted_and_nothing_else(fitted, checkpoint):
    folder = fitted.root / "store/openings"
    run(["validate", "--config", "fit.yaml", "--ckpt_path", checkpoint])
    assert not folder.exists()
    for _ in range(2):
        run(["test", "--config", "fit.yaml", "--ckpt_path", checkpoint])
    run(["predict", "--config", "fit.yaml", "--ckpt_path", checkpoint, *WRITER])
    (account,) = folder.glob("*.jsonl")
    lines = [json.loads(line) for line in account.read_text(encoding="utf-8").splitlines()]
    assert [line["command"] for line in lines] == ["test", "test"]
    assert len({line["config"] for line in lines}) == 1


def test_predict_says_what_its_scores_are_worth(fitted, checkpoint, capsys):
    run(["test", "--config", "fit.yaml", "--ckpt_path", checkpoint])
    frozen = json.loads((fitted.root / checkpoint).with_suffix(".threshold.json").read_text())["frozen"]
    capsys.readouterr()
    run(["predict", "--config", "fit.yaml", "--ckpt_path", checkpoint, *WRITER, "--trainer.callbacks.prior=0.2"])
    lines = list(csv.DictReader((fitted.root / "out/predictions.csv").open()))
    assert [line["id"] for line in lines] == [f"record-{i}" for i in range(80, 86)]
    for line in lines:
        assert float(line["realised_fpr"]) == frozen["realised_fpr"]
        assert float(line["prior"]) == 0.2
        assert line["above_threshold"] == str(float(line["score"]) >= frozen["threshold"])
        assert 0 < float(line["nonmembers_scoring_higher"]) <= 1
    said = capsys.readouterr().out
    assert f"it realised {frozen['realised_fpr']:.1%}" in said
    assert re.search(r"If 20% of the records you ask about were members, .* between \d+% and \d+%", said)


def test_an_untested_head_predicts_nothing(fitted, checkpoint):
    with pytest.raises(HeadError, match=r"no frozen threshold.*lit-mia test"):
        run(["predict", "--config", "fit.yaml", "--ckpt_path", checkpoint, *WRITER])
    assert not (fitted.root / "out").exists()


@pytest.mark.parametrize("command", ["validate", "test", "predict"])
def test_random_weights_score_nothing(workspace, command):
    with pytest.raises(HeadError, match=rf"`{command}` needs a trained head.*--ckpt_path"):
        run([command, "--config", "fit.yaml"])
    with pytest.raises(HeadError, match=r"'nowhere\.ckpt' does not exist"):
        run([command, "--config", "fit.yaml", "--ckpt_path", "nowhere.ckpt"])
    for keyword in ("best", "last", "hpc"):
        with pytest.raises(HeadError, match=rf"`--ckpt_path {keyword}` is known only .*`{command}`.*Give the file"):
            run([command, "--config", "fit.yaml", "--ckpt_path", keyword])
    assert not (workspace.root / "store").exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer"),
        (b"", "is empty"),
        (b"PK no checkpoint", "is no file of torch, is damaged, or holds code"),
        (None, "a model of another program"),
    ],
)
@pytest.mark.parametrize("command", ["fit", "test"])
def test_what_is_no_checkpoint_is_refused_before_anything_is_asked(workspace, command, content, said):
    file = workspace.root / "head.ckpt"
    if content is None:
        torch.save({"state_dict": {}, "hyper_parameters": {"_class_path": "os.getcwd"}}, file)
    else:
        file.write_bytes(content)
    with pytest.raises(HeadError, match=rf"head\.ckpt.* {said}"):
        run([command, "--config", "fit.yaml", "--ckpt_path", "head.ckpt"])
    for keyword in ("best", "hpc"):
        with pytest.raises(HeadError, match="Give the file"):
            run([command, "--config", "fit.yaml", "--ckpt_path", keyword])
    assert not (workspace.root / "store").exists()


def test_a_fit_goes_on_from_a_file_and_from_last(fitted, checkpoint, monkeypatch, caplog):
    monkeypatch.setenv("HOME", str(fitted.root))
    cli = run(["fit", "--config", "fit.yaml", "--ckpt_path", f"~/{checkpoint}", "--trainer.max_epochs=3"])
    assert (cli.trainer.current_epoch, cli.trainer.ckpt_path) == (3, str(fitted.root / checkpoint))
    cli = run(["fit", "--config", "fit.yaml", "--ckpt_path", "last", "--trainer.max_epochs=1"])
    assert cli.trainer.current_epoch == 1


def test_a_checkpoint_of_another_head_is_refused(fitted, checkpoint):
    other = fitted.changed("fit.yaml", {"model": {"class_path": "AttackIS", "init_args": {"widths": [8, 4]}}})
    with pytest.raises(HeadError, match=r"names the head lit_mia\.attacks\.AttackIS, but .* holds .*AttackIIS"):
        run(["test", "--config", other, "--ckpt_path", checkpoint])


def test_settings_from_the_checkpoint_are_announced(fitted, checkpoint, capsys):
    run(["test", "--config", "fit.yaml", "--ckpt_path", checkpoint, "--model.widths=[16, 4]", "--model.lr=0.5"])
    said = capsys.readouterr().out
    assert "From the checkpoint: model.lr = 0.01 (config: 0.5)" in said
    assert "model.widths = (8, 4)" in said.replace("[8, 4]", "(8, 4)")


def test_abbreviations_are_refused(workspace, capsys):
    with pytest.raises(SystemExit) as ended:
        run(["fit", "--config", "fit.yaml", "--trainer.max_epoch=1"])
    assert ended.value.code == 2
    assert "max_epoch" in capsys.readouterr().err


def test_a_real_command_line_draws_no_warning_about_itself(fitted, monkeypatch, recwarn):
    monkeypatch.setattr("sys.argv", ["lit-mia", "fit", "--config", "fit.yaml", "--trainer.fast_dev_run=true"])
    main()
    assert [str(warning.message) for warning in recwarn if "args parameter" in str(warning.message)] == []


def test_a_mistake_ends_with_its_message(workspace, failure):
    changes = {"data.init_args.target.init_args.path": "no/such/folder"}
    assert "There is no folder" in failure("fit", "--config", workspace.changed("fit.yaml", changes))
    assert "There is no config 'nowhere'" in failure("fit", "--config", "nowhere")
    said = failure("fit", "--config", "fit.yaml", *WRITER, "--trainer.callbacks.prior=2")
    assert "`prior` must be in (0, 1), but got 2" in said


def test_two_runs_of_wandb_keep_their_configs_apart(workspace, read_wandb):
    import wandb

    config = workspace.changed("fit.yaml", {"trainer.logger": LOGGER, "trainer.max_epochs": 1})
    versions = []
    for lr in (0.01, 0.02):
        cli = run(["fit", "--config", config, f"--model.lr={lr}", "--trainer.enable_checkpointing=false"])
        versions.append(cli.trainer.logger.version)
        wandb.finish()
    assert len(set(versions)) == 2
    for version, lr in zip(versions, (0.01, 0.02), strict=True):
        saved = yaml.safe_load((workspace.root / f"runs/heads/{version}/config-fit.yaml").read_text())
        assert saved["model"]["init_args"]["lr"] == lr
    found = read_wandb(workspace.root / "runs")
    assert sorted(read.config["lr"] for read in found) == [0.01, 0.02]
    for read in found:
        assert read.config["widths"] == [8, 4]
        assert read.config["datamodule"]["init_args"]["source"]["init_args"]["path"] == "records.csv"
        assert 0 <= read.summary["val/auc"] <= 1


def test_a_tested_head_is_tracked_with_hashes_scores_and_curve(fitted, checkpoint, read_wandb):
    import wandb

    changes = {"trainer.logger": LOGGER, "trainer.callbacks": [{"class_path": "TrackScores"}]}
    run(["test", "--config", fitted.changed("fit.yaml", changes), "--ckpt_path", checkpoint])
    wandb.finish()
    (read,) = read_wandb(fitted.root / "runs")
    assert read.config["split_digest"] == json.loads((fitted.root / "store/splits.json").read_text())["digest"]
    assert len(read.config["store_digest"]) == 64
    assert read.config["stage"] == "test"
    assert 0 <= read.summary["test/auc"] <= 1
    (table,) = fitted.root.rglob("scores*.table.json")
    assert len(json.loads(table.read_text())["data"]) == 32
    assert len(list(fitted.root.rglob("roc*.png"))) == 1


@pytest.mark.parametrize(("callback", "code"), [("Terminated", 143), ("Interrupted", 130)])
def test_a_fit_that_is_cut_off_looks_neither_like_success_nor_like_a_gate(
    workspace, monkeypatch, capsys, callback, code
):
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which Lightning ignores once it was pressed
    monkeypatch.setattr(
        "sys.argv", ["lit-mia", "fit", "--config", "fit.yaml", f"--trainer.callbacks=terminated.{callback}"]
    )
    with pytest.raises(SystemExit) as ended:
        main()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    assert ended.value.code == code
    assert "what a target answered is kept; the same command" in capsys.readouterr().err


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_an_audit_that_is_cut_off_where_lightning_does_not_listen_says_what_is_kept(
    workspace, monkeypatch, capsys, sent, code
):
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which Lightning ignores once it was pressed
    config = workspace.changed("audit.yaml", {"placebo": None})
    monkeypatch.setattr("sys.argv", ["lit-mia", "query", "--config", config])
    monkeypatch.setattr(Store, "append", lambda *_: os.kill(os.getpid(), sent))
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == code
    assert "what was stored is kept, and the same command goes on from there" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"target.init_args.steps": 3}, "`target`: steps 2 → 3"),
        ({"image_size": 8}, "`image_size` 16 → 8"),
        ({"encoder.init_args.normalize": False}, "`encoder`: normalize True → False"),
        ({"images_per_record": 2}, "`images_per_record` 1 → 2"),
        ({"prompts": "fixed"}, "`prompts` own → fixed"),
    ],
)
@pytest.mark.parametrize("command", ["test", "predict"])
def test_a_head_is_not_asked_about_other_inputs_than_its_own(fitted, checkpoint, command, change, said):
    before = sorted(fitted.root.rglob("store/*"))
    other = fitted.changed("fit.yaml", {f"data.init_args.{key}": value for key, value in change.items()})
    with pytest.raises(HeadError, match=f"{said}.*ShadowDataModule"):
        run([command, "--config", other, "--ckpt_path", checkpoint])
    assert sorted(fitted.root.rglob("store/*")) == before


def test_a_head_of_one_target_scores_another_in_a_shadow_datamodule(fitted, checkpoint):
    data = yaml.safe_load((fitted.root / "data.yaml").read_text(encoding="utf-8"))
    attacked = copy.deepcopy(data)
    attacked["init_args"]["target"] = yaml.safe_load((fitted.root / "audit.yaml").read_text(encoding="utf-8"))[
        "placebo"
    ]
    attacked["init_args"]["store"] = "attacked"
    both = {"class_path": "ShadowDataModule", "init_args": {"shadow": data, "attacked": attacked}}
    cli = run(["test", "--config", fitted.changed("fit.yaml", {"data": both}), "--ckpt_path", checkpoint])
    assert 0 <= float(cli.trainer.callback_metrics["test/auc"]) <= 1


def test_records_that_nobody_labelled_need_no_splits(fitted, checkpoint):
    run(["test", "--config", "fit.yaml", "--ckpt_path", checkpoint])
    lines = (fitted.root / "records.csv").read_text(encoding="utf-8").splitlines()
    (fitted.root / "unknown.csv").write_text("\n".join([lines[0], *lines[-4:]]), encoding="utf-8")
    changes = {"data.init_args.source.init_args.path": "unknown.csv", "data.init_args.store": "unlabelled"}
    run(["predict", "--config", fitted.changed("fit.yaml", changes), "--ckpt_path", checkpoint, *WRITER])
    assert len((fitted.root / "out/predictions.csv").read_text(encoding="utf-8").splitlines()) == 5
