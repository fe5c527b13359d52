"""The whole way of an audit: run, and everything that is kept of it written into its folder."""

from pathlib import Path

from lit_mia.audits.base import Audit, Run
from lit_mia.audits.saved_config import save_config
from lit_mia.folders import check_writable
from lit_mia.report.base import Result


def carry_out(audit: Audit, run: Run, *, gallery: bool) -> tuple[Result, Path]:
    """Run an audit, and write numbers, page and config.

    Args:
        audit: The audit.
        run: Its name, config and folder.
        gallery: Whether the page shows images.

    Returns:
        The result, and the path of its page.

    Raises:
        FolderError: If the folder cannot be written; nothing was asked then.
    """
    check_writable(run.output)
    result = audit.run(run)
    page = result.save(run.output, audit.pictures(result) if gallery else ())
    save_config(run)
    return result, page
