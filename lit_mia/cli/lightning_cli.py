"""Lightning's command line with the traps of `ckpt_path`, config saving and abbreviations handled."""

import copy
import warnings
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import lightning as L
import yaml
from jsonargparse import Namespace
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI, SaveConfigCallback
from lightning.pytorch.loggers import WandbLogger

from lit_mia.attacks import Attack
from lit_mia.attacks.checkpoints import read_checkpoint
from lit_mia.attacks.data import HeadDataModule
from lit_mia.attacks.failures import not_trained
from lit_mia.attacks.origins import check_origin
from lit_mia.audits.making import object_keys
from lit_mia.callbacks.keep_target import check_whole, checkpoint_of, is_trial
from lit_mia.cli.commands import resolve
from lit_mia.cli.stated import told_where
from lit_mia.errors import ConfigError, HeadError, TrainingError
from lit_mia.report.tracking import told_in_one_line
from lit_mia.shadow.training import TargetTraining
from lit_mia.trainable import Trainable

KEYWORDS = ("best", "last", "hpc")
"""What Lightning takes for `ckpt_path` beside a file; with `last` a fit goes on where it was cut off, or begins."""
_NOTHING: Any = Namespace()  # type: ignore[no-untyped-call]


class SaveStageConfig(SaveConfigCallback):
    """Saves the config as `config-<stage>.yaml` in the folder of the run, and sends it to W&B."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["save_to_log_dir"] = False
        super().__init__(*args, **kwargs)

    def save_config(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Write beside the logs; called on rank 0 only, so no collective may be used here."""
        folder = Path(str(trainer.default_root_dir))
        for logger in trainer.loggers:
            if isinstance(logger, WandbLogger):
                config = yaml.safe_load(self.parser.dump(self.config, skip_unset=False))
                settings = {"datamodule": config.get("data"), "stage": str(getattr(stage, "value", stage))}
                logger.experiment.config.update(settings, allow_val_change=True)
                folder = Path(str(logger.save_dir)) / str(logger.name) / str(logger.version)
            elif logger.log_dir:
                folder = Path(logger.log_dir)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(
                f"{folder} cannot be made ({error.strerror}). Give another folder for the run."
            ) from error
        name = f"config-{getattr(stage, 'value', stage)}.yaml"
        self.parser.save(self.config, folder / name, skip_unset=False, overwrite=True, multifile=False)


class MembershipCLI(LightningCLI):
    """LightningCLI that refuses to score an untrained head or a checkpoint of another class."""

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """Parse, and keep what the user asked for before a checkpoint's hyper-parameters are laid over it.

        Raises:
            HeadError: If a head would be scored untrained, or `--ckpt_path` leads to no checkpoint of a head.
        """
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "LightningCLI's args parameter")  # `run` got them from the command line
            super().parse_arguments(parser, args)
        self._check_stage(str(self.config["subcommand"]))
        self.asked = copy.deepcopy(self.config)

    def before_instantiate_classes(self) -> None:
        """Compare the model of the config with that of the checkpoint.

        Raises:
            HeadError: If the classes differ.
        """
        stage = str(self.subcommand)
        asked, loaded = self.asked[stage].get("model"), self.config[stage].get("model")
        if not isinstance(asked, Namespace) or not isinstance(loaded, Namespace):
            return
        if _class_name(asked) != _class_name(loaded):
            raise HeadError(
                f"The config names the head {asked.get('class_path')}, but {self.config[stage].get('ckpt_path')} holds "
                f"{loaded.get('class_path')}. Use the config that the head was trained with."
            )
        before, after = asked.get("init_args", _NOTHING), loaded.get("init_args", _NOTHING)
        for key, value in vars(after).items():
            if before.get(key) != value:
                print(f"From the checkpoint: model.{key} = {value} (config: {before.get(key)})")

    def instantiate_trainer(self, **kwargs: Any) -> L.Trainer:
        """Without Lightning's own checkpoints beside those of the training of a target, unless they are asked for."""
        asked = self.config_init[str(self.subcommand)]["trainer"]
        if isinstance(self.model, TargetTraining) and asked["enable_checkpointing"] is None:
            callbacks = asked["callbacks"] or []
            listed = callbacks if isinstance(callbacks, list) else [callbacks]
            kwargs["enable_checkpointing"] = any(isinstance(callback, Checkpoint) for callback in listed)
        return super().instantiate_trainer(**kwargs)

    def before_fit(self) -> None:
        """Let the training of a target go on where it was cut off.

        Raises:
            TrainingError: If there is no checkpoint where it should go on, or a damaged one.
            HeadError: If a head would make no step, or goes on with other inputs than it has learned from.
        """
        self._check_origin()
        length = self.trainer.max_epochs, self.trainer.max_steps, self.trainer.limit_train_batches
        if isinstance(self.model, Attack) and 0 in length:
            raise not_trained(self.model.name, *length)
        kept, options = checkpoint_of(self.trainer), self.config_init["fit"]
        if not isinstance(self.model, TargetTraining) or is_trial(self.trainer):
            return
        if options.get("ckpt_path") in (None, "last"):
            options["ckpt_path"] = str(kept) if kept.is_file() else None
        if options["ckpt_path"] is not None:
            check_whole(options["ckpt_path"])
            options["weights_only"] = True

    def before_validate(self) -> None:
        """Refuse a head that learned from other inputs, before anything is asked.

        Raises:
            HeadError: If it did.
        """
        self._check_origin()

    before_test = before_predict = before_validate

    def _check_origin(self) -> None:
        path, head, data = self.config_init[str(self.subcommand)].get("ckpt_path"), self.model, self.datamodule
        if path not in (None, "last") and isinstance(head, Attack) and isinstance(data, HeadDataModule):
            learned = read_checkpoint(str(path), "--ckpt_path").get("origin")
            check_origin(f"The head in {path}", learned, data.origin(head))

    def _check_stage(self, stage: str) -> None:
        """Refuse to score a target, which is measured by an audit, and see `_check_checkpoint` for heads."""
        model = self.config[stage].get("model")
        if isinstance(model, Namespace) and _trains_target(str(model.class_path)):
            if stage != "fit":
                raise TrainingError(
                    f"`{stage}` scores records by a head, and {model.class_path.rpartition('.')[-1]} trains a target. "
                    "Measure the finished target by `lit-mia audit`."
                )
        else:
            self._check_checkpoint(stage)

    def _check_checkpoint(self, stage: str) -> None:
        """Refuse what Lightning would answer with random weights, or with a traceback."""
        path = self.config[stage].get("ckpt_path")
        if path is None:
            if stage != "fit":
                raise HeadError(
                    f"`{stage}` needs a trained head: give `--ckpt_path FILE` of `lit-mia fit` or of an audit's "
                    "`heads/` folder."
                )
        elif path in KEYWORDS:
            if (stage, path) != ("fit", "last"):
                raise HeadError(
                    f"`--ckpt_path {path}` is known only within the run that trained the head, so `{stage}` cannot "
                    "tell which file it is. Give the file."
                )
        else:
            read_checkpoint(path, "--ckpt_path")
            self.config[stage].ckpt_path = str(Path(path).expanduser())


def run_lightning(command: str, args: Sequence[str]) -> LightningCLI:
    """Run fit, validate, test or predict.

    Args:
        command: Which of them.
        args: What follows it.

    Raises:
        ConfigError: If the Trainer cannot be set up or run as it is asked to.
        TrackingError: If a logger of Weights & Biases reaches nothing.
    """
    line = resolve(args, object_keys())
    try:
        with told_in_one_line(f"`{command}` was cut short, since"), told_where(line.files):
            return MembershipCLI(
                Trainable,
                L.LightningDataModule,
                subclass_mode_model=True,
                subclass_mode_data=True,
                seed_everything_default=0,
                auto_configure_optimizers=False,
                save_config_callback=SaveStageConfig,
                parser_kwargs={"allow_abbrev": False},
                args=[command, *line.args],
            )
    except MisconfigurationException as error:
        raise ConfigError(str(error)) from error


def _trains_target(class_path: str) -> bool:
    """Whether a class, by its full name, trains a target."""
    module, _, name = class_path.rpartition(".")
    return issubclass(getattr(import_module(module), name), TargetTraining)


def _class_name(model: Namespace) -> str:
    """Name of a head without its module, of which there may be two: where it is defined and where it is exported."""
    return str(model.get("class_path")).rpartition(".")[-1]
