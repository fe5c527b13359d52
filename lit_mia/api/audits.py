"""Audits in Python: described by objects, or by YAML; both make the same."""

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, final

from lit_mia.api.arguments import blocks_of, check_arguments, laid_over, source_of
from lit_mia.api.attack_names import allowed
from lit_mia.api.composing import Asked, config_of
from lit_mia.api.described import block_of
from lit_mia.api.models_asked import Model, askable, targets_of
from lit_mia.api.places import place, write_to
from lit_mia.api.results import AuditResult
from lit_mia.api.shown import data_frame
from lit_mia.attacks import AuditedAttack
from lit_mia.audits.base import AuditKind, Run, kind_of_config
from lit_mia.audits.finishing import carry_out
from lit_mia.audits.making import full_config, made, maker, object_keys
from lit_mia.blocks import compose, dumps, find_config, placed
from lit_mia.cli.self_testing import audit_of
from lit_mia.dry_run import keeping_nothing
from lit_mia.errors import told_as_ours
from lit_mia.files import key_digest
from lit_mia.in_memory import PREFIX
from lit_mia.metrics.evidence import Design

if TYPE_CHECKING:
    from pandas import DataFrame

ENCODER = "encoder/open_clip_vit_b_32"
"""What embeds images and captions where nothing else is said."""


@final
class Audit:
    """An audit that can be estimated, run and written as YAML; made by `Audit.of` or `Audit.from_yaml`.

    It holds what is in memory only, such as a pipeline, for as long as it is there itself.

    Args:
        name: What reports call it.
        config: Its config as YAML values, with no block left to be looked up.
        folder: What the folder of results is called, below `runs`; as the audit if not given.

    Raises:
        ConfigError: If a key or a value is not one that the audit's parts accept.
        LitMiaError: If one of them refuses its arguments.

    Examples:
        >>> audit = Audit.from_yaml("audit/quickstart", {"budget.seeds": 1})
        >>> audit.kind, audit.config["budget"]["seeds"]
        ('membership', 1)
    """

    def __init__(self, name: str, config: Mapping[str, Any], folder: str | None = None) -> None:
        self.name, self._below = name, folder
        self._kind: AuditKind = kind_of_config("audit", config)
        with told_as_ours():
            self.config = full_config(self._kind.audit, config)
            self._make = maker(self._kind.audit, config)
            self._audit = self._make()  # wrong arguments are told now, not when something was paid

    @classmethod
    def from_yaml(cls, config: str | Path, settings: Mapping[str, Any] | None = None) -> Self:
        """The audit of a config of any kind.

        Args:
            config: A YAML file, or the name of a shipped config, e.g. `audit/quickstart`.
            settings: Values that are laid over it, by dotted key as on the command line: `{"budget.seeds": 1}`. Options
                of the command that a file holds, such as `output`, do not count.

        Raises:
            ConfigError: If a file, a key or a value is not one that the audit's parts accept.
        """
        path = find_config(str(config))
        return cls(path.stem, laid_over(compose(path, object_keys()), settings))

    @classmethod
    def of(
        cls,
        target: Model,
        *,
        members: Any = None,
        non_members: Any = None,
        records: Any = None,
        attacks: str | Sequence[str | AuditedAttack] = "all",
        placebo: Model | None = None,
        base: Model | None = None,
        encoder: Any = ENCODER,
        design: Design | None = None,
        design_statement: str | None = None,
        image_size: int = 224,
        fractions: tuple[float, float, float, float] = (0.4, 0.1, 0.1, 0.4),
        name: str | None = None,
        store: str | Path | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> Self:
        """The audit of a model with images of known membership; the arguments are those of `lit_mia.audit`."""
        check_arguments(image_size, store, name)
        source = source_of(members, non_members, records)
        targets = targets_of(target)
        chosen = [made(AuditedAttack, block) for block in blocks_of(attacks, targets, source)]
        asked = Asked(
            targets=targets,
            source=source,
            attacks=chosen,
            placebo=[] if placebo is None else targets_of(placebo),
            base=[] if base is None else targets_of(base),
            encoder=block_of(encoder),
            image_size=int(image_size),
            fractions=fractions,
            store=None if store is None else str(store),
        )
        said = {"design": design, "design_statement": design_statement}
        config = placed(config_of(asked) | said, object_keys())
        laid = laid_over(config, settings)
        folder = f"{targets[0].name}-{key_digest(laid)[:8]}" if name is None else name
        return cls(name or targets[0].name, laid, folder)

    def estimate(self) -> "DataFrame":
        """What is still to be asked, and what that would cost: one row for each model; asks and writes nothing."""
        with keeping_nothing():
            estimates = self._make().estimate()
        return data_frame([{"model": name, **vars(of)} for name, of in estimates.items()])

    def run(self, output: str | Path | None = None, *, gallery: bool = False) -> AuditResult:
        """Ask what is missing, train heads and controls, judge, and write everything into a folder.

        Args:
            output: The folder; if not given, `runs/<name>`, or `runs/<model>-<hash of the config>` without a name.
            gallery: Whether the page shows images of records.

        Raises:
            LitMiaError: If something has to be mended; what was asked before is kept.
        """
        folder = self.folder(output)
        with told_as_ours():
            result, _ = carry_out(self._make(), Run(self.name, self.config, folder), gallery=gallery)
        return AuditResult(result, folder)

    def folder(self, output: str | Path | None = None) -> Path:
        """Where results go.

        Args:
            output: The folder that is wished; see `run`.
        """
        named = f"runs/{self._below or self.name}{self._audit.suffix}"
        return place(named if output is None else output, "output")

    def maker(self) -> Callable[[], Any]:
        """What makes the audit of records anew, also in another process if the config is portable."""
        return partial(audit_of, self.config) if self.is_portable else self._make

    @property
    def kind(self) -> str:
        """The kind of audit: `membership`, `identity` or `extraction`."""
        return self._kind.name

    def to_yaml(self, path: str | Path | None = None) -> str:
        """The config, defaults filled in, as YAML that `Audit.from_yaml` and `lit-mia audit` read.

        What was given as an object in memory is called `memory:` there, which only this process understands.

        Args:
            path: Where it is written as well; nowhere if not given.
        """
        text = f"# lit-mia audit --config FILE\n{dumps(self.config)}"
        if path is not None:
            write_to(path, text)
        return text

    @property
    def is_portable(self) -> bool:
        """Whether the config names nothing that is in the memory of this process only, as a class of a notebook is."""
        config, in_file = dumps(self.config), hasattr(sys.modules["__main__"], "__file__")
        return PREFIX not in config and (in_file or "class_path: __main__." not in config)

    def __reduce__(self) -> tuple[type["Audit"], tuple[Any, ...]]:
        return Audit, (self.name, self.config, self._below)

    def __repr__(self) -> str:
        return f"<Audit {self.name!r}, {self._kind.name}>"


def audit(
    target: Model,
    *,
    members: Any = None,
    non_members: Any = None,
    records: Any = None,
    attacks: str | Sequence[str | AuditedAttack] = "all",
    placebo: Model | None = None,
    base: Model | None = None,
    encoder: Any = ENCODER,
    design: Design | None = None,
    design_statement: str | None = None,
    image_size: int = 224,
    fractions: tuple[float, float, float, float] = (0.4, 0.1, 0.1, 0.4),
    name: str | None = None,
    store: str | Path | None = None,
    output: str | Path | None = None,
    settings: Mapping[str, Any] | None = None,
) -> AuditResult:
    """Measure how much a model leaks of its training images, beyond what can be told without it.

    The whole way: asks the model, trains attacks and their controls, and judges once on the test split. Answers are
    kept in the store, so nothing is asked twice; everything is written into the output folder, which
    `lit_mia.load` reads.

    Args:
        target: The model: a diffusers pipeline in memory, the folder or hub id of one, a target, or its block.
        members: Images that it was trained on; see `records_from` for what they may be.
        non_members: Images that it was not trained on. Sides that are given apart count as of two sources, so that the
            design is `post_hoc`; give `records` where both were drawn from one.
        records: Both in one, with a label for each: whatever `records_from` takes, such as a folder with the folders
            `member` and `nonmember`, or a design (`lit_mia.design`).
        attacks: Names as in the literature, such as `"II-S"` or `"SimA"`, shipped blocks, or attacks; `"all"`: those
            of `attacks_for`. Each more makes the correction for all of them stricter.
        placebo: A model that saw neither side, asked the same.
        base: The model before the fine-tuning, for calibrated attacks such as `"difference"`.
        encoder: Embeds images and captions, for semantic heads and for controls: an encoder, or its block.
        design: How the members came to be members: `randomized_split`, `canary`, `same_source_holdout` or `post_hoc`.
            If not given, what the records vouch for, else `post_hoc`, under which no verdict is `leakage`.
        design_statement: Who drew the coin of a `randomized_split`, when and how.
        image_size: Side in pixels at which query and generated images are compared and embedded.
        fractions: Shares of train, val, calibration and test.
        name: What reports call it; the model's name if not given.
        store: Folder of the answers; `stores/<model>-<hash of model and records>` if not given.
        output: Folder of the results; if not given, `runs/<name>`, or `runs/<model>-<hash of the config>` without a
            name.
        settings: Any further value of the config by its dotted key, as on the command line: `{"budget.seeds": 2}`.

    Raises:
        LitMiaError: If something has to be mended; the message says what was given, what is allowed and what to do.

    Example:
        ```python
        result = lit_mia.audit(pipe, members="photos/in", non_members="photos/out", attacks=["II-S", "SimA"])
        print(result.verdict)
        result.plot_roc()
        ```
    """
    planned = Audit.of(
        target,
        members=members,
        non_members=non_members,
        records=records,
        attacks=attacks,
        placebo=placebo,
        base=base,
        encoder=encoder,
        design=design,
        design_statement=design_statement,
        image_size=image_size,
        fractions=fractions,
        name=name,
        store=store,
        settings=settings,
    )
    return planned.run(output)


def attacks_for(target: Model, *, captions: bool = True) -> list[str]:
    """Names of the attacks that a model can be asked, each in the plain form of its paper.

    Args:
        target: The model, as for `audit`.
        captions: Whether the records have captions.

    Raises:
        TargetError: If it is no model.

    Examples:
        >>> attacks_for("target/openmoji_seq2seq")
        ['I-P', 'I-S', 'II-P', 'II-S', 'III', 'IV']
    """
    return allowed(askable(targets_of(target)), captions=captions)
