"""Pipelines of diffusers in the memory of this process."""

from lit_mia.models.live.checks import formats_that_fit
from lit_mia.models.live.named import LEFT_OUT, PIPELINES, pipeline_at
from lit_mia.models.live.pipeline import LivePipeline

__all__ = ["LEFT_OUT", "PIPELINES", "LivePipeline", "formats_that_fit", "pipeline_at"]
