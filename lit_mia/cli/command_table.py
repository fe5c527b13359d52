"""The commands, the statuses with which they end, and what is printed where none is given."""

from dataclasses import dataclass
from difflib import get_close_matches

from lit_mia.errors import CommandError
from lit_mia.report.telling import OPTIONS


@dataclass(frozen=True)
class Command:
    """A command.

    Attributes:
        summary: What it does, for the overview.
        function: Module in `lit_mia.cli` and function, which takes the command's name and what follows it.
        answers: Whether it ends in an answer, which `--quiet` gives in one line and `--json` as an object.
        light: Whether it needs no class that a config may name, and so not the seconds that their import takes.
        kept: What is true when it was interrupted.
    """

    summary: str
    function: str
    answers: bool = False
    light: bool = False
    kept: str = "what was stored is kept, and the same command goes on from there"


COMMANDS = {
    "audit": Command(
        "query a target, train heads and controls, write table, verdict and report.html",
        "commands:measure",
        answers=True,
    ),
    "query": Command(
        "only fill the store of an audit (--dry-run: say what it would cost)", "commands:query", answers=True
    ),
    "report": Command(
        "rebuild report.html from the files of an audit (--gallery: with images, --open: in the browser)",
        "reporting:report",
        answers=True,
    ),
    "compare": Command(
        "set two finished audits side by side: what changed, with intervals", "comparing:measure", answers=True
    ),
    "sweep": Command(
        "measure training-free attacks, or an audit's heads, at many settings, never on test (ablations)",
        "commands:measure",
        answers=True,
    ),
    "selftest": Command(
        "repeat an audit with labels drawn anew: how often is its verdict wrong, what does it find",
        "self_testing:measure",
        answers=True,
    ),
    "card": Command("print what a finished audit says in the words and tables of a model card", "carding:card"),
    "design": Command(
        "decide by coins what a model is trained on, as folders to train on and to audit", "designing:make"
    ),
    "fit": Command(
        "train one head, or a target whose members are known",
        "lightning_cli:run_lightning",
        kept="what a target answered is kept; the same command goes on with the training of a target, and begins that "
        "of a head anew",
    ),
    "test": Command("measure a trained head on the test split and freeze its threshold", "lightning_cli:run_lightning"),
    "predict": Command("score images of unknown membership with a trained head", "lightning_cli:run_lightning"),
    "validate": Command(
        "check the files of a finished audit: lit-mia validate FOLDER; with --config: a trained head on the val split",
        "validating:validate",
        answers=True,
    ),
    "init": Command(
        "write the config of an audit of your own target, after a few questions or as flags say",
        "initializing:initialize",
        kept="nothing was written",
    ),
    "serve-demo": Command(
        "serve the demo targets as an Images API on this machine, to audit them as one",
        "serving:serve",
        kept="nothing is served any more",
    ),
    "configs": Command(
        "list the shipped configs, or print one: lit-mia configs NAME", "listings:configs", answers=True, light=True
    ),
    "plugins": Command("list what packages outside add", "listings:plugins", answers=True),
    "completion": Command(
        "print a script by which a shell completes all this: lit-mia completion bash, or zsh", "completing:completion"
    ),
}

STATUSES = {
    "0": "It was done, and no condition of --fail-if holds.",
    "1": "A condition of --fail-if holds, or lit-mia validate found faults.",
    "2": "Something has to be mended, cannot be told, or crashed; nothing is known.",
    "120": "What was printed could not be written, such as into a closed pipe.",
    "130, 143": "It was interrupted, or ended from outside; what was stored is kept.",
}
"""Exit status → what it means."""


def overview() -> str:
    """What is printed where no command is given."""
    commands = "\n".join(f"  {name:10} {command.summary}" for name, command in COMMANDS.items())
    answering = ", ".join(name for name, command in COMMANDS.items() if command.answers)
    options = "\n".join(f"  {option:10} {does}" for option, does in OPTIONS.items())
    statuses = "\n".join(f"  {status:10} {meaning}" for status, meaning in STATUSES.items())
    return f"""usage: lit-mia COMMAND [--config FILE ...] [options]

Measures how much of a text-to-image model's training set leaks through membership inference.

{commands}

FILE is a path, or the name of a shipped config, e.g. audit/quickstart. Configs come first, overrides last; in both, a
block is a path or a shipped name too, e.g. --model attack/ii_s. Options of a command: lit-mia COMMAND --help

Options of {answering}:
{options}

Exit status:
{statuses}
Colours: none with the environment variable NO_COLOR, and also outside a terminal with FORCE_COLOR.
"""


def command_called(name: str) -> Command:
    """The command of a name.

    Args:
        name: What was given first.

    Raises:
        CommandError: If there is no such command.
    """
    known = f"The commands are {', '.join(COMMANDS)}."
    if name.startswith("-"):
        raise CommandError(f"The command comes first, before {name}: `lit-mia COMMAND [options]`. {known}")
    if name not in COMMANDS:
        near = get_close_matches(name, COMMANDS, 1)
        asked = f" Did you mean {near[0]!r}?" if near else ""
        raise CommandError(f"There is no command {name!r}.{asked} {known}")
    return COMMANDS[name]
