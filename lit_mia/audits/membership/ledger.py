"""The ledger of a store: how often its test split was opened, and by how many configurations."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lit_mia.files import replacing
from lit_mia.report.membership import Tried

FILE = "ledger.json"


def count_opening(store: Path, config: Mapping[str, Any]) -> Tried:
    """Count this opening of the test split, and the distinct configurations that opened it so far.

    Args:
        store: Folder of the answers.
        config: Configuration of the audit.
    """
    path = store / FILE
    seen: Any = json.loads(path.read_text()) if path.is_file() else {"configurations": [], "openings": 0}
    digest = hashlib.sha256(json.dumps(config, sort_keys=True, default=str).encode()).hexdigest()
    configurations, openings = sorted({*seen["configurations"], digest}), int(seen["openings"]) + 1
    with replacing(path) as temporary:
        temporary.write_text(json.dumps({"configurations": configurations, "openings": openings}))
    return {"configurations": len(configurations), "test_openings": openings}
