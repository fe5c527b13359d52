#!/usr/bin/env bash
# A virtual environment, the installation, lint, types, unit tests, and the end-to-end tests through the command line.
set -euo pipefail
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-python3.11}
command -v "$PYTHON" >/dev/null || PYTHON=python3
[ -x .venv/bin/python ] || "$PYTHON" -m venv .venv
.venv/bin/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
.venv/bin/ruff check .
.venv/bin/ruff format --check .
.venv/bin/mypy
OMP_NUM_THREADS=1 .venv/bin/pytest -q -rs -n 2 --dist loadscope -m "not slow" --durations=5
OMP_NUM_THREADS=1 .venv/bin/pytest -q -rs -n 2 --dist loadscope -m slow --durations=5
