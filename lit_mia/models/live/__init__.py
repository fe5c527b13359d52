"""Pipelines of diffusers in the memory of this process."""

from lit_mia.models.live.pipeline import LEFT_OUT, PIPELINES, LivePipeline, pipeline_at

__all__ = ["LEFT_OUT", "PIPELINES", "LivePipeline", "pipeline_at"]
