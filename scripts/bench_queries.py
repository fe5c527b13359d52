"""How much of a query stage is the target's own work: `OMP_NUM_THREADS=1 python scripts/bench_queries.py`.

Fills a fresh store with images of the latent demo target, once per batch size, and prints which share of the wall time
passed inside the pipeline's denoiser and decoder, inside its text encoder, in the rest of its call (sampler, tokenizer,
clamping), and outside of the pipeline: seeds, captions, pixels, the store. All from one run.
"""

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from datamodules.sources.openmoji import OpenMojiSource
from lit_mia.queries.generate import GenerateQuery, fill, queries_for
from lit_mia.queries.store import Store
from lit_mia.targets.diffusion import DiffusersTarget

BATCHES = (16, 32, 64, 128)


class Stopwatch:
    """Adds up the seconds inside some methods."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()

    def watch(self, owner: Any, method: str, name: str) -> None:
        """Count the time inside a method of an object under a name."""
        setattr(owner, method, self._timed(getattr(owner, method), name))

    def _timed(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        def timed(*args: Any, **kwargs: Any) -> Any:
            began = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                self.seconds[name] += time.perf_counter() - began

        return timed


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=256)
    args = parser.parse_args()
    queries = queries_for(OpenMojiSource("demo").load().select(range(args.records)), 1, seed=0)
    target = DiffusersTarget("shipped:openmoji-demo", steps=10, guidance=2.0, scheduler="dpmsolver")
    watch = watched(target)
    fill_fresh(target, queries[:16])  # warms up
    print(f"{'batch':>6}{'images/s':>10}{'denoiser':>10}{'decoder':>9}{'both':>8}{'text':>7}{'call':>7}{'outside':>9}")
    best = max((measure(target, watch, queries, batch) for batch in BATCHES), key=lambda rate_and_share: rate_and_share)
    print(f"denoiser and decoder at the fastest batch size: {best[1]:.1%} of the wall time ({args.records} records)")


def watched(target: DiffusersTarget) -> Stopwatch:
    """A stopwatch on the parts of a target's pipeline."""
    watch, pipeline = Stopwatch(), target._pipeline
    watch.watch(pipeline.unet, "forward", "denoiser")
    watch.watch(pipeline.vae, "decode", "decoder")
    watch.watch(pipeline.text_encoder, "forward", "text")
    watch.watch(target, "_draw", "call")
    return watch


def measure(target: DiffusersTarget, watch: Stopwatch, queries: list[GenerateQuery], batch: int) -> tuple[float, float]:
    """Fill a fresh store, print a line; images per second, and the share of denoiser and decoder."""
    target.batch_size = batch
    watch.seconds.clear()
    wall = fill_fresh(target, queries)
    share = {name: seconds / wall for name, seconds in watch.seconds.items()}
    both = share["denoiser"] + share["decoder"]
    rest = share["call"] - both - share["text"]
    print(
        f"{batch:>6}{len(queries) / wall:>10.1f}{share['denoiser']:>10.1%}{share['decoder']:>9.1%}{both:>8.1%}"
        f"{share['text']:>7.1%}{rest:>7.1%}{1 - share['call']:>9.1%}"
    )
    return len(queries) / wall, both


def fill_fresh(target: DiffusersTarget, queries: list[GenerateQuery]) -> float:
    """Seconds of a fill of a new store."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(folder, target.fingerprint())
        began = time.perf_counter()
        fill(store, target, queries)
        return time.perf_counter() - began


if __name__ == "__main__":
    main()
