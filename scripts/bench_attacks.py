"""Speed of the training-free attacks on one denoiser: `python scripts/bench_attacks.py [--path shipped:openmoji-ddpm]`.

Prints, from one run: the best batch size of every way to run the network (float32 and bfloat16, each plain, and
compiled in channels-last layout); for every attack and for the one pass images per second, evaluations and the ratio of
its wall time to bare forwards of the same number; the one pass against a plain eager float32 loop over the same
formulas, attack by attack; and what each way changes in AUC. Uses records of train and val only. `--path cifar` is the
network of DDPM on CIFAR-10 with random weights.
"""

import argparse
import math
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sized_pipelines import save_ddpm
from torch import Tensor

from datamodules.sources.openmoji import OpenMojiSource
from lit_mia.attacks.statistics import PIA, PIAN, Loss, ReDiffuse, SecMI, SimA, StatisticAttack
from lit_mia.metrics.auc import auc
from lit_mia.models import Condition
from lit_mia.queries.plans import Questions, run_pass
from lit_mia.queries.requests import Finding, Subject
from lit_mia.splits import assign_splits
from lit_mia.targets.denoiser import DenoiserTarget

FAMILY: tuple[StatisticAttack, ...] = (Loss(), SecMI(), PIA(), PIAN(), SimA(), ReDiffuse())
BATCHES = (8, 16, 32, 64, 128)
WAYS: dict[str, dict[str, Any]] = {
    "float32": {"precision": "float32"},
    "bfloat16": {"precision": "bfloat16"},
    "float32 compiled": {"precision": "float32", "channels_last": True, "compile": True},
    "bfloat16 compiled": {"precision": "bfloat16", "channels_last": True, "compile": True},
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--path", default="shipped:openmoji-ddpm")
    parser.add_argument("--records", type=int, default=128, help="Records per measurement.")
    parser.add_argument("--repeats", type=int, default=3, help="Rounds; each round measures everything once.")
    parser.add_argument("--auc-records", type=int, default=0, help="Records for the change in AUC; 0 skips it.")
    parser.add_argument("--batch", type=int, help="The batch size of all ways, instead of looking for the best.")
    parser.add_argument("--pass-only", action="store_true", help="Leave the attacks alone out.")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS), help="Ways to run the network.")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if args.path == "cifar":
            save_ddpm(Path(folder))
        path = folder if args.path == "cifar" else args.path
        run({name: DenoiserTarget(path, **WAYS[name]) for name in args.ways}, DenoiserTarget(path), args)


def run(targets: dict[str, DenoiserTarget], exact: DenoiserTarget, args: argparse.Namespace) -> None:
    """Measure all ways and the plain loop."""
    plain = {
        name.split()[0]: args.batch or best_batch(target)
        for name, target in targets.items()
        if not WAYS[name].get("compile")
    }
    best = {name: plain.get(name.split()[0], args.records) for name in targets}  # compiling takes minutes for each size
    exact.batch_size = min(plain.get("float32", args.records), args.records)
    for name, target in targets.items():
        target.batch_size = min(best[name], args.records)
        print(f"{name}: best batch {best[name]}, {1 / bare_seconds(target, 1, best[name]):.0f} evaluations/s")
    questions = load(exact.image_size, max(args.records, args.auc_records))
    few = Questions(questions.records.select(range(args.records)), questions.images[: args.records], questions.seed)
    rounds = [
        {name: measure(target, few, args.pass_only) for name, target in targets.items()}
        | {"plain": {"loop": plain_loop(exact, few)}}
        for _ in range(args.repeats)
    ]
    report(rounds, args.records)
    if args.auc_records:
        compare_auc(targets, questions)


def load(size: int, count: int) -> Questions:
    """Some train and val records of the demo."""
    everything = OpenMojiSource("demo", size=size).load()
    splits = assign_splits(everything)
    records = everything.select(sorted(splits.rows["train"] + splits.rows["val"])[:count])
    images = np.stack([np.asarray(records.open_image(i)) for i in range(len(records))])
    return Questions(records, images.transpose(0, 3, 1, 2), seed=0)


def best_batch(target: DenoiserTarget) -> int:
    """The batch size with the most evaluations per second."""
    return min(BATCHES, key=lambda batch: bare_seconds(target, max(1, 128 // batch), batch))


@torch.inference_mode()
def bare_seconds(target: DenoiserTarget, calls: int, batch: int) -> float:
    """Seconds per evaluation of the network alone, after one call to warm up."""
    target.batch_size = batch  # for which a compiled network is compiled
    x = target.encode(torch.zeros(1, 3, target.image_size, target.image_size, dtype=torch.uint8), [0])
    x = torch.randn(batch, *x.shape[1:]).to(x)
    condition = target.condition([None] * batch)
    t = torch.full((batch,), 100)
    target.predict_noise(x, t, condition)
    synchronize()
    began = time.perf_counter()
    for _ in range(calls):
        target.predict_noise(x, t, condition)
    synchronize()
    return (time.perf_counter() - began) / (calls * batch)


def synchronize() -> None:
    """Wait for the accelerator, if there is one."""
    if torch.accelerator.is_available():
        torch.accelerator.synchronize()


Timed = tuple[float, int, float]


def measure(target: DenoiserTarget, questions: Questions, pass_only: bool) -> dict[str, Timed]:
    """Per attack and for the pass: seconds, evaluations, and seconds of bare forwards of the same number."""
    alone = {} if pass_only else {attack.name: (attack,) for attack in FAMILY}
    runs: dict[str, tuple[StatisticAttack, ...]] = alone | {"one pass": FAMILY}
    return {name: timed_pass(target, attacks, questions) for name, attacks in runs.items()}


def timed_pass(target: DenoiserTarget, attacks: Sequence[StatisticAttack], questions: Questions) -> Timed:
    """Run some attacks together; the bare forwards follow directly, in the same batches."""
    before, began = target.nfe, time.perf_counter()
    findings(target, attacks, questions)
    synchronize()
    seconds, evaluations = time.perf_counter() - began, target.nfe - before
    calls = math.ceil(evaluations / target.batch_size)
    return seconds, evaluations, bare_seconds(target, calls, target.batch_size) * evaluations


def subjects(target: DenoiserTarget, questions: Questions) -> Iterator[Subject]:
    """The records in batches of the target's size."""
    n = len(questions.records)
    for start in range(0, n, target.batch_size):
        yield questions.subject(target, range(start, min(start + target.batch_size, n)))


def findings(target: DenoiserTarget, attacks: Sequence[StatisticAttack], questions: Questions) -> list[list[Finding]]:
    """What the attacks find, batch by batch."""
    return [
        run_pass(subject, [attack.measure(subject, attack.settings()[0]) for attack in attacks]).findings
        for subject in subjects(target, questions)
    ]


@torch.inference_mode()
def plain_loop(target: DenoiserTarget, questions: Questions) -> Timed:
    """The same formulas, one attack after the other, as a paper's script would write them; float32, same batch size."""
    alphas = torch.tensor([target.schedule.signal(t) ** 2 for t in range(len(target.schedule))])
    before, began = target.nfe, time.perf_counter()
    for subject in subjects(target, questions):
        x0, condition = subject.x0, subject.condition

        def eps(x: Tensor, t: int, condition: Condition = condition) -> Tensor:
            return target.predict_noise(x, torch.full((len(x),), t), condition)

        for attack in PLAIN:
            attack(x0, eps, alphas, subject)
    return time.perf_counter() - began, target.nfe - before, 0.0


Eps = Callable[[Tensor, int], Tensor]


def plain_loss(x0: Tensor, eps: Eps, a: Tensor, subject: Subject) -> Tensor:
    """At t = 350."""
    e = subject.noise(0)
    return -(e - eps(a[350].sqrt() * x0 + (1 - a[350]).sqrt() * e, 350)).square().flatten(1).sum(1)


def plain_step(x: Tensor, e: Tensor, a: Tensor, t: int, to: int) -> Tensor:
    """One DDIM step."""
    return a[to].sqrt() * (x - (1 - a[t]).sqrt() * e) / a[t].sqrt() + (1 - a[to]).sqrt() * e


def plain_secmi(x0: Tensor, eps: Eps, a: Tensor, subject: Subject) -> Tensor:
    """At t = 100, k = 10."""
    x = x0
    for t in range(0, 100, 10):
        x = plain_step(x, eps(x, t), a, t, t + 10)
    up = plain_step(x, eps(x, 100), a, 100, 110)
    return -(plain_step(up, eps(up, 110), a, 110, 100) - x).square().flatten(1).sum(1)


def plain_pia(x0: Tensor, eps: Eps, a: Tensor, subject: Subject) -> Tensor:
    """At t = 200, p = 4."""
    e = eps(x0, 0)
    return -(e - eps(a[200].sqrt() * x0 + (1 - a[200]).sqrt() * e, 200)).abs().pow(4).flatten(1).sum(1).pow(0.25)


def plain_pian(x0: Tensor, eps: Eps, a: Tensor, subject: Subject) -> Tensor:
    """At t = 200, p = 4."""
    e = eps(x0, 0)
    e = e / e.abs().mean(dim=(1, 2, 3), keepdim=True) * math.sqrt(2 / math.pi)
    return -(e - eps(a[200].sqrt() * x0 + (1 - a[200]).sqrt() * e, 200)).abs().pow(4).flatten(1).sum(1).pow(0.25)


def plain_sima(x0: Tensor, eps: Eps, a: Tensor, subject: Subject) -> Tensor:
    """At t = 100, p = 4."""
    return -eps(a[100].sqrt() * x0, 100).abs().pow(4).flatten(1).sum(1).pow(0.25)


def plain_rediffuse(x0: Tensor, eps: Eps, a: Tensor, subject: Subject) -> Tensor:
    """At t = 200, k = 100, n = 10."""
    total = torch.zeros_like(x0)
    for draw in range(10):
        x = a[200].sqrt() * x0 + (1 - a[200]).sqrt() * subject.noise(draw)
        for t in (200, 100):
            x = plain_step(x, eps(x, t), a, t, t - 100)
        total += x
    return -(total / 10 - x0).square().flatten(1).sum(1).sqrt()


PLAIN = (plain_loss, plain_secmi, plain_pia, plain_pian, plain_sima, plain_rediffuse)


def report(rounds: list[dict[str, dict[str, Timed]]], records: int) -> None:
    """Medians over the rounds; ratios are formed inside a round."""
    ways = [way for way in rounds[0] if way != "plain"]
    print(f"\n{'':18}{'':12}{'images/s':>10}{'NFE/image':>11}{'wall / bare':>13}")
    for way in ways:
        for name in rounds[0][way]:
            seconds = np.median([r[way][name][0] for r in rounds])
            ratio = np.median([r[way][name][0] / r[way][name][2] for r in rounds])
            print(f"{way:18}{name:12}{records / seconds:10.1f}{rounds[0][way][name][1] / records:11.0f}{ratio:13.3f}")
    plain = np.median([r["plain"]["loop"][0] for r in rounds])
    print(f"{'float32':18}{'plain loop':12}{records / plain:10.1f}{rounds[0]['plain']['loop'][1] / records:11.0f}")
    for way in ways:
        faster = np.median([r["plain"]["loop"][0] / r[way]["one pass"][0] for r in rounds])
        print(f"one pass in {way} against the plain float32 loop: {faster:.2f} x")


def compare_auc(targets: dict[str, DenoiserTarget], questions: Questions) -> None:
    """AUC of every way, on records of train and val."""
    labels = np.array(questions.records.members)
    aucs = {}
    for way, target in targets.items():
        batches = findings(target, FAMILY, questions)
        scores = [torch.cat([b[i].statistic for b in batches]).numpy() for i in range(len(FAMILY))]
        aucs[way] = [auc(of_attack, labels) for of_attack in scores]
    print(f"\n{'AUC, ' + str(len(labels)) + ' records':20}" + "".join(f"{way:>19}" for way in aucs))
    for i, attack in enumerate(FAMILY):
        print(f"{attack.name:20}" + "".join(f"{of_way[i]:19.4f}" for of_way in aucs.values()))


if __name__ == "__main__":
    main()
