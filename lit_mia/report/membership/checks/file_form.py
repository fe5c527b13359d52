"""What the `audit.json` of a membership audit holds."""

from typing import Annotated, Any, TypedDict

from lit_mia.metrics.evidence import Kind
from lit_mia.report.forms.fields import Fields
from lit_mia.report.membership.checks.row_form import RowForm
from lit_mia.report.membership.schema import SCHEMA, AuditReport


class Concluded(TypedDict):
    """The verdict of an audit: the first of `Kind` that one of its attacks has, and the sentence that says so."""

    kind: Kind
    sentence: str


class _InFile(TypedDict):
    """What the file holds in another form than the code."""

    verdict: Concluded
    rows: list[Annotated[dict[str, Any], Fields("Row", (RowForm,), is_open=True)]]


FORM = Fields("MembershipAudit", (AuditReport, _InFile), schema=SCHEMA)
