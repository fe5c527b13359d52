"""Speed of the training-free attacks on one denoiser: `python scripts/bench_attacks.py [--path shipped:openmoji-ddpm]`.

Prints, from one run: the best batch size; for every attack and for the one pass images per second, evaluations and the
ratio of its wall time to bare forwards of the same number; the one pass against a plain float32 loop over the same
formulas, attack by attack; and what bfloat16 autocast changes in speed and AUC. Uses records of train and val only.
"""

import argparse
import math
import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
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
BATCHES = (16, 32, 64, 128, 256)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--path", default="shipped:openmoji-ddpm")
    parser.add_argument("--records", type=int, default=128, help="Records per measurement.")
    parser.add_argument("--repeats", type=int, default=3, help="Rounds; each round measures everything once.")
    parser.add_argument("--auc-records", type=int, default=0, help="Records for the change in AUC; 0 skips it.")
    parser.add_argument("--compile", action="store_true")
    args = parser.parse_args()
    targets = {p: DenoiserTarget(args.path, precision=p, compile=args.compile) for p in ("float32", "bfloat16")}
    exact = targets["float32"]
    best = {name: best_batch(target) for name, target in targets.items()}
    for name, target in targets.items():
        target.batch_size = min(best[name], args.records)
        print(f"{name}: best batch {best[name]}, {1 / bare_seconds(target, 1, best[name]):.0f} evaluations/s")
    questions = load(exact.image_size, max(args.records, args.auc_records))
    few = Questions(questions.records.select(range(args.records)), questions.images[: args.records], questions.seed)
    rounds = [
        {name: measure(target, few) for name, target in targets.items()} | {"plain": {"loop": plain_loop(exact, few)}}
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
    return max(BATCHES, key=lambda batch: 1 / bare_seconds(target, max(1, 256 // batch), batch))


def bare_seconds(target: DenoiserTarget, calls: int, batch: int) -> float:
    """Seconds per evaluation of the network alone, after one call to warm up."""
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


def measure(target: DenoiserTarget, questions: Questions) -> dict[str, Timed]:
    """Per attack and for the pass: seconds, evaluations, and seconds of bare forwards of the same number."""
    runs = {attack.name: (attack,) for attack in FAMILY} | {"one pass": FAMILY}
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
    print(f"\n{'':10}{'':12}{'images/s':>10}{'NFE/image':>11}{'wall / bare':>13}")
    for precision in ("float32", "bfloat16"):
        for name in rounds[0][precision]:
            seconds = np.median([r[precision][name][0] for r in rounds])
            ratio = np.median([r[precision][name][0] / r[precision][name][2] for r in rounds])
            nfe = rounds[0][precision][name][1] / records
            print(f"{precision:10}{name:12}{records / seconds:10.1f}{nfe:11.0f}{ratio:13.3f}")
    plain = np.median([r["plain"]["loop"][0] for r in rounds])
    print(f"{'float32':10}{'plain loop':12}{records / plain:10.1f}{rounds[0]['plain']['loop'][1] / records:11.0f}")
    for precision in ("float32", "bfloat16"):
        faster = np.median([r["plain"]["loop"][0] / r[precision]["one pass"][0] for r in rounds])
        print(f"one pass in {precision} against the plain float32 loop: {faster:.2f} x")


def compare_auc(targets: dict[str, DenoiserTarget], questions: Questions) -> None:
    """AUC in both precisions, on records of train and val."""
    scores, labels = {}, np.array(questions.records.members)
    for name, target in targets.items():
        batches = findings(target, FAMILY, questions)
        scores[name] = [torch.cat([b[i].statistic for b in batches]).numpy() for i in range(len(FAMILY))]
    print(f"\n{'AUC, ' + str(len(labels)) + ' records':20}{'float32':>9}{'bfloat16':>10}{'change':>9}")
    for i, attack in enumerate(FAMILY):
        full, low = (auc(scores[name][i], labels) for name in ("float32", "bfloat16"))
        print(f"{attack.name:20}{full:9.4f}{low:10.4f}{low - full:+9.4f}")


if __name__ == "__main__":
    main()
