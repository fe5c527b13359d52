"""Do the attacker's tools work on these records? Asked of members and non-members alike, outside the test split."""

from collections.abc import Sequence

from datamodules.auxiliary import AuxiliaryDataModule
from lit_mia.attacks.base import Attack
from lit_mia.attacks.data import AuditedAttack
from lit_mia.metrics.retrieval import Retrieval, closer_keys, retrieval

NEAREST = 10


def check_tools(data: AuxiliaryDataModule, attacks: Sequence[AuditedAttack]) -> Retrieval | None:
    """How often a record's caption finds the record's own image among the nearest, by the attacker's encoder.

    Args:
        data: The datamodule of an audit, prepared.
        attacks: The attacks.

    Returns:
        The rate over all records outside test; None where no attack reads embeddings, images and texts of the encoder
        share no space, or there are too few records.
    """
    read = {name for attack in attacks if isinstance(attack, Attack) for name in attack.inputs}
    encoder = data.tools.encoder
    if encoder is None or not any(name.endswith("_embedding") for name in read):
        return None
    rows = sorted(row for split, members in data.view.splits.rows.items() if split != "test" for row in members)
    if not encoder.shares_space or len(rows) <= NEAREST:
        return None
    batch = data.arrays_of(frozenset({"image_embedding", "text_embedding"})).batch(rows)
    return retrieval(closer_keys(batch["text_embedding"], batch["image_embedding"]), NEAREST)
