"""Whether the counts of an extraction audit are those of its records."""

from collections.abc import Iterator

from lit_mia.records import MEMBER, NON_MEMBER
from lit_mia.report.extraction.schema import ExtractionFindings
from lit_mia.report.forms import Fault

RECORDS = "records.csv"


def miscounted(found: ExtractionFindings) -> Iterator[Fault]:
    """Every number of reproduced images, at the first threshold of each measure, that is not that of the records.

    Args:
        found: The findings, with single records; of "target less base" these hold nothing.
    """
    for i, row in enumerate(found.rows):
        lines = [of for of in found.lines if of.row == row.name and row.measure.startswith(f"{of.measure} ")]
        for side, half, member in (("members", row.members, MEMBER), ("nonmembers", row.nonmembers, NON_MEMBER)):
            reproduced = sum(line.reproduced for line in lines if line.member == member)
            if row.is_first and row.name != "target less base" and half.k != reproduced:
                yield Fault(f"rows[{i}].{side}.k", f"{half.k} is not the number in {RECORDS}, {reproduced}")
