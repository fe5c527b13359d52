"""The command that makes the design of an owner."""

from collections.abc import Sequence
from pathlib import Path

from jsonargparse import ArgumentParser, Namespace, set_parsing_settings

from datamodules.sources import FolderSource, RecordSource
from lit_mia.blocks import ObjectKeys
from lit_mia.cli.commands import resolve
from lit_mia.cli.owners_design import OwnersDesign, check_outside
from lit_mia.cli.stated import told_where
from lit_mia.designs.layouts import LAYOUTS
from lit_mia.designs.manifest import PUBLIC, SECRET, TRAIN, Manifest
from lit_mia.errors import CommandError
from lit_mia.report.helping import CommandParser, description


def make(command: str, args: Sequence[str]) -> Manifest:
    """Draw what a model is to be trained on, and write it as folders.

    Args:
        command: `design`.
        args: What follows it.

    Raises:
        CommandError: If there is not one source of images.
    """
    line, made = resolve(args, ObjectKeys([OwnersDesign])), parser(command)
    with told_where(line.files):
        ready = made.instantiate(made.parse_args(line.args))
    output = Path(ready.output or f"runs/{line.name or command}").expanduser()
    settings = {name: ready[name] for name in ("include", "layout", "canaries", "seed", "allow_small")}
    manifest = OwnersDesign(_source(ready, output), **settings).make(output)
    print(_next_steps(manifest, output))
    return manifest


def parser(command: str) -> ArgumentParser:
    """Its parser.

    Args:
        command: `design`.
    """
    set_parsing_settings(instantiate_subclass_spec_in_any=False)
    made = CommandParser(prog=f"lit-mia {command}", description=description(OwnersDesign))
    made.add_argument("-c", "--config", action="config", help="A YAML file, or the name of a shipped one.")
    made.add_argument("--output", type=str, help="Folder of the design; `runs/<config name>` if not given.")
    made.add_argument("--images", type=str, help="A folder of images, with captions in text files beside them.")
    made.add_argument("--source", type=RecordSource | None, help="Your images and their captions.")
    made.add_class_arguments(OwnersDesign, skip={"source"})
    return made


def _source(ready: Namespace, output: Path) -> RecordSource:
    if (ready.images is None) == (ready.source is None):
        raise CommandError("`lit-mia design` needs one source of images: a config with `source`, or `--images FOLDER`.")
    if ready.images is None:
        source: RecordSource = ready.source
        return source
    check_outside(output, Path(ready.images).expanduser())
    return FolderSource(ready.images, caption_ending="txt" if LAYOUTS[ready.layout].captioned else None)


def _next_steps(manifest: Manifest, output: Path) -> str:
    options = LAYOUTS[manifest.layout].options.format(train=output / TRAIN)
    included, left_out = manifest.sides
    return (
        f"\nDrawn: {included} in, {left_out} out.\n"
        f"1. Publish {output / PUBLIC} now; keep {output / SECRET} to yourself (commitment {manifest.commitment}).\n"
        f"2. Give {output / TRAIN}, and nothing else, to the trainer, who drops no image (no --max_train_samples):\n"
        f"   {options}\n"
        f"3. After the training, audit the model: DesignSource with `folder: {output}`, as in `lit-mia configs "
        "audit/own_lora` (LoRA weights) or `audit/own_design`."
    )
