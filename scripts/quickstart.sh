#!/usr/bin/env bash
# From a fresh clone to an audited target: a virtual environment, the installation, the audit of the shipped demo
# target, its table and the name of the report page.
set -euo pipefail
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-python3.11}
command -v "$PYTHON" >/dev/null || PYTHON=python3
[ -x .venv/bin/python ] || "$PYTHON" -m venv .venv
.venv/bin/pip install --quiet --disable-pip-version-check -c constraints.txt -e .
started=$SECONDS
.venv/bin/lit-mia audit --config configs/audit/quickstart.yaml --output runs/quickstart
echo "Audited in $((SECONDS - started)) s after installation."
