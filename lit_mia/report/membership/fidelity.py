"""How far generated images are from those of the records, in words."""

from lit_mia.report.membership.schema import Fidelity, ImageSetDistance
from lit_mia.report.words import count, p_value

INCEPTION = "InceptionEncoder"


def distance_rows(fidelity: Fidelity) -> list[tuple[str, str, str]]:
    """What is compared, FID and KID ± deviation, for each of the three distances."""
    named: list[tuple[str, ImageSetDistance]] = [
        ("Members and what was generated from their captions", fidelity["members"]),
        ("Non-members and what was generated from their captions", fidelity["non_members"]),
        ("Members and non-members", fidelity["sides"]),
    ]
    return [(name, _digits(d["fid"]), f"{_digits(d['kid'])} ± {_digits(d['kid_std'])}") for name, d in named]


def fidelity_line(fidelity: Fidelity) -> str:
    """The three distances and their p values in one sentence, with the encoder's name."""
    members, non_members, sides = (_digits(fidelity[key]["fid"]) for key in ("members", "non_members", "sides"))
    doubt = "; FID is rank-deficient here, read KID in the report" if fidelity["rank_deficient"] else ""
    return (
        f"FID by {fidelity['encoder']}, {count(fidelity['n'])} images a side: to generated images {members} (members), "
        f"{non_members} (non-members), {_p(fidelity['p_generated'])}; members to non-members {sides}, "
        f"{_p(fidelity['p_sides'])}{doubt}."
    )


def fidelity_notes(fidelity: Fidelity) -> list[str]:
    """How to read the distances, and what is wrong with them."""
    n, dimension = count(fidelity["n"]), count(fidelity["dimension"])
    generated, sides = _p(fidelity["p_generated"]), _p(fidelity["p_sides"])
    warnings = {
        f"Warning: {n} images are not more than the {dimension} features: the covariances are rank-deficient, and "
        "most of each FID is bias. Read KID, which is unbiased at any size.": fidelity["rank_deficient"],
        f"The features are those of {fidelity['encoder']}, not of FID's Inception: these values cannot be compared "
        "with published ones.": not fidelity["encoder"].startswith(INCEPTION),
    }
    return [
        *(warning for warning, applies in warnings.items() if applies),
        f"Each set has {n} images, the same number on every side, because FID falls as sets grow.",
        "KID: mean ± standard deviation over subsets; the deviation is no standard error.",
        f"Do members and non-members differ in the distance to their generated images? {generated}. "
        f"Do their own images differ? {sides}. Permutation tests on KID's kernel.",
        "All known records, whatever their split. Nothing here enters a head or the verdict.",
    ]


def _p(p: float | None) -> str:
    return p_value(p) or "p cannot be said"


def _digits(value: float) -> str:
    """Three significant digits: the scale is the encoder's."""
    return f"{value:.3g}".replace("-", "−")
