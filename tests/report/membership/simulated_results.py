"""Results of simulated scores: attacks under one or several protocols, each with three controls."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from rich.console import Console

from lit_mia.metrics.roc import roc_curve
from lit_mia.metrics.threshold import floor_reason
from lit_mia.report.membership import MembershipResult
from lit_mia.report.membership.calibrations import CALIBRATIONS
from lit_mia.report.membership.findings import VALUES
from lit_mia.report.membership.protocols import joined
from lit_mia.report.membership.schema import AuditReport, Expense, Row
from lit_mia.report.membership.scores import COMBINED, Listed, ScoreTable

N = 400
LABELS = np.repeat([1, 0], N)
SETTING, EVALUATIONS = "t = 200, k = 100, n = 10", 1010
IDS = [f"emoji-{i}" for i in range(2 * N)]
CONTROLS = (("blind", 0.12), ("caption", 0.0), ("placebo", 0.2))
STATISTIC_CONTROLS = (("blind", 0.12), ("round trip", 0.05), ("placebo", 0.2))
BASE_CONTROLS = (("blind", 0.12), ("base", 0.0))
"""Of an attack that reads the base, which is then no placebo of it."""
ALL_CONTROLS = (
    ("blind", 0.12),
    ("caption", 0.0),
    ("n-grams", 0.1),
    ("joint", 0.15),
    ("metadata", -0.3),
    ("placebo", 0.2),
)
"""All that a trained head that is given captions may have."""


def simulated(
    attacks: Mapping[str, float],
    protocol: str | Mapping[str, str] = "heads",
    head_controls: Sequence[tuple[str, float]] = CONTROLS,
) -> MembershipResult:
    """A result with the scores behind it.

    Args:
        attacks: Attack → shift of its members' scores.
        protocol: Of all attacks, or of each.
        head_controls: Controls of trained heads, each with the shift of its members' scores.
    """
    protocols = dict.fromkeys(attacks, protocol) if isinstance(protocol, str) else protocol
    rng = np.random.default_rng(3)
    rows, tables, listed = [], [], Listed.of(IDS, LABELS, ["test"] * len(IDS))
    for attack, shift in attacks.items():
        calibrated = any(attack.startswith(f"{form.name} (") for form in CALIBRATIONS)
        plain = head_controls if protocols[attack] == "heads" else STATISTIC_CONTROLS
        controls = BASE_CONTROLS if calibrated else plain
        block = []
        for kind, mean in (("attack", shift), *controls):
            scores = rng.normal(size=2 * N) + mean * LABELS
            row = _row(attack, kind, protocols[attack], scores)
            block.append(row)
            for seed in (0, COMBINED):
                tables.append(listed.scored(scores + (seed == 0), row=row.name, kind=kind, seed=seed))
        rows += [with_values(block[0], **_findings(block), reads_base=calibrated), *block[1:]]
    return MembershipResult(_report(rows, joined(protocols[attack] for attack in attacks)), ScoreTable.join(tables))


def changed(result: MembershipResult, **changes: Any) -> MembershipResult:
    """The result with other values in its report."""
    return replace(result, report=replace(result.report, **changes))


def with_values(row: Row, **values: Any) -> Row:
    """The row with other values."""
    return replace(row, values={**row.values, **values})


def printed(result: MembershipResult, width: int = 80) -> str:
    """What the terminal shows."""
    console = Console(width=width, force_terminal=False)
    with console.capture() as capture:
        console.print(result.terminal())
    return capture.get()


def _row(attack: str, kind: str, protocol: str, scores: np.ndarray) -> Row:
    asked = protocol != "heads" and kind in ("attack", "placebo")
    roc = roc_curve(scores, LABELS)
    auc = float(np.trapezoid(roc.tpr, roc.fpr))
    at_10 = int(np.searchsorted(roc.fpr, 0.1, side="right")) - 1
    half = 1.96 * 0.018
    values = {
        "protocol": protocol,
        "setting": SETTING if asked else None,
        "evaluations": EVALUATIONS if asked else None,
        "auc": auc,
        "auc_ci": [auc - half, auc + half],
        "tpr_at_fpr": [
            {"fpr": 0.1, "tpr": float(roc.tpr[at_10]), "ci": [0.2, 0.3], "achieved_fpr": 0.0975, "reason": None},
            *(
                {"fpr": f, "tpr": None, "ci": None, "achieved_fpr": None, "reason": floor_reason(N, f)}
                for f in (0.01, 0.001)
            ),
        ],
        "accuracy": 0.5 + (auc - 0.5) * 0.8,
        "accuracy_ci": [0.48, 0.7],
        "threshold": 0.21,
        "n_members": N,
        "n_nonmembers": N,
        "auc_per_seed": [auc - 0.01, auc, auc + 0.012],
        "frozen_threshold": {
            "nominal_fpr": 0.1,
            "threshold": 1.3,
            "realised_fpr": 0.1125,
            "realised_fpr_ci": [0.083, 0.148],
            "tpr": 0.31,
            "tpr_ci": [0.265, 0.358],
            "prior": 0.01,
            "ppv": 0.027,
            "ppv_ci": [0.018, 0.042],
        },
        **dict.fromkeys(VALUES),
    }
    return Row(name=attack if kind == "attack" else f"{attack} {kind}", kind=kind, attack=attack, values=values)


def _findings(block: list[Row]) -> dict[str, Any]:
    """What an attack has and its controls have not, of about the size that the rule finds."""
    attack, *controls = block
    above = attack["auc"] > 0.6
    differences = {
        control.name: {
            "delta": attack["auc"] - control["auc"],
            "ci": [attack["auc"] - control["auc"] - 0.05, attack["auc"] - control["auc"] + 0.05],
            "p": 0.001 if above else 0.7,
            "p_shift": 0.004 if above else 0.9,
            "ratio_lo": 2.5 if above else 0.4,
            "mirrored": control["auc"] < 0.45,
        }
        for control in controls
    }
    nearest = max(controls, key=lambda control: control["auc"]).name
    return {
        "differences": differences,
        "smallest_difference": {"control": nearest, **{key: differences[nearest][key] for key in ("delta", "ci")}},
        "ratio_lo": min(of["ratio_lo"] for of in differences.values()),
        "p_own": 0.0001 if above else 0.3,
        "p_adjusted": 0.006 if above else 1.0,
        "outcome": "leakage beyond controls" if above else "not detected at this power",
    }


def _report(rows: list[Row], protocol: str) -> AuditReport:
    return AuditReport(
        name="OpenMoji demo: latent target",
        created="2026-11-21",
        verdict={
            "kind": "leakage beyond controls",
            "sentence": "Leakage beyond controls: II-S and IV tell members from non-members beyond every control and a "
            "valid placebo.",
        },
        rows=rows,
        cost=Expense(
            queries=8000,
            nfe=320_000,
            seconds=1463.2,
            money=0.0,
            by_target={
                "target": {"queries": 4000, "nfe": 160_000, "seconds": 741.2, "money": 0.0},
                "placebo": {"queries": 4000, "nfe": 160_000, "seconds": 722.0, "money": 0.0},
            },
            seconds_total=1911.0,
        ),
        protocol=protocol,
        design="same_source_holdout",
        target={"class": "DiffusersTarget", "weights": "ab" * 32, "steps": 20, "guidance": 5.0},
        placebo={"class": "DiffusersTarget", "weights": "cd" * 32, "steps": 20, "guidance": 5.0},
        splits={
            "seed": 7,
            "digest": "ef" * 32,
            "sizes": {s: {"member": N, "non_member": N} for s in ("train", "val", "calibration", "test")},
            "groups": 3120,
        },
        store_digest="12" * 32,
        encoder={"class": "PixelEncoder", "dim": 192} if protocol == "heads" else {},
        config={"target": {"path": "shipped:openmoji-demo", "steps": 20}, "attacks": ["I-P", "II-S"], "seeds": 5},
        tried={"configurations": 6, "test_openings": 9, "commands": {"audit": 7, "test": 2}},
        control_null={"max_control_auc": 0.571, "quantile_95": 0.563, "permutations": 1000},
        power={"auc_needed": 0.612, "violation": None},
        placebo_checks={
            row.name: {"valid": True, "sentence": "It answers as well as the target.", "gap": 0.02, "gap_hi": 0.09}
            for row in rows
            if row.kind == "attack"
        },
        skipped=["emoji-17"],
        limits=["One target, one training run.", "Captions are the records' own names, as an attacker would guess."],
        versions={"lit-mia": "0.1.0", "torch": "2.14.1"},
        git="0123abc",
    )
