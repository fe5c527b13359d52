"""A training that is watched: what it is told to leak, and that it does not notice."""

import csv
import doctest
import logging

import lightning as L
import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from lightning.pytorch.loggers import CSVLogger
from matplotlib.figure import Figure
from torch import nn
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, TensorDataset

from lit_mia.callbacks import LeakWhileTraining
from lit_mia.errors import TrainingError
from lit_mia.metrics.loss_gap import leak
from lit_mia.training_batch import ProbeBatch


class Regression(L.LightningModule):
    """Learns 32 labels of noise by heart; dropout and batch norm are what an evaluation must not disturb."""

    probes = ("weak noise", "strong noise")

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(24, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(0.1), nn.Linear(64, 1))
        self.frozen = nn.Dropout(0.5).eval()
        self.losses = []

    def training_step(self, batch, batch_idx):
        x, y = batch
        loss = (self.net(x + 0.1 * torch.randn_like(x))[:, 0] - y).square().mean()
        self.losses.append(loss.item())
        return loss

    def probe_losses(self, batch, seeds):
        assert not self.training
        assert not torch.is_grad_enabled()
        x, y = batch
        torch.rand(3), np.random.rand()
        noise = torch.stack([torch.randn(24, generator=torch.Generator().manual_seed(seed)) for seed in seeds])
        return torch.stack([(self.net(x + s * noise)[:, 0] - y).square() for s in (0.1, 0.5)], dim=1)

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=0.01)


def records(seed, n=32):
    generator = torch.Generator().manual_seed(seed)
    return TensorDataset(torch.randn(n, 24, generator=generator), torch.randn(n, generator=generator))


TRAINED, HELD_OUT = records(0), records(1)


def watch(held_out=HELD_OUT, **settings):
    return LeakWhileTraining.between(
        DataLoader(TRAINED, 12), DataLoader(held_out, 12), **{"every_n_steps": 8, **settings}
    )


def train(folder, callback=None, *, model=None, ckpt=None, **settings):
    L.seed_everything(0, verbose=False)
    model = model or Regression()
    trainer = L.Trainer(
        accelerator="cpu",
        max_steps=settings.pop("max_steps", 40),
        max_epochs=-1,
        callbacks=[callback] if callback else [],
        default_root_dir=folder,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        **{"logger": False, **settings},
    )
    trainer.fit(model, DataLoader(TRAINED, 8, shuffle=True), ckpt_path=ckpt, weights_only=True)
    return model, trainer


def rows_of(folder):
    with (folder / "leak.csv").open(encoding="utf-8") as file:
        return [{name: float(value) if value else None for name, value in row.items()} for row in csv.DictReader(file)]


@pytest.fixture(autouse=True)
def plain_figure(monkeypatch):
    """An empty figure takes a tenth of the time; the training of `watched` draws the real one."""
    monkeypatch.setattr("lit_mia.callbacks.leak_while_training.leak_figure", lambda rows: Figure())


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    folder = tmp_path_factory.mktemp("watched")
    model, _ = train(folder, watch(), logger=CSVLogger(folder, "log", ""))
    return folder, model


def test_what_is_learnt_by_heart_leaks_and_at_the_start_nothing_has(watched):
    first, *_, last = rows_of(watched[0])
    assert first["leak/auc_lo"] < 0.5 < first["leak/auc_hi"]
    assert (first["leak/gap_since_start"], first["leak/gap_since_start_lo"]) == (0, None)
    assert first["leak/auc_since_start"] == 0.5
    for name in ("gap", "gap_since_start", "gap/weak noise", "gap_since_start/strong noise"):
        assert last[f"leak/{name}_lo"] > 0.3
    assert min(last["leak/auc_lo"], last["leak/auc_since_start_lo"]) > 0.6


def test_measured_are_start_every_nth_step_and_end(watched, tmp_path):
    rows = rows_of(watched[0])
    assert [row["step"] for row in rows] == [0, 8, 16, 24, 32, 40]
    assert [row["epoch"] for row in rows] == [0, 2, 4, 6, 8, 10]
    train(tmp_path, watch(every_n_steps=None), max_steps=33, accumulate_grad_batches=2)
    assert [row["step"] for row in rows_of(tmp_path)] == [*range(0, 34, 3)]


def test_kept_losses_say_what_is_told(watched):
    folder, model = watched
    table, last = pq.read_table(folder / "record_losses.parquet").to_pandas(), rows_of(folder)[-1]
    assert list(table) == ["step", "epoch", "id", "group", "member", "loss/weak noise", "loss/strong noise"]
    assert (table.groupby("step").size() == 64).all()
    ends = [table[table.step == step].iloc[:, -2:].to_numpy() for step in (0, 40)]
    members = np.repeat([1, 0], 32)
    told, since = leak(ends[1], members), leak(ends[1] - ends[0], members)
    assert (last["leak/gap"], last["leak/gap_lo"], last["leak/gap_hi"]) == pytest.approx(told.gap)
    assert last["leak/gap_since_start_hi"] == pytest.approx(since.gap.hi)
    assert (last["leak/auc"], last["leak/auc_since_start"]) == pytest.approx((told.auc.auc, since.auc.auc))
    assert last["quality/held_out_loss"] - last["quality/train_loss"] == pytest.approx(told.gap.value)
    x, y = TRAINED.tensors
    assert ends[1][0] == pytest.approx(_expected(model, x[0], y[0], "member-0"), rel=1e-4)


def _expected(model, x, y, name):
    import hashlib

    seed = int(hashlib.sha256(name.encode()).hexdigest()[:12], 16)
    noise = torch.randn(24, generator=torch.Generator().manual_seed(seed))
    net = model.net.eval()
    return [(net((x + s * noise)[None])[0, 0] - y).square().item() for s in (0.1, 0.5)]


def test_a_training_does_not_notice_that_it_is_watched(watched, tmp_path):
    alone, _ = train(tmp_path)
    assert watched[1].losses == alone.losses
    assert watched[1].training
    assert not watched[1].frozen.training
    assert not (tmp_path / "leak.csv").exists()


def test_loggers_and_a_figure_show_it(watched):
    folder = watched[0]
    with (folder / "log/metrics.csv").open(encoding="utf-8") as file:
        logged = list(csv.DictReader(file))
    assert [float(row["leak/auc"]) for row in logged] == [row["leak/auc"] for row in rows_of(folder)]
    assert [int(row["step"]) for row in logged] == [0, 8, 16, 24, 32, 40]
    assert (folder / "leak.png").read_bytes().startswith(b"\x89PNG")
    assert not list(folder.glob(".*"))


def test_random_labels_of_records_that_nobody_trains_on_show_no_leak(tmp_path):
    callback = LeakWhileTraining.between(DataLoader(records(2, 200), 50), DataLoader(records(3, 200), 50))
    train(tmp_path, callback)
    last = rows_of(tmp_path)[-1]
    for name, nothing in (("gap", 0), ("gap_since_start", 0), ("auc", 0.5), ("auc_since_start", 0.5)):
        assert last[f"leak/{name}_lo"] < nothing < last[f"leak/{name}_hi"]


def test_easier_records_on_one_side_are_no_leak_since_the_start(tmp_path):
    x, y = records(3, 200).tensors
    easy = DataLoader(TensorDataset(x, y * 0.2), 50)
    train(tmp_path, LeakWhileTraining.between(easy, DataLoader(records(4, 200), 50)), max_steps=10)
    first, last = rows_of(tmp_path)[0], rows_of(tmp_path)[-1]
    assert min(first["leak/gap_lo"], first["leak/auc_lo"] - 0.5) > 0.05
    assert last["leak/gap_since_start_lo"] < 0 < last["leak/gap_since_start_hi"]


# ---------------------------------------------------------------------- going on


def test_a_training_that_goes_on_measures_nothing_twice_and_nothing_is_lost(tmp_path, watched):
    _, trainer = train(tmp_path, watch(), max_steps=20)
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    before = rows_of(tmp_path)
    assert [row["step"] for row in before] == [0, 8, 16, 20]
    train(tmp_path, watch(), max_steps=24, ckpt=tmp_path / "last.ckpt")
    train(tmp_path, watch(), ckpt=tmp_path / "last.ckpt")  # what was measured after the checkpoint is dropped
    rows = rows_of(tmp_path)
    assert [row["step"] for row in rows] == [0, 8, 16, 20, 24, 32, 40]
    assert rows[:4] == before
    table = pq.read_table(tmp_path / "record_losses.parquet")
    assert len(table) == 7 * 64
    train(tmp_path, watch(), max_steps=9)  # from the start again
    assert [row["step"] for row in rows_of(tmp_path)] == [0, 8, 9]


def test_what_was_measured_otherwise_is_refused(tmp_path):
    _, trainer = train(tmp_path, watch(), max_steps=8)
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    with pytest.raises(TrainingError, match=r"holds \['weak noise', 'strong noise'\] of 64 records, .* of 24"):
        train(tmp_path, watch(records=12), max_steps=16, ckpt=tmp_path / "last.ckpt")
    (tmp_path / "record_losses.parquet").write_bytes(b"PAR1")
    with pytest.raises(TrainingError, match=r"cannot be read .* Delete it"):
        train(tmp_path, watch(), max_steps=16, ckpt=tmp_path / "last.ckpt")


def test_a_trial_leaves_what_was_measured_alone(tmp_path):
    train(tmp_path, watch(), max_steps=8)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    train(tmp_path, watch(), fast_dev_run=True)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before != {}


# ---------------------------------------------------------------------- other people's modules


def test_the_example_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    scope = {"L": L, "LeakWhileTraining": LeakWhileTraining}
    for example in doctest.DocTestParser().get_examples(LeakWhileTraining.__doc__):
        exec(example.source, scope)
    assert [row["step"] for row in rows_of(tmp_path / "runs/line")] == [0, 10, 20, 30, 40]


def test_a_function_and_named_batches_stand_for_a_method(tmp_path):
    (x, y), (u, v) = TRAINED.tensors, HELD_OUT.tensors
    ids = tuple(f"r{i}" for i in range(32))
    groups = tuple(f"g{i // 2}" for i in range(32))
    callback = LeakWhileTraining.between(
        [ProbeBatch((x, y), ids, groups)],
        [ProbeBatch((u, v), tuple(f"s{i}" for i in range(32)), tuple(f"h{i // 2}" for i in range(32)))],
        losses=lambda module, batch, seeds: (module.net(batch[0])[:, 0] - batch[1]).square()[:, None],
    )
    train(tmp_path, callback, max_steps=4)
    table = pq.read_table(tmp_path / "record_losses.parquet").to_pandas()
    assert list(table["id"][:2]) == ["r0", "r1"]
    assert list(table["group"][:2]) == ["g0", "g0"]
    assert "loss/1" in table
    shown = rows_of(tmp_path)[-1]
    column = table[table.step == 4]["loss/1"].to_numpy()[:, None]
    expected = leak(column, np.repeat([1, 0], 32), np.repeat(np.arange(32), 2))
    assert shown["leak/gap/1_lo"] == pytest.approx(expected.gap.lo)


class Silent(Regression):
    probe_losses = None


class Averaging(Regression):
    def probe_losses(self, batch, seeds):
        return super().probe_losses(batch, seeds).mean(dim=0)


class Misnaming(Regression):
    probes = ("one",)


@pytest.mark.parametrize(
    ("model", "callback", "said"),
    [
        (Regression, LeakWhileTraining(8), "NoneType has no method `probe_batches`.*between"),
        (Silent, watch(), r"Silent has no method `probe_losses\(batch, seeds\)`.*`losses`"),
        (Averaging, watch(), r"losses of 12 records must be \[12, k\].*but are \(2,\)"),
        (Misnaming, watch(), r"`probes` names \['one'\], but there are 2 losses"),
    ],
)
def test_what_is_missing_is_said_before_anything_is_trained(tmp_path, model, callback, said):
    model = model()
    with pytest.raises(TrainingError, match=said):
        train(tmp_path, callback, model=model)
    assert getattr(model, "losses", []) == []


def test_settings_that_make_no_sense_are_refused():
    with pytest.raises(TrainingError, match="`every_n_steps` must be at least 1, but got 0"):
        LeakWhileTraining(0)
    with pytest.raises(TrainingError, match="`held_out` shuffles"):
        LeakWhileTraining.between(DataLoader(TRAINED), DataLoader(HELD_OUT, shuffle=True))
    shuffled = BatchSampler(RandomSampler(TRAINED), 4, False)
    with pytest.raises(TrainingError, match="`members` shuffles"):
        LeakWhileTraining.between(DataLoader(TRAINED, batch_sampler=shuffled), DataLoader(HELD_OUT))
    with pytest.raises(TrainingError, match="`members` can be read only once"):
        LeakWhileTraining.between(iter(()), DataLoader(HELD_OUT))
    with pytest.raises(TrainingError, match="no record to watch"):
        train("unused", LeakWhileTraining.between([], []))
    with pytest.raises(TrainingError, match=r"training without an end\. Give `every_n_steps`"):
        train("unused", watch(every_n_steps=None), max_steps=-1)


def test_without_held_out_records_it_warns_once_and_keeps_the_losses(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        train(tmp_path, LeakWhileTraining.between(DataLoader(TRAINED, 12), [], every_n_steps=8))
    (said,) = [record.message for record in caplog.records if "watched" in record.message]
    assert "32 are trained on and 0 are held out" in said
    last = rows_of(tmp_path)[-1]
    assert last["quality/train_loss"] < 1
    assert {name for name, value in last.items() if value is not None} == {"step", "epoch", "quality/train_loss"}
    assert len(pq.read_table(tmp_path / "record_losses.parquet")) == 6 * 32
    assert (tmp_path / "leak.png").is_file()


def test_a_training_that_diverges_is_still_written_down(tmp_path, caplog):
    class Diverging(Regression):
        def probe_losses(self, batch, seeds):
            return super().probe_losses(batch, seeds) * (torch.nan if self.global_step else 1)

    with caplog.at_level(logging.WARNING):
        train(tmp_path, watch(), model=Diverging(), max_steps=8)
    assert "At step 8 some losses of records are not finite" in caplog.text
    assert rows_of(tmp_path)[-1]["leak/auc"] is None
