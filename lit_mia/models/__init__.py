"""Model files: where they are, how they are loaded and placed, what tells them apart, and how their parts are run."""

from lit_mia.models.denoising_networks import Autoencoder, Condition, DenoisingNetwork, network_of
from lit_mia.models.draws import TokenSampling, normal
from lit_mia.models.files import Fingerprint, FingerprintValue, digest, model_digest, shipped, versions
from lit_mia.models.lora import Lora
from lit_mia.models.pipeline_calls import (
    SHORT_NAMES,
    call_arguments,
    cut_by,
    evaluations_per_image,
    own_noise,
    replace_scheduler,
    short_name,
    token_limits,
)
from lit_mia.models.pipeline_files import MODEL_SUFFIXES, PipelineFiles, quietly
from lit_mia.models.placement import Offload, Precision, in_batches, in_float32, place, resolve_device
from lit_mia.models.pretrained import OpenClipFiles, Pretrained
from lit_mia.models.schedule import Schedule, way_back

__all__ = [
    "MODEL_SUFFIXES",
    "SHORT_NAMES",
    "Autoencoder",
    "Condition",
    "DenoisingNetwork",
    "Fingerprint",
    "FingerprintValue",
    "Lora",
    "Offload",
    "OpenClipFiles",
    "PipelineFiles",
    "Precision",
    "Pretrained",
    "Schedule",
    "TokenSampling",
    "call_arguments",
    "cut_by",
    "digest",
    "evaluations_per_image",
    "in_batches",
    "in_float32",
    "model_digest",
    "network_of",
    "normal",
    "own_noise",
    "place",
    "quietly",
    "replace_scheduler",
    "resolve_device",
    "shipped",
    "short_name",
    "token_limits",
    "versions",
    "way_back",
]
