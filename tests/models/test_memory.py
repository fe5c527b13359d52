"""Too little memory is said in the same way whatever runs out of it, and nothing that was stored is lost."""

import numpy as np
import pytest
import torch
from memory_source import MemorySource

from lit_mia.attacks.statistics import Loss, ReDiffuseAPI
from lit_mia.errors import TooLittleMemoryError
from lit_mia.features.captioners import TransformersCaptioner
from lit_mia.models.memory import enough_memory
from lit_mia.models.placement import in_batches
from lit_mia.queries import generate, plans
from lit_mia.queries.findings import FindingStore
from lit_mia.queries.generate import GenerateQuery
from lit_mia.queries.plans import Questions
from lit_mia.queries.store import Store
from lit_mia.targets.denoiser import DenoiserTarget
from lit_mia.targets.diffusion import DiffusersTarget

ADVICE = (
    r"too little memory \(.*allocate.*\)\. Lower `batch_size`.* `dtype` .*`precision`.*`bfloat16`.*`offload`.* stays"
)
IMAGES = torch.zeros(4, 3, 16, 16, dtype=torch.uint8)


def ask_too_much(*_):
    """What torch's own allocator says."""
    torch.empty(10**15, dtype=torch.uint8)


def after(calls):
    """A hook that asks for too much once it was called so often."""
    left = iter(range(calls))

    def hook(*_):
        if next(left, None) is None:
            ask_too_much()

    return hook


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.25 GiB.\nGPU 0 has a total of"),
        RuntimeError("MPS backend out of memory: could not allocate 1 GiB"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)` to allocate"),
        MemoryError("Unable to allocate 7 TiB for an array"),
    ],
)
def test_every_library_is_understood(error):
    with pytest.raises(TooLittleMemoryError, match=ADVICE), enough_memory():
        raise error
    with pytest.raises(RuntimeError, match="another"), enough_memory():
        raise RuntimeError("another")


def test_what_was_drawn_before_stays(tiny_pipeline_folder, tmp_path):
    target = DiffusersTarget(str(tiny_pipeline_folder), steps=1, guidance=1.0, batch_size=2, device="cpu")
    target._pipeline.unet.register_forward_pre_hook(after(1))
    queries = [GenerateQuery(f"r{i}", f"text {i}", i) for i in range(4)]
    store = Store(tmp_path, target.fingerprint())
    with pytest.raises(TooLittleMemoryError, match=ADVICE):
        generate.fill(store, target, queries)
    assert Store(tmp_path, target.fingerprint()).keys() == {query.key for query in queries[:2]}


@pytest.mark.parametrize("attack", [Loss(t=[100]), ReDiffuseAPI()], ids=["denoise", "vary"])
def test_what_was_found_out_before_stays(tiny_pipeline_folder, tmp_path, attack):
    target = DenoiserTarget(str(tiny_pipeline_folder), batch_size=2, device="cpu")
    wanted = [attack.plan(setting) for setting in attack.settings()]
    questions = Questions(MemorySource(IMAGES, [1, 0] * 2).load(), IMAGES.numpy(), 0)
    store = FindingStore(tmp_path, target.fingerprint())
    plans.fill(store, target, Questions(questions.records.select([0, 1]), questions.images[:2], 0), wanted)
    target._pipeline.unet.register_forward_pre_hook(ask_too_much)
    with pytest.raises(TooLittleMemoryError, match=ADVICE):
        plans.fill(store, target, questions, wanted)
    assert [rows for rows, _ in plans.lacking(store, questions, wanted, False)] == [[2, 3]]


def test_embeddings_and_captions_say_the_same():
    with pytest.raises(TooLittleMemoryError, match=ADVICE):
        in_batches(ask_too_much, [IMAGES], torch.device("cpu"), "float32")
    captioner = TransformersCaptioner("shipped:openmoji-blip", device="cpu")
    captioner._model.register_forward_pre_hook(ask_too_much)
    captioner._model.vision_model.register_forward_pre_hook(ask_too_much)
    with pytest.raises(TooLittleMemoryError, match=ADVICE):
        captioner.caption(np.asarray(IMAGES))
