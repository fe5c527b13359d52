"""Model files: where they are, how they are loaded and placed, what tells them apart, and how their parts are run."""

from lit_mia.models.adapted import AdaptedPipeline
from lit_mia.models.denoising_networks import Autoencoder, Condition, DenoisingNetwork, network_of
from lit_mia.models.draws import TokenSampling, normal
from lit_mia.models.files import Fingerprint, FingerprintValue, digest, model_digest, shipped, versions
from lit_mia.models.live import LEFT_OUT, PIPELINES, LivePipeline, formats_that_fit, pipeline_at
from lit_mia.models.lora import Lora, require_peft
from lit_mia.models.memory import enough_memory
from lit_mia.models.network_needs import check_images, network_part, square_side, told_beside
from lit_mia.models.parameterization import (
    PARAMETERIZATIONS,
    VARIANCE_PRESERVING,
    flow_levels,
    preserving_levels,
)
from lit_mia.models.pipeline_calls import call_arguments, cut_by, evaluations_per_image, own_noise, token_limits
from lit_mia.models.pipeline_files import MODEL_SUFFIXES, PipelineFiles, quietly
from lit_mia.models.pipeline_source import PipelineSource
from lit_mia.models.placement import Offload, Precision, full_float32, in_batches, in_float32, place, resolve_device
from lit_mia.models.pretrained import OpenClipFiles, Pretrained
from lit_mia.models.samplers import SHORT_NAMES, replace_scheduler, replaced_settings, sampler_in_words, short_name
from lit_mia.models.schedule import Schedule, way_back, way_back_settings

__all__ = [
    "LEFT_OUT",
    "MODEL_SUFFIXES",
    "PARAMETERIZATIONS",
    "PIPELINES",
    "SHORT_NAMES",
    "VARIANCE_PRESERVING",
    "AdaptedPipeline",
    "Autoencoder",
    "Condition",
    "DenoisingNetwork",
    "Fingerprint",
    "FingerprintValue",
    "LivePipeline",
    "Lora",
    "Offload",
    "OpenClipFiles",
    "PipelineFiles",
    "PipelineSource",
    "Precision",
    "Pretrained",
    "Schedule",
    "TokenSampling",
    "call_arguments",
    "check_images",
    "cut_by",
    "digest",
    "enough_memory",
    "evaluations_per_image",
    "flow_levels",
    "formats_that_fit",
    "full_float32",
    "in_batches",
    "in_float32",
    "model_digest",
    "network_of",
    "network_part",
    "normal",
    "own_noise",
    "pipeline_at",
    "place",
    "preserving_levels",
    "quietly",
    "replace_scheduler",
    "replaced_settings",
    "require_peft",
    "resolve_device",
    "sampler_in_words",
    "shipped",
    "short_name",
    "square_side",
    "token_limits",
    "told_beside",
    "versions",
    "way_back",
    "way_back_settings",
]
