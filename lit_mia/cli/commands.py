"""The commands beside Lightning's own, each the same for every kind of audit, and the command line that they read."""

import inspect
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from jsonargparse import ArgumentParser, Namespace
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.utilities import rank_zero_only
from rich.console import Console

from lit_mia.audits.base import AUDIT_KINDS, Audit, AuditKind, Run, kind_of_config
from lit_mia.audits.finishing import carry_out
from lit_mia.audits.making import OPTIONS, audit_parser, config_of, instantiated, object_keys
from lit_mia.blocks import ObjectKeys, block_file, compose, dumps, find_config, loads, placed
from lit_mia.cli.gating import Gate, add_gate
from lit_mia.cli.stated import told_where
from lit_mia.cost import Estimate
from lit_mia.dry_run import keeping_nothing
from lit_mia.errors import CommandError, ConfigError, TrackingError
from lit_mia.report.base import NUMBERS, Result
from lit_mia.report.telling import EPILOG, answer
from lit_mia.report.tracking import told_in_one_line

_HELP = ("-h", "--help", ".help")
"""How options end that show help, for which no config is needed."""


@dataclass(frozen=True)
class CommandLine:
    """A command line without blocks.

    Attributes:
        args: What the parsers read: each `--config` holds its content.
        name: Name of the last config, without its suffix; empty if there is none.
        config: The configs laid over one another; of use for their top-level keys only.
        files: The configs, at an empty key, and the options after them, at the dotted key that each sets, with the file
            of the block that it names; None if it names none.
    """

    args: tuple[str, ...]
    name: str
    config: dict[str, Any]
    files: tuple[tuple[str, Path | None], ...]


@dataclass(frozen=True)
class Parsed:
    """A command line with a config.

    Attributes:
        audit: What the config describes.
        run: Its name, which is that of the config file and the audit's suffix, its arguments and the folder of results.
        gallery: Whether the page shows images.
        dry_run: Whether to say only what it would cost.
        logger: Makes a run of Weights & Biases.
        options: All values, those of further options among them.
    """

    audit: Audit
    run: Run
    gallery: bool
    dry_run: bool
    logger: Callable[..., WandbLogger] | None
    options: Namespace


def measure(command: str, args: Sequence[str]) -> Result | None:
    """Run an audit: the whole way from one YAML to table, verdict and page.

    Args:
        command: `audit` or `sweep`.
        args: What follows it.
    """
    parsed = parse(command, args, further=add_gate)
    gate = Gate.of(parsed.options)
    gate.check_kind(parsed.audit)
    if parsed.dry_run:
        print_estimates(parsed.audit)
        return None
    if only_asks(parsed.audit):
        return None
    output = parsed.run.output
    result, page = carry_out(parsed.audit, parsed.run, gallery=parsed.gallery)
    Console().print(result.terminal())
    print(f"\nNumbers: {output / NUMBERS}\nReport:  {page}\n\n{what_next(result, output)}")
    answer(result.line(), result.numbers())
    unsent = None if parsed.logger is None else _unsent(result, parsed.logger)
    if unsent is not None:
        print(f"lit-mia: {unsent}", file=sys.stderr)
    gate.close(result)
    if unsent is not None:
        sys.exit(2)
    return result


def what_next(result: Result, folder: Path) -> str:
    """The closing lines of a command that made a page: how to open it, and what the result asks for.

    Args:
        result: The result.
        folder: Where it is saved.
    """
    opening = f"Open the report: `lit-mia report {shlex.quote(str(folder))} --open`."
    return "\n".join(f"Next: {step}" for step in (opening, *result.next_steps(folder)))


def only_asks(audit: Audit) -> bool:
    """Whether this process, launched beside the one that measures, has done its part: it has asked what was missing.

    A launcher such as torchrun or srun starts the same command several times; one of them writes and tells.
    """
    helps = audit.devices == 1 and getattr(rank_zero_only, "rank", 0) > 0
    if helps:
        audit.query()
    return helps


def query(command: str, args: Sequence[str]) -> None:
    """Fill the stores of an audit, and do nothing else."""
    parsed = parse(command, args)
    if parsed.dry_run:
        print_estimates(parsed.audit)
        return
    spent = parsed.audit.query()
    told = [f"{of}: {c.queries} queries, {c.nfe} denoiser evaluations, {c.seconds:.0f} s" for of, c in spent.items()]
    print("\n".join(told))
    answer("; ".join(told), {name: asdict(cost) for name, cost in spent.items()})


def parse(command: str, args: Sequence[str], further: Callable[[ArgumentParser], None] | None = None) -> Parsed:
    """Read the command line of `audit`, `sweep`, `query` or `selftest`.

    Args:
        command: Which of them.
        args: What follows it.
        further: Adds the options that it has beside those of all.

    Raises:
        ConfigError: If no config was given, or one does not exist.
        CommandError: If the config is for another command.
    """
    line = resolve(args, object_keys())
    kind = _kind(command, line)
    parser = parser_of(command, kind, further)
    if not line.name and not any(arg.partition("=")[0].endswith(_HELP) for arg in args):
        raise ConfigError(f"`lit-mia {command}` needs `--config FILE`, or a shipped name such as {kind.example}.")
    with told_where(line.files):
        given = parser.parse_args(line.args)
        config = config_of(kind.audit, parser, given)
        ready = parser.instantiate(given)
        audit = instantiated(kind.audit, ready)
    name = line.name + audit.suffix
    run = Run(name, config, Path(ready.output or f"runs/{name}").expanduser())
    return Parsed(audit, run, gallery=ready.gallery, dry_run=ready.dry_run, logger=ready.logger, options=ready)


def parser_of(command: str, kind: AuditKind, further: Callable[[ArgumentParser], None] | None = None) -> ArgumentParser:
    """The parser of a command that reads the config of an audit.

    Args:
        command: Which command.
        kind: The kind of audit.
        further: As in `parse`.
    """
    parser = audit_parser(kind.audit, prog=f"lit-mia {command}", epilog=EPILOG)
    _add_options(parser)
    if further is not None:
        further(parser)
    return parser


def resolve(args: Sequence[str], keys: ObjectKeys) -> CommandLine:
    """Put every config and every block of a command line in its place.

    Args:
        args: What follows the command's name.
        keys: Which keys expect an object; at an option that ends with one, the name of a block is a block.

    Raises:
        ConfigError: If a config or a block does not exist, or cannot be read; or a null would not arrive as one.
    """
    given = list(_options(args))
    paths = [find_config(each.value) for each in given if each.is_config]
    configs = {path: compose(path, keys) for path in paths}
    config = {key: value for content in configs.values() for key, value in content.items()}
    resolved, contents = list(args), iter([dumps(configs[path], flow=True) for path in paths])
    for each in given:
        _check_null(each, config)
        value = next(contents) if each.is_config else _with_blocks(each.key, each.value, keys, config)
        resolved[each.place] = f"{each.name}={value}" if each.joined else value
    name = next((path.stem for path in reversed(configs)), "")
    blocks = [(each.name.lstrip("-"), block_file(each.value, Path())) for each in given if not each.is_config]
    files = [*(("", path) for path in paths), *blocks]
    return CommandLine(_configs_first(resolved, given), name, config, tuple(files))


def _configs_first(args: Sequence[str], given: Sequence["_Option"]) -> tuple[str, ...]:
    """The same, where nothing stands before a config, whose values would be laid over it: no condition may be lost."""
    places = [i for each in given if each.is_config for i in range(each.place - (not each.joined), each.place + 1)]
    rest = (arg for i, arg in enumerate(args) if i not in places)
    return (*(args[i] for i in places), *rest)


class _Option(NamedTuple):
    """An option of a command line that has a value.

    Attributes:
        name: As it stands there.
        value: Its value.
        place: Of the argument that holds the value.
        joined: Whether that holds the name too, before a `=`.
    """

    name: str
    value: str
    place: int
    joined: bool

    @property
    def is_config(self) -> bool:
        """Whether the value is a config."""
        return self.name in ("--config", "-c")

    @property
    def key(self) -> str:
        """The dotted key that it sets."""
        return self.name.lstrip("-").removesuffix("+")


def _options(args: Sequence[str]) -> Iterator[_Option]:
    for i, arg in enumerate(args):
        name, equals, value = arg.partition("=")
        if name.startswith("-") and (equals or i + 1 < len(args)):
            yield _Option(name, value, i, True) if equals else _Option(name, args[i + 1], i + 1, False)


def _with_blocks(key: str, text: str, keys: ObjectKeys, config: Mapping[str, Any]) -> str:
    """The value of an option; as it is, if it names no block."""
    if key.rpartition(".")[-1] not in keys.of(_class_with(key, config)):
        return text
    try:
        value = loads(text)
    except yaml.YAMLError:
        return text  # the parser says what is wrong with it
    block = placed(value, keys, key)
    return text if block == value else dumps(block, flow=True)


def _check_null(option: _Option, config: Mapping[str, Any]) -> None:
    """Refuse a null for an argument of a block within a block, of which the parser makes the text `None`."""
    name = option.key.rpartition(".")[-1]
    if option.value in ("null", "~") and sum(map(bool, _classes_on(option.key, config))) > 1:
        raise ConfigError(
            f"`{option.name} null` cannot be told on a command line, where it would be taken for the text None. Write "
            f"`{name}: null` at its place in a config of your own, and give that after the others."
        )


def _class_with(key: str, config: Mapping[str, Any]) -> object:
    """Which class of a config a dotted option belongs to; None if the config does not say."""
    return [None, *_classes_on(key, config)][-1]


def _classes_on(key: str, config: Mapping[str, Any]) -> list[object]:
    """The class of every block on the way to a dotted option; None where there is no block."""
    block, classes = config, list[object]()
    for name in key.split(".")[:-1]:
        block = block.get("init_args", block) if name != "init_args" else block
        inner = block.get(name)
        block = inner if isinstance(inner, dict) else {}
        classes.append(block.get("class_path"))
    return classes


def _unsent(result: Result, logger: Callable[..., WandbLogger]) -> TrackingError | None:
    """Send a result to W&B; why it was not sent, if so, which shall not keep a gate from being heard."""
    try:
        with told_in_one_line("The files of the audit are written, but"):
            result.log(logger)
    except TrackingError as error:
        return error
    return None


def print_estimates(audit: Audit) -> None:
    """Say what the missing queries would cost; nothing is asked, and nothing written."""
    with keeping_nothing():
        estimates = audit.estimate()
    told = [_estimated(name, estimate) for name, estimate in estimates.items()]
    print("\n".join([*told, "Nothing was asked."]))
    answer("; ".join(told), {name: asdict(estimate) for name, estimate in estimates.items()})


def _estimated(name: str, of: Estimate) -> str:
    time = "time unknown until the first fill" if of.seconds is None else f"about {of.seconds:.0f} s"
    money = f", {of.money:.2f} in money" if of.money else ""
    return f"{name}: {of.records} records, {of.missing} missing queries, {of.nfe} NFE, {time}{money}"


def _kind(command: str, line: CommandLine) -> AuditKind:
    """The kind of audit of a command line.

    Raises:
        CommandError: If only an audit of another command has all keys of the config.
    """
    kind = kind_of_config("sweep" if command == "sweep" else "audit", line.config)
    others = [other for other in AUDIT_KINDS if other.command != kind.command and _accepts(other, line.config)]
    if others and not _accepts(kind, line.config):
        raise CommandError(
            f"The config {line.name!r} is not for `lit-mia {command}`; its keys are those of another kind, "
            f"{others[0].name}. Run `lit-mia {others[0].command}` with it."
        )
    return kind


def _accepts(kind: AuditKind, config: dict[str, Any]) -> bool:
    """Whether all top-level keys of a config are arguments of a kind of audit, or options; the parser looks deeper."""
    keys = {str(key).partition(".")[0].removesuffix("+") for key in config}
    return keys <= OPTIONS.union(inspect.signature(kind.audit).parameters)


def _add_options(parser: ArgumentParser) -> None:
    parser.add_argument("-c", "--config", action="config", help="A YAML file, or the name of a shipped one.")
    parser.add_argument("--output", type=str, help="Folder of the results; `runs/<config name>` if not given.")
    parser.add_argument("--gallery", type=bool, default=False, help="Show images on the page.")
    parser.add_argument(
        "--logger",
        type=Callable[[], WandbLogger] | None,
        help="A W&B logger for tables, curves and numbers; an ablation makes a run of each point.",
    )
    parser.add_argument("--dry-run", action="store_true", help="Say what it would cost; ask and write nothing.")
