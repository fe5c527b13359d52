"""What the attacker's encoder says of an audit's records: how far apart images are, and whether captions find them.

FID and KID are of records, generated images, members and non-members. Wu et al. (arXiv 2210.00968) print an FID of
members and of non-members without saying of which images; both readings are given. All known records take part,
whatever their split: the numbers describe the data and the target, and enter no head, no threshold and no verdict.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from datamodules import AuxiliaryDataModule
from datamodules.inputs import image_embedding, text_embedding
from lit_mia.attacks import Attack, AuditedAttack
from lit_mia.audits.membership.head_scorer import reads_embeddings
from lit_mia.features.encoders import Encoder
from lit_mia.metrics.fidelity import MIN_IMAGES, frechet_distance, is_rank_deficient, kernel_distance
from lit_mia.metrics.kernel_test import generated_p, sides_p
from lit_mia.metrics.retrieval import Retrieval, closer_keys, retrieval
from lit_mia.records import MEMBER, NON_MEMBER, Records, id_hash
from lit_mia.report.membership import Fidelity, ImageSetDistance

MAX_TESTED = 1000
"""Records of a side in the permutation tests, whose kernel is a matrix over all records."""
NEAREST = 10
"""Images among which a caption has to find its own."""

Floats = NDArray[np.float32]


def fidelity(
    data: AuxiliaryDataModule, rows: Sequence[int] | None = None, encoder: Encoder | None = None
) -> Fidelity | None:
    """FID and KID in both readings, of as many members as non-members.

    FID falls with the number of images, so of the larger side only a part is used, chosen by the hash of the ids. Of
    several generated images of a record the first is used.

    Args:
        data: Records and answers, after `prepare`.
        rows: Rows of the known records that may be used; None: all.
        encoder: What embeds the images; None: the encoder of the heads.

    Returns:
        The distances, or None with fewer than four records on a side, and without any encoder.
    """
    encoder, records = encoder or data.tools.encoder, data.view.known
    if encoder is None:
        return None
    members, others = _equal_sides(records, range(len(records)) if rows is None else rows)
    if len(members) < MIN_IMAGES:
        return None
    image, answers = data.embeddings(encoder)
    generated = answers[:, 0]
    tested = np.concatenate([members[:MAX_TESTED], others[:MAX_TESTED]])
    labels, groups = np.array(records.members)[tested], np.array(records.groups)[tested]
    return {
        "encoder": encoder.name,
        "fingerprint": encoder.fingerprint(),
        "dimension": image.shape[1],
        "n": len(members),
        "rank_deficient": is_rank_deficient(len(members), image.shape[1]),
        "members": _distance(image[members], generated[members]),
        "non_members": _distance(image[others], generated[others]),
        "sides": _distance(image[members], image[others]),
        "p_generated": generated_p(image[tested], generated[tested], labels, groups),
        "p_sides": sides_p(image[tested], labels, groups),
    }


def check_tools(data: AuxiliaryDataModule, attacks: Sequence[AuditedAttack]) -> Retrieval | None:
    """How often a record's caption finds the record's own image among the nearest, by the attacker's encoder.

    Args:
        data: The datamodule of an audit, prepared.
        attacks: The attacks.

    Returns:
        The rate over all records outside test; None where no attack reads embeddings, images and texts of the encoder
        share no space, or there are too few records.
    """
    encoder = data.tools.encoder
    if encoder is None or not any(isinstance(attack, Attack) and reads_embeddings(attack) for attack in attacks):
        return None
    rows = sorted(row for split, members in data.view.splits.rows.items() if split != "test" for row in members)
    if not encoder.shares_space or len(rows) <= NEAREST:
        return None
    pairs = data.pairs(data.with_own_captions(data.view.known))
    texts, images = (torch.from_numpy(embed(pairs)[rows]) for embed in (text_embedding, image_embedding))
    return retrieval(closer_keys(texts, images), NEAREST)


def _equal_sides(records: Records, rows: Sequence[int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """As many member as non-member rows, in the order of their ids' hashes."""
    ordered = sorted(rows, key=lambda row: id_hash(records.ids[row]))
    sides = [[row for row in ordered if records.members[row] == label] for label in (MEMBER, NON_MEMBER)]
    n = min(map(len, sides))
    members, others = (np.array(side[:n], dtype=np.int64) for side in sides)
    return members, others


def _distance(a: Floats, b: Floats) -> ImageSetDistance:
    kid, deviation = kernel_distance(a, b)
    return {"fid": frechet_distance(a, b), "kid": kid, "kid_std": deviation}
