"""How long the stages of an audit's data take as records grow in number, and how much memory of their own they need.

OMP_NUM_THREADS=1 python scripts/bench_scale.py [--format webdataset] [--encoder | --read] [SIZE ...]

Shards of tiny images are written first; then a process of its own for each size reads them as records, decodes them,
looks for duplicates, splits, asks a target that costs nothing for one image each, maps the features and reads them
in batches. Memory is the process's own (`RssAnon`), of which the system's file cache and mapped files are no part.
"""

import argparse
import hashlib
import io
import tarfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from PIL import Image
from torch import Tensor

from datamodules.auxiliary import AuxiliaryDataModule
from datamodules.sources.hugging_face import HuggingFaceSource
from lit_mia.batches import slices
from lit_mia.features import Encoder
from lit_mia.models import FingerprintValue
from lit_mia.targets.base import GenerateTarget

SIZES = (1_000, 10_000, 100_000)
SIDE, SHARD = 16, 5_000
POLL_SECONDS = 0.01


@final
class FreeTarget(GenerateTarget):
    """Draws noise."""

    name = "free"
    nfe_per_image, price_per_image = 1, 0.0
    batch_size = 512

    def fingerprint(self) -> dict[str, FingerprintValue]:
        """It is always the same."""
        return {"kind": "free"}

    def generate(self, prompts: Sequence[str], seeds: Sequence[int]) -> Tensor:
        """Noise of the first seed."""
        generator = torch.Generator().manual_seed(seeds[0])
        return torch.randint(0, 256, (len(prompts), 3, SIDE, SIDE), dtype=torch.uint8, generator=generator)


@final
class Projection(Encoder):
    """Sixteen fixed random projections of the pixels, and a hash of a text."""

    shares_space = False
    dimension = 16

    def __init__(self) -> None:
        super().__init__("pixels", normalize=False, batch_size=256, device="cpu", dtype="float32")
        self._weights = torch.randn(3 * SIDE * SIDE, 16, generator=torch.Generator().manual_seed(0))

    def fingerprint(self) -> dict[str, object]:
        """It is always the same."""
        return {"encoder": "projection"}

    def _encode_images(self, images: Tensor) -> Tensor:
        return images.flatten(1).float() @ self._weights / 255

    def _encode_texts(self, texts: list[str]) -> Tensor:
        return torch.tensor([[*hashlib.sha256(text.encode()).digest()[:16]] for text in texts]).float() / 255


def images(n: int) -> Iterator[tuple[int, bytes]]:
    """Number and PNG file of each image: noise, of which no two are alike."""
    rng = np.random.default_rng(0)
    for number in range(n):
        file = io.BytesIO()
        Image.fromarray(rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)).save(file, "png", compress_level=1)
        yield number, file.getvalue()


def facts(number: int) -> dict[str, str]:
    """What a table says of an image."""
    return {"id": f"{number:08d}", "caption": f"picture number {number}", "member": str(number % 2)}


def write_parquet(folder: Path, n: int) -> None:
    """Write shards as Hugging Face data sets have them."""
    made = images(n)
    for number, part in enumerate(slices(n, SHARD)):
        rows = [{**facts(row), "image": {"bytes": data, "path": None}} for row, data in _some(made, part)]
        pq.write_table(pa.Table.from_pylist(rows), folder / f"{number:05d}.parquet")


def write_webdataset(folder: Path, n: int) -> None:
    """Write the same as tar files."""
    made = images(n)
    for number, part in enumerate(slices(n, SHARD)):
        with tarfile.open(folder / f"{number:05d}.tar", "w") as tar:
            for row, data in _some(made, part):
                told = facts(row)
                for ending, content in (("png", data), ("txt", told["caption"]), ("cls", told["member"])):
                    held = content if isinstance(content, bytes) else content.encode()
                    entry = tarfile.TarInfo(f"{told['id']}.{ending}")
                    entry.size = len(held)
                    tar.addfile(entry, io.BytesIO(held))


FORMATS: Mapping[str, tuple[Callable[[Path, int], None], str, dict[str, str]]] = {
    "parquet": (write_parquet, "parquet", {"image": "image", "caption": "caption", "member": "member", "id": "id"}),
    "webdataset": (write_webdataset, "tar", {"image": "png", "caption": "txt", "member": "cls"}),
}


class Watch:
    """Seconds and the most memory of its own, in MB, of one stage of this process after another."""

    def __init__(self) -> None:
        self.found: dict[str, tuple[float, float]] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure what is done meanwhile."""
        ended, most = threading.Event(), [own_memory()]

        def look() -> None:
            while not ended.wait(POLL_SECONDS):
                most.append(max(most.pop(), own_memory()))

        watcher, began = threading.Thread(target=look), time.perf_counter()
        watcher.start()
        try:
            yield
        finally:
            ended.set()
            watcher.join()
            self.found[name] = time.perf_counter() - began, max(*most, own_memory())


def own_memory() -> float:
    """MB of this process that are in no file."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("RssAnon"))


def measured(form: str, folder: Path, encoded: bool = False, read: bool = False) -> dict[str, tuple[float, float]]:
    """Seconds and MB of each stage of a process that has a data module made and used, or only reads the records."""
    _, ending, columns = FORMATS[form]
    named = {f"{name}_column": column for name, column in columns.items()}
    source = HuggingFaceSource(form, data_files=str(folder / f"*.{ending}"), **named)  # type: ignore[arg-type]
    store, encoder = str(folder / "store"), Projection() if encoded else None
    data, watch = AuxiliaryDataModule(source, FreeTarget(), store, encoder, image_size=SIDE), Watch()
    warm_up(folder / "warm")
    with watch.stage("nothing"):
        pass
    with watch.stage("read"):
        source.load()
    if read:
        return watch.found
    with watch.stage("decode, split"):
        _ = data.view.splits
    with watch.stage("ask"):
        data.query()
    with watch.stage("features"):
        inputs = {"image", "generated", "image_embedding", "generated_embedding", "text_embedding"}
        data.build(frozenset(inputs if encoded else {"image", "generated"}))
    with watch.stage("batches"):
        for batch in data.batches():
            batch.inputs["image"].mean()
    return watch.found


def warm_up(folder: Path) -> None:
    """Load what is loaded at the first use."""
    folder.mkdir()
    write_parquet(folder, 100)
    named = {f"{name}_column": column for name, column in FORMATS["parquet"][2].items()}
    source = HuggingFaceSource("parquet", data_files=str(folder / "*.parquet"), **named)  # type: ignore[arg-type]
    data = AuxiliaryDataModule(source, FreeTarget(), str(folder / "store"), Projection(), image_size=SIDE)
    data.query()
    data.build(frozenset({"image", "generated_embedding"}))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", type=int, nargs="*", default=SIZES)
    parser.add_argument("--format", choices=FORMATS, default="parquet")
    parser.add_argument("--encoder", action="store_true", help="Embed images and texts too.")
    parser.add_argument("--read", action="store_true", help="Only read the records.")
    args = parser.parse_args()
    with TemporaryDirectory() as root, ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as processes:
        for n in args.sizes:
            folder = Path(root, str(n))
            folder.mkdir()
            FORMATS[args.format][0](folder, n)
            found = processes.submit(measured, args.format, folder, args.encoder, args.read).result()
            cells = [f"{name} {seconds:.1f} s {memory:.0f} MB" for name, (seconds, memory) in found.items()]
            seconds, most = sum(s for s, _ in found.values()), max(memory for _, memory in found.values())
            print(f"{n:>9,} records: {seconds:7.1f} s, {1e6 * seconds / n:6.0f} µs each, {most:.0f} MB", flush=True)
            print("          ", "; ".join(cells), flush=True)


def _some(made: Iterator[tuple[int, bytes]], part: slice) -> Iterator[tuple[int, bytes]]:
    return (next(made) for _ in range(part.stop - part.start))


if __name__ == "__main__":
    main()
