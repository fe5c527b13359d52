"""Attack IV of Wu et al. 2022 (arXiv 2210.00968): quality, reconstruction and faithfulness in one head."""

from typing import ClassVar, final

import torch
from torch import Tensor

from lit_mia.attacks.semantic import ComparingAttack, SemanticAttack
from lit_mia.pair_batch import PairBatch


@final
class BlindImageText(SemanticAttack):
    """Control: E_I(x) and E_T(t), the record alone."""

    name = "blind image and caption"
    level = None
    inputs = frozenset({"image_embedding", "text_embedding"})

    def features(self, batch: PairBatch) -> Tensor:
        """concat[E_I(x), E_T(t)], `[b, 1, d + e]`."""
        return torch.cat([batch["image_embedding"], batch["text_embedding"]], dim=-1).unsqueeze(1)


@final
class AttackIV(ComparingAttack):
    """IV: the features of I-S, II-S and III, concatenated."""

    name = "IV"
    inputs = frozenset({"image_embedding", "generated_embedding", "text_embedding"})
    controls: ClassVar = {"blind": BlindImageText}

    def features(self, batch: PairBatch) -> Tensor:
        """concat[E_I(x'), d(E_I(x), E_I(x')), d(E_T(t), E_I(x'))], `[b, k, 3d]` for an element-wise operation."""
        reconstruction = self.compare(batch["image_embedding"], batch["generated_embedding"])
        faithfulness = self.compare(batch["text_embedding"], batch["generated_embedding"])
        return torch.cat([batch["generated_embedding"], reconstruction, faithfulness], dim=-1)
