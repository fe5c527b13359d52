"""How often the denoiser is evaluated for one image, as far as the names of the classes tell."""

SECOND_ORDER = {
    "FlowMatchHeunDiscreteScheduler",
    "HeunDiscreteScheduler",
    "KDPM2AncestralDiscreteScheduler",
    "KDPM2DiscreteScheduler",
}
"""Samplers that evaluate twice in every step but the last."""
DISTILLED = {
    "Flux2Pipeline",
    "FluxPipeline",
    "LatentConsistencyModelPipeline",
    "QwenImagePipeline",
    "SanaSprintPipeline",
}
"""Pipelines that tell the denoiser the scale of guidance instead of evaluating it twice."""


def evaluations_per_image(pipeline: str, scheduler: str, steps: int, guidance: float | None, true_scale: float) -> int:
    """Denoiser evaluations behind one image.

    Pipelines with perturbed attention (`PAG`) or several denoisers (`Combined`) make more than this says.

    Args:
        pipeline: Name of the pipeline's class.
        scheduler: Name of the sampler's class.
        steps: Sampling steps.
        guidance: Scale of guidance; None is the pipeline's own, which is taken to be above 1.
        true_scale: Scale of classifier-free guidance in pipelines whose `guidance` is distilled.
    """
    extra = steps - 1 if scheduler in SECOND_ORDER else 1 if scheduler == "PNDMScheduler" else 0
    return (steps + extra) * (2 if _twice(pipeline, guidance, true_scale) else 1)


def _twice(pipeline: str, guidance: float | None, true_scale: float) -> bool:
    if pipeline in DISTILLED:
        return true_scale > 1
    if pipeline == "LDMTextToImagePipeline":
        return guidance not in (None, 1)
    return guidance is None or guidance > 1
