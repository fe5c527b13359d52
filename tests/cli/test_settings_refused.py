"""Settings that cannot be meant, or not here, end a command before anything is asked or trained."""

import re

import pytest
import yaml

from lit_mia.errors import LitMiaError
from lit_mia.main import run

pytestmark = pytest.mark.slow

DATA = "data.init_args."


def refused(workspace, *args):
    """What is said; nothing was asked."""
    with pytest.raises(LitMiaError) as told:
        run(args)
    assert not list(workspace.root.rglob("*.safetensors"))
    return str(told.value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"budget.max_epochs": 0}, "`max_epochs` must be at least 1, but got 0"),
        ({"budget.accelerator": "cuda"}, "Heads cannot be trained with `accelerator: cuda`"),
        ({"budget.accelerator": "gpus"}, "Heads cannot be trained with `accelerator: gpus`"),
        ({DATA + "target.init_args.device": "gpu"}, "`device` must be `auto` or a device of torch"),
        ({DATA + "target.init_args.device": "cuda:99"}, "`device` is 'cuda:99', but torch finds no such device"),
        ({"placebo.init_args.device": "cuda:99"}, "`device` is 'cuda:99', but torch finds no such device"),
        ({DATA + "batch_size": 1}, "`batch_size` must be at least 2, but got 1"),
        ({DATA + "target.init_args.path": "memory:abc"}, "is a pipeline that was in the memory of another process"),
    ],
)
def test_an_audit_asks_nothing(workspace, changes, said):
    assert said in refused(workspace, "audit", "--config", workspace.changed("audit.yaml", changes))


def test_a_placebo_with_the_weights_of_the_target_is_refused(workspace):
    data = yaml.safe_load((workspace.root / "data.yaml").read_text(encoding="utf-8"))
    (workspace.root / "link").symlink_to(data["init_args"]["target"]["init_args"]["path"])
    changes = {"placebo.init_args.path": "link", "placebo.init_args.steps": 4}
    said = refused(workspace, "audit", "--config", workspace.changed("audit.yaml", changes))
    assert "holds the weights of the target" in said


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--trainer.max_epochs=0", "II-S was not trained at all: max_epochs is 0"),
        ("--trainer.limit_train_batches=0", "II-S was not trained at all"),
        ("--trainer.devices=0", "devices"),
        ("--trainer.accelerator=cuda", "CUDAAccelerator"),
        ("--model.lr=.nan", "`lr` must be above 0 and finite, but got nan"),
    ],
)
def test_a_fit_asks_nothing(workspace, option, said):
    assert re.search(said, refused(workspace, "fit", "--config", "fit.yaml", option))
