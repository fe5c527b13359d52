"""The kinds of audit that come with this package; a new one is one entry here."""

from lit_mia.audits.ablation import Ablation
from lit_mia.audits.base import AUDIT_KINDS, AuditKind
from lit_mia.audits.extraction import ExtractionAudit
from lit_mia.audits.identity import IdentityAudit
from lit_mia.audits.membership import MembershipAudit
from lit_mia.audits.sweep import Sweep
from lit_mia.report.ablation import AblationResult
from lit_mia.report.extraction import ExtractionResult
from lit_mia.report.identity import IdentityResult
from lit_mia.report.membership import MembershipResult
from lit_mia.report.sweep import SweepResult

for kind in (
    AuditKind(
        name="membership",
        audit=MembershipAudit,
        result=MembershipResult,
        command="audit",
        key=None,
        example="audit/quickstart",
    ),
    AuditKind(
        name="identity",
        audit=IdentityAudit,
        result=IdentityResult,
        command="audit",
        key="people",
        example="audit/idia_demo",
    ),
    AuditKind(
        name="extraction",
        audit=ExtractionAudit,
        result=ExtractionResult,
        command="audit",
        key="measures",
        example="audit/openmoji_extraction",
    ),
    AuditKind(
        name="sweep",
        audit=Sweep,
        result=SweepResult,
        command="sweep",
        key=None,
        example="ablation/t_sweep",
    ),
    AuditKind(
        name="ablation",
        audit=Ablation,
        result=AblationResult,
        command="sweep",
        key="audit",
        example="ablation/steps",
    ),
):
    AUDIT_KINDS.add(kind)
