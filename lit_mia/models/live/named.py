"""The pipeline that the `path` of a target names: files, or a pipeline in memory."""

from lit_mia.errors import TargetError
from lit_mia.in_memory import Held, is_held
from lit_mia.models.live.pipeline import LivePipeline
from lit_mia.models.pipeline_files import PipelineFiles
from lit_mia.models.pipeline_source import PipelineSource

LEFT_OUT = {
    "device": "auto",
    "dtype": "float32",
    "offload": "none",
    "attention_slicing": False,
    "compile": False,
    "lora": None,
    "lora_scale": 1.0,
    "config": None,
    "prior": None,
    "revision": None,
    "variant": None,
}
"""Settings of a pipeline that is loaded from files, as they are where they are left out."""
PIPELINES = Held[LivePipeline](
    "pipeline",
    "Give it here again, to `lit_mia.Audit.of` or `DiffusersTarget.from_pipeline`, and keep what that returns; for "
    "another process save it with `save_pretrained` and give the folder.",
    TargetError,
)


def pipeline_at(
    path: str, *, revision: str | None = None, config: str | None = None, prior: str | None = None, **others: object
) -> PipelineSource:
    """The pipeline that a config names.

    Args:
        path: A local folder, a hub id, `shipped:<name>`, the name of a pipeline in memory, or with `config` a file.
        revision: Branch, tag or commit of a hub id.
        config: For a single file: a folder or hub id of a pipeline of the same layout.
        prior: For a decoder: the folder or hub id of its prior.
        **others: Further settings of `LEFT_OUT`.

    Raises:
        TargetError: If local files are missing or hold no pipeline, or a pipeline in memory is not there, or is given
            settings of files; or if the path is no text.
    """
    if not isinstance(path, str):
        raise TargetError(
            f"`path` must be a text, the folder or the hub id of a pipeline, but is a {type(path).__name__}. A "
            "pipeline in memory is given to `from_pipeline`; of a `pathlib.Path` make a text."
        )
    if not is_held(path):
        return PipelineFiles(path, revision, config, prior)
    live, given = PIPELINES[path], {"revision": revision, "config": config, "prior": prior, **others}
    refused = [name for name, value in given.items() if value != LEFT_OUT[name]]
    if refused:
        raise TargetError(
            f"A pipeline in memory ({path[:16]}...) runs as it is and where it is, without {', '.join(refused)}. Leave "
            "these out, or change the pipeline itself and make a new target of it."
        )
    return live
