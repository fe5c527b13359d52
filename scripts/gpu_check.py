"""Checks lit-mia on a GPU: `python scripts/gpu_check.py [--out gpu_check.json]`, at most 8 minutes, no network.

Every target, statistic and encoder at small size against the CPU; then the speed of a U-Net of the size of Stable
Diffusion 1.5 with random weights, alone, in one pass of attacks and drawing images; then the audit of the quickstart
without its placebo, and the first steps of a training. Without a GPU it rehearses this at tiny size, but for what is
compiled, half precision, the audit and the training. Exits 1 if something differs by more than it may, or fails.
"""

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from device_agreement import agreement
from device_speed import compiled, forwards, generate, one_pass, weights_in_half
from sized_pipelines import save_pipeline

from lit_mia.models import resolve_device
from lit_mia.targets import DiffusersTarget

PACKAGES = ("torch", "diffusers", "transformers", "lightning", "open_clip_torch", "numpy")
AUDIT = ["-m", "lit_mia", "audit", "--config", "configs/audit/quickstart.yaml", "--placebo", "null"]

FIT = ["-m", "lit_mia", "fit", "--config", "configs/shadow/openmoji_demo.yaml", "--trainer.logger", "false"]
STEPS = 50

Row = dict[str, Any]


@dataclass
class Check:
    """What has been found so far.

    Attributes:
        out: The JSON file, written after every part.
        minutes: No part begins later.
        parts: Names of those to run; all if empty.
        result: Its content.
    """

    out: Path
    minutes: float
    parts: Collection[str]
    result: dict[str, Any] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)

    def part(self, name: str, rows: Callable[[], Iterable[Row]]) -> None:
        """Run a part, print its rows, and go on if it fails."""
        if self.parts and name not in self.parts:
            return
        if time.monotonic() - self.began > 60 * self.minutes:
            self.result[name] = {"skipped": f"{self.minutes:g} minutes are over"}
            print(f"\n{name}: no time left", flush=True)
        else:
            self._run(name, rows)
        self.out.write_text(json.dumps(self.result, indent=1, default=str), encoding="utf-8")

    def _run(self, name: str, rows: Callable[[], Iterable[Row]]) -> None:
        found, began = list[Row](), time.monotonic()
        self.result[name] = {"rows": found}
        print(f"\n{name}", flush=True)
        try:
            for row in rows():
                found.append(row)
                print("  " + ", ".join(f"{key} {_short(value)}" for key, value in row.items()), flush=True)
        except Exception as error:  # a part must not take the others with it
            self.result[name]["error"] = f"{type(error).__name__}: {error}"
            print(f"  failed: {type(error).__name__}: {str(error)[:1000]}", flush=True)
        self.result[name]["seconds"] = round(time.monotonic() - began, 1)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def failures(self) -> list[str]:
        """What failed or differs by more than it may."""
        parts = {name: part for name, part in self.result.items() if isinstance(part, dict)}
        failed = [f"{name}: {part['error']}" for name, part in parts.items() if "error" in part]
        rows = [row for part in parts.values() for row in part.get("rows", []) if "limit" in row]
        return failed + [f"{r['what']}: {_short(r['difference'])}" for r in rows if not r["difference"] <= r["limit"]]


def main() -> int:
    """Run all parts; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("gpu_check.json"))
    parser.add_argument("--minutes", type=float, default=6.0, help="No part begins later.")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--parts", nargs="*", default=[], help="Names of parts; all if none is given.")
    args = parser.parse_args()
    device = resolve_device(args.device)
    check = Check(args.out, args.minutes, args.parts, facts(device))
    run(check, device, is_real=device.type != "cpu")
    failures = check.failures()
    print(f"\n{len(failures)} failures" + "".join(f"\n  {line}" for line in failures))
    return bool(failures)


def run(check: Check, device: torch.device, is_real: bool) -> None:
    """All parts, the most important first."""
    name = str(device)
    check.part("agreement", lambda: agreement(name, few=16 if is_real else 2, many=256 if is_real else 0))
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        save_pipeline(folder, "sd15" if is_real else "tiny", device)
        many, most = ((1, 8, 32, 64), 64) if is_real else ((2,), 2)
        check.part("forwards", lambda: forwards(folder, name, many))
        check.part("weights in half", lambda: weights_in_half(folder, name, many))
        check.part("one pass", lambda: passes(folder, name, most))
        check.part("generate", lambda: drawings(folder, name, most // 4 or 1, steps=10 if is_real else 2))
        check.part("live pipeline", lambda: live(folder, name))
        if is_real:
            check.part("audit", audit)
            check.part("training", training)
            check.part("compiled", lambda: compiled(folder, name, many[-1:], "default"))
            check.part("graphs", lambda: compiled(folder, name, many[:1], "reduce-overhead"))


def passes(folder: Path, device: str, batch: int) -> Iterator[Row]:
    """One pass in each precision."""
    for precision, records in (("bfloat16", batch), ("float32", batch // 4 or 1)):
        yield one_pass(folder, device, records, records, precision=precision)


def drawings(folder: Path, device: str, batch: int, steps: int) -> Iterator[Row]:
    """Images in each format."""
    for dtype in ("float32", "bfloat16", "float16"):
        yield generate(folder, device, batch, steps, dtype=dtype)


def run_command(command: Sequence[str]) -> None:
    """Run a command of this package in a process of its own."""
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, encoding="utf-8")
    if done.returncode:
        raise RuntimeError("\n".join((done.stdout + done.stderr).splitlines()[-8:]))


def audit() -> Iterator[Row]:
    """The quickstart: targets, heads, controls and report on the device."""
    with tempfile.TemporaryDirectory() as folder:
        places = ["--output", f"{folder}/run", "--data.store", f"{folder}/store"]
        began = time.monotonic()
        run_command([*AUDIT, *places])
        yield {"seconds": time.monotonic() - began}
        told = json.loads((Path(folder) / "run" / "audit.json").read_text(encoding="utf-8"))
        for row in told["rows"]:
            yield {"attack": row["name"], "auc": row["auc"], "outcome": row["outcome"]}


def training() -> Iterator[Row]:
    """The first steps of the demo target, as it was trained."""
    with tempfile.TemporaryDirectory() as folder:
        for steps in (STEPS, 4 * STEPS):  # what differs is without the start
            began = time.monotonic()
            run_command([*FIT, "--trainer.max_steps", str(steps), "--trainer.default_root_dir", f"{folder}/{steps}"])
            yield {"steps": steps, "seconds": time.monotonic() - began}


def live(folder: Path, device: str) -> Iterator[Row]:
    """A pipeline in memory against the same one in its folder, and how long its fingerprint takes."""
    from diffusers import DiffusionPipeline

    pipeline = DiffusionPipeline.from_pretrained(folder, dtype=torch.float32).to(device)
    began = time.monotonic()
    target = DiffusersTarget.from_pipeline(pipeline, steps=2)
    gigabytes = (
        sum(
            value.numel() * value.element_size()
            for part in pipeline.components.values()
            if isinstance(part, torch.nn.Module)
            for value in part.state_dict().values()
        )
        / 2**30
    )
    yield {"seconds of the fingerprint": time.monotonic() - began, "GiB": gigabytes}
    of_file = DiffusersTarget(str(folder), steps=2, device=device)
    images = [each.generate(["a cat", "a dog"], [0, 1]).int() for each in (target, of_file)]
    difference = (images[0] - images[1]).abs().max().item() / 255
    yield {"what": "images of a pipeline in memory and of its folder", "difference": difference, "limit": 0}


def facts(device: torch.device) -> dict[str, Any]:
    """The device and the versions."""
    gpu = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or platform.machine()
    return {
        "device": f"{device.type}: {gpu}",
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
        "cuda": torch.version.cuda,
    }


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    sys.exit(main())
