"""The commands beside Lightning's own: audit, query and report."""

import hashlib
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import yaml
from jsonargparse import ArgumentParser, Namespace
from lightning.pytorch.loggers import WandbLogger
from PIL import Image

import lit_mia.cli.classes
from lit_mia.audit import Audit
from lit_mia.cli.configs import ConfigError, names_key
from lit_mia.cost import Estimate
from lit_mia.records import MEMBER, NON_MEMBER

if TYPE_CHECKING:
    from lit_mia.report.gallery import GalleryItem
    from lit_mia.report.identity_schema import IdentityReport
    from lit_mia.report.schema import AuditReport
    from lit_mia.report.scores import ScoreTable

SAVED_CONFIG = "audit.yaml"
PEOPLE = "people"
"""The top-level key by which an audit of people is told from one of records."""
GALLERY_PER_CLASS = 12
_ = lit_mia.cli.classes.MODULES  # short class names in configs resolve once these are imported

Made = TypeVar("Made")


@dataclass(frozen=True)
class Parsed(Generic[Made]):
    """One command line with a config.

    Attributes:
        made: What the config describes: an audit or a sweep.
        config: Its arguments as YAML values, all defaults filled in.
        name: Name of the config file, without its suffix.
        options: The rest of the command line.
    """

    made: Made
    config: dict[str, Any]
    name: str
    options: Namespace

    @property
    def output(self) -> Path:
        """The folder of the results."""
        return Path(self.options.output or f"runs/{self.name}")


def audit(args: Sequence[str]) -> "AuditReport | IdentityReport | None":
    """Run an audit: the whole way from one YAML to table, verdict and report page; of people if it names any."""
    if names_key(args, PEOPLE):
        from lit_mia.cli import identity_command

        return identity_command.audit(args)
    parsed = parse_audit("audit", args)
    if parsed.options.dry_run:
        print_estimates(parsed.made.estimate())
        return None
    from rich.console import Console

    from lit_mia.report.table import terminal_table
    from lit_mia.report.write import write_report

    output = parsed.output
    result, scores = parsed.made.run(parsed.name, parsed.config, output)
    page = write_report(result, scores, output, _gallery(parsed.made, scores) if parsed.options.gallery else None)
    (output / SAVED_CONFIG).write_text(yaml.safe_dump(parsed.config, sort_keys=False))
    if parsed.options.logger:
        from lit_mia.report.tracking import log_audit

        log_audit(parsed.options.logger, result, scores)
    Console().print(terminal_table(result))
    print(f"\nNumbers: {output / 'audit.json'}\nReport:  {page}")
    return result


def query(args: Sequence[str]) -> None:
    """Fill the stores of an audit, and do nothing else."""
    if names_key(args, PEOPLE):
        from lit_mia.cli import identity_command

        identity_command.query(args)
        return
    parsed = parse_audit("query", args)
    if parsed.options.dry_run:
        print_estimates(parsed.made.estimate())
        return
    for name, cost in parsed.made.query().items():
        print(f"{name}: {cost.queries} queries, {cost.nfe} denoiser evaluations, {cost.seconds:.0f} s")


def report(args: Sequence[str]) -> None:
    """Rebuild `report.html` from the files of an audit."""
    parser = ArgumentParser(prog="lit-mia report", description=report.__doc__)
    parser.add_argument("folder", type=str, help="Output folder of an audit.")
    parser.add_argument("--gallery", action="store_true", help="Add images, from the audit's records and store.")
    options = parser.parse_args(list(args))
    from lit_mia.report.identity_schema import read_identity
    from lit_mia.report.scores import read_scores
    from lit_mia.report.write import AUDIT, SCORES, rebuild

    folder = Path(options.folder)
    if read_identity(folder / AUDIT) is not None:
        from lit_mia.cli import identity_command

        print(identity_command.rebuild(folder, options.gallery))
        return
    items = None
    if options.gallery:
        parsed = parse_audit("audit", ["--config", str(folder / SAVED_CONFIG)])
        items = _gallery(parsed.made, read_scores(folder / SCORES))
    print(rebuild(folder, items))


def parse_audit(command: str, args: Sequence[str]) -> Parsed[Audit]:
    """Read the command line of `audit` or `query`.

    The name of an audit says if its protocol is `resnet`, so that its results never overwrite those of a threshold.

    Raises:
        ConfigError: If no config was given.
    """
    parsed = parse_config(command, args, Audit, "audit/quickstart", add_page_options)
    return replace(parsed, name=f"{parsed.name}-resnet") if parsed.made.protocol == "resnet" else parsed


def parse_config(
    command: str,
    args: Sequence[str],
    kind: type[Made],
    example: str,
    add_options: Callable[[ArgumentParser], None] | None = None,
) -> Parsed[Made]:
    """Read the command line of a command whose config is the signature of a class.

    Args:
        command: Name of the command.
        args: Its arguments.
        kind: The class.
        example: A shipped config, for the message that none was given.
        add_options: Adds options that only this command has.

    Raises:
        ConfigError: If no config was given.
    """
    parser = ArgumentParser(prog=f"lit-mia {command}", description=kind.__doc__)
    parser.add_argument("--config", action="config", help="A YAML file, or the name of a shipped one.")
    parser.add_class_arguments(kind, sub_configs=True)
    parser.add_argument("--output", type=str | None, help="Folder of the results; `runs/<config name>` if not given.")
    if add_options is not None:
        add_options(parser)
    parser.add_argument("--dry-run", action="store_true", help="Say what it would cost; ask nothing.")
    if not {arg.split("=")[0] for arg in args} & {"--config", "-h", "--help"}:
        raise ConfigError(f"`lit-mia {command}` needs `--config FILE`, or a shipped name such as {example}.")
    given = parser.parse_args(list(args))
    name = Path(str(given.config[-1])).stem
    settings = inspect.signature(kind).parameters
    dumped = yaml.safe_load(parser.dump(given, skip_unset=False))
    config = {key: dumped[key] for key in settings}  # without the other options: they change no number
    ready = parser.instantiate(given)
    return Parsed(kind(**{key: ready[key] for key in settings}), config, name, ready)


def add_page_options(parser: ArgumentParser) -> None:
    """Options of an audit that change no number."""
    parser.add_argument("--gallery", type=bool, default=False, help="Show images on the report page.")
    parser.add_argument("--logger", type=WandbLogger | None, help="A W&B logger for table, curve and numbers.")


def print_estimates(estimates: dict[str, Estimate]) -> None:
    """Say what the missing queries would cost."""
    for name, e in estimates.items():
        time = "time unknown until the first fill" if e.seconds is None else f"about {e.seconds:.0f} s"
        money = f", {e.money:.2f} in money" if e.money else ""
        print(f"{name}: {e.records} records, {e.missing} missing queries, {e.nfe} NFE, {time}{money}")
    print("Nothing was asked.")


def _gallery(audit: Audit, scores: "ScoreTable") -> "list[GalleryItem]":
    """Some records of the test split beside the target's answers, chosen by their hash, not by their score."""
    from lit_mia.report.gallery import GalleryItem

    data = audit.data
    records = data.known
    best = audit.attacks[-1].name
    combined = scores.select((scores.seed == -1) & (scores.row == best))
    score = dict(zip(combined.id_hash.tolist(), combined.score.tolist(), strict=True))
    hashes = {row: hashlib.sha256(records.ids[row].encode()).hexdigest() for row in data.splits.rows["test"]}
    hashes = {row: digest for row, digest in hashes.items() if digest in score}  # the others were refused
    chosen = []
    for label in (MEMBER, NON_MEMBER):
        rows = sorted((row for row in hashes if records.members[row] == label), key=hashes.__getitem__)
        chosen += rows[:GALLERY_PER_CLASS]
    answers = data.answers(chosen)
    return [
        GalleryItem(
            caption=str(records.captions[row]),
            label=records.members[row],
            score=score[hashes[row]],
            image=records.open_image(row),
            generated=Image.fromarray(answer),
        )
        for row, answer in zip(chosen, answers, strict=True)
    ]
