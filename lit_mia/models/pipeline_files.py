"""Where the files of a diffusers pipeline are, what they are, and how they are loaded without code of their own."""

import inspect
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any, final

import torch

from lit_mia.errors import TargetError
from lit_mia.models.combined import combine, combined_name
from lit_mia.models.files import Fingerprint, digest, file_digest, hub_file, readable, shards, shipped, versions
from lit_mia.models.formats import check_formats
from lit_mia.models.part_files import file_on_hub, local_file
from lit_mia.models.pipeline_parts import WAY_OUT, check_filled, load_networks, parts_of, read_index
from lit_mia.models.pipeline_source import Kind, PipelineSource

MODEL_SUFFIXES = {".json", ".safetensors", ".txt", ".model"}
CHECKER = "safety_checker"
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


@final
class PipelineFiles(PipelineSource):
    """The files of a pipeline in a local folder or on the Hugging Face hub, maybe with its weights in a single file.

    Attributes:
        folder: The folder, or None for a hub id.
        home: The folder, or the hub id: where `model_index.json`, the `config.json` of each part and tokenizers are.
        file: The `.safetensors` file that holds the weights; those at home serve only for parts that it lacks. None
            if all weights are at home.
        location: What is loaded: the file, or else the home.
        name: Its last part.
    """

    def __init__(self, path: str, revision: str | None, config: str | None = None, prior: str | None = None) -> None:
        """Find a local folder or file; a hub id is looked up when it is first needed.

        Args:
            path: A local folder, a hub id, or `shipped:<name>`; together with `config` a single file.
            revision: Branch, tag or commit of a hub id.
            config: For a single file: a folder or hub id of a pipeline of the same layout.
            prior: For a decoder: the folder or hub id of its prior.

        Raises:
            TargetError: If a local folder is missing or holds no pipeline, a single file is missing or of another
                kind, or `config` and `prior` are given together.
        """
        if config and prior:
            raise TargetError("`config` goes with a single file and `prior` with a folder. Leave one of them out.")
        self.file = _single_file(path) if config else None
        self.folder = _local_folder(shipped(config or path))
        self.home = str(self.folder or config or path)
        self.location = str(self.file or self.home)
        self.name = Path(self.location).name
        self._revision = revision
        self._prior = PipelineFiles(prior, None) if prior else None

    @property
    def pipeline_class(self) -> Any:
        """The class of diffusers that the files ask for, or that decoder and prior make together.

        Raises:
            TargetError: If there is none.
        """
        import diffusers

        name = combined_name(self.class_name) if self._prior else self.class_name
        if not hasattr(diffusers, name):
            raise TargetError(f"diffusers {diffusers.__version__} has no {name}, which {self.location!r} needs.")
        return getattr(diffusers, name)

    @property
    def commit(self) -> str | None:
        """The commit that the revision of a hub id stands for; None for a local folder."""
        return None if self.folder else self._index_file.parent.name  # the cache names a snapshot after its commit

    def fingerprint(self) -> Fingerprint:
        """The digest of the files or the commit of the hub, and the releases of the libraries.

        Raises:
            TargetError: If a hub id cannot be resolved.
        """
        libraries = versions("diffusers", "torch", "transformers")
        single = {} if self.file is None else {"weights": self._file_digest, "config": self.weights}
        prior = {"prior": self._prior.weights} if self._prior else {}
        return {"pipeline": self.class_name, "weights": self.weights, **libraries, **single, **prior}

    @cached_property
    def index(self) -> dict[str, Any]:
        """The contents of `model_index.json`.

        Raises:
            TargetError: If it cannot be read, or the pipeline brings code of its own.
        """
        return read_index(self._index_file, self.home)

    @cached_property
    def weights(self) -> str:
        """What tells the files at home from all others: hub id and commit, or the SHA-256 of the local files.

        Raises:
            TargetError: If something else was saved in the place of a local file, or there are no weights.
        """
        if self.folder is None:
            return f"{self.home}@{self.commit}"
        components = [self.folder / name for name in self.index if not name.startswith("_")]
        places = {place for place in components if place.is_dir()} | ({self.folder} if self._is_flat else set())
        found = {file for place in places - {self.folder} for file in place.rglob("*")}
        found |= {file for file in self.folder.iterdir() if self._is_flat}
        files = {file for file in found if file.suffix in MODEL_SUFFIXES and file.is_file()}
        files |= {shard for place in places for shard in shards(place)}
        if self.file is None and not any(file.suffix == ".safetensors" for file in files):
            for place in sorted(places):
                check_formats(place, TargetError)
            raise TargetError(f"The pipeline {self.home!r} holds no weights. Download the whole folder.")
        return digest(self.folder, {self.folder / "model_index.json", *files})

    @property
    def _is_flat(self) -> bool:
        """Whether a part lies beside `model_index.json` instead of in a folder of its own."""
        needed = parts_of(self.index).keys() - {CHECKER}
        return self.folder is not None and self.file is None and any(not (self.folder / n).is_dir() for n in needed)

    def device(self, asked: str) -> str:
        """As asked."""
        return asked

    def dtype(self, asked: str) -> str:
        """As asked: weights in files are converted."""
        return asked

    def part_text(self, part: str, name: str) -> str | None:
        """The text of a file of one part; see `PipelineSource`."""
        if self.folder:
            path = local_file(self.folder, part, name)
        else:
            path = file_on_hub(self.home, self.commit, (f"{part}/{name}", name))
        return None if path is None else path.read_text(encoding="utf-8")

    def load(self, kind: Kind, dtype: str, variant: str | None, keep_checker: bool = False) -> Any:
        """The pipeline, without code of its own.

        Args:
            kind: One of diffusers' automatic pipelines, tried first; no matter for a single file or with a prior.
            dtype: Name of the torch type in which the weights are held.
            variant: Weight variant of the files, such as `fp16`; no matter for a single file.
            keep_checker: Whether to load the pipeline's safety checker; a single file holds none.

        Raises:
            TargetError: If the pipeline cannot be loaded.
        """
        options = {
            "torch_dtype": getattr(torch, dtype),
            "revision": self.commit,
            "local_files_only": self.folder is not None,
            **self._left_out(keep_checker and self.file is None),
        }
        _ = self.fingerprint()  # looks at the files before any is loaded
        with quietly(self.location):
            if self._prior is None:
                return self._load_file(options) if self.file else self._load_home(kind, variant, options)
            decoder = self._load_home("DiffusionPipeline", variant, options)
            return combine(self.pipeline_class, decoder, self._prior.load("DiffusionPipeline", dtype, variant))

    def _left_out(self, keep_checker: bool) -> dict[str, object]:
        """Parts that would change images by what is shown on them, or by what else is installed."""
        options: dict[str, object] = {}
        if CHECKER in self.index and not keep_checker:
            options |= {CHECKER: None, "requires_safety_checker": False}
        if "add_watermarker" in inspect.signature(self.pipeline_class.__init__).parameters:
            options["add_watermarker"] = False
        return options

    def _load_file(self, options: dict[str, object]) -> Any:
        if not hasattr(self.pipeline_class, "from_single_file"):
            raise TargetError(f"diffusers reads no {self.class_name} from a single file. Give a folder or a hub id.")
        if find_spec("accelerate") is None:
            raise TargetError(
                "Without the package `accelerate`, diffusers draws weights that a single file lacks at random. Install "
                "it with `pip install accelerate`."
            )
        try:
            pipeline = self.pipeline_class.from_single_file(self.location, config=self.home, **options)
        except NotImplementedError as error:  # what PyTorch says of weights without values
            raise TargetError(f"{self.location!r} lacks weights of its networks. {WAY_OUT}") from error
        check_filled(pipeline.components, self.location)
        return pipeline

    def _load_home(self, kind: Kind, variant: str | None, options: dict[str, object]) -> Any:
        import diffusers

        options = options | {
            "use_safetensors": True,
            "variant": variant,
            "low_cpu_mem_usage": find_spec("accelerate") is not None,  # else diffusers warns at every load
        }
        folder = self.folder or Path(diffusers.DiffusionPipeline.download(self.home, **options))
        taken = inspect.signature(getattr(diffusers, self.class_name).__init__).parameters
        loaded = parts_of(self.index).keys() & taken.keys() - options.keys()
        networks = load_networks(folder, {name: self.index[name] for name in loaded}, options)
        try:
            pipeline = getattr(diffusers, kind).from_pretrained(self.home, **options, **networks)
        except ValueError:  # not every pipeline is in the automatic class's table
            pipeline = diffusers.DiffusionPipeline.from_pretrained(self.home, **options, **networks)
        check_filled(pipeline.components, self.home)
        return pipeline

    @cached_property
    def _file_digest(self) -> str:
        return file_digest(Path(self.location))

    @cached_property
    def _index_file(self) -> Path:
        if self.folder is not None:
            return self.folder / "model_index.json"
        return hub_file(
            self.home,
            "model_index.json",
            lambda kind: TargetError(
                f"{self.home!r} is no local folder, and the Hugging Face hub gave no model_index.json for it "
                f"({kind}). Check the path, the revision, the network and HF_HUB_OFFLINE."
            ),
            self._revision,
        )


@contextmanager
def quietly(location: str) -> Iterator[None]:
    """Load a model without bars, without a line per cut caption (targets count those), and with errors of one kind.

    Raises:
        TargetError: If the model cannot be loaded.
    """
    import diffusers.utils.logging
    import transformers.utils.logging

    for logging_of in (diffusers.utils.logging, transformers.utils.logging):
        logging_of.disable_progress_bar()
        logging_of.set_verbosity_error()
    said = f"The model {location!r} cannot be loaded"
    with warnings.catch_warnings(), readable(TargetError, said):
        # diffusers renamed it to `dtype` after 0.35, our lower bound
        warnings.filterwarnings("ignore", "`torch_dtype` is deprecated", FutureWarning)
        yield


def _single_file(path: str) -> Path:
    """The file that holds all weights of a pipeline, as trained models are often passed on."""
    file = Path(path).expanduser()
    if not file.is_file() or file.suffix != ".safetensors":
        raise TargetError(
            f"{path!r} is no `.safetensors` file. `config` goes with such a file only: leave it out for a folder "
            "or a hub id. Files of other formats can hold code and are never read."
        )
    return file


def _local_folder(path: str) -> Path | None:
    """The folder of a local pipeline, or None if the path is a hub id."""
    folder = Path(path).expanduser()
    if not folder.exists() and HUB_ID.fullmatch(path):
        return None
    if folder.is_file():
        raise TargetError(
            f"{path!r} is a file, not a folder. Set `config` of a `DiffusersTarget` to read a single `.safetensors` "
            "file; every other target needs a folder, as `pipeline.save_pretrained` writes it."
        )
    if not folder.is_dir():
        raise TargetError(f"There is no folder {path!r}. Give a pipeline's folder, a hub id or `shipped:<name>`.")
    if not (folder / "model_index.json").is_file():
        raise TargetError(
            f"The folder {path!r} holds no model_index.json, so it is no diffusers pipeline. Give the folder that "
            "`pipeline.save_pretrained` wrote."
        )
    return folder
