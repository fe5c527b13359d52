#!/usr/bin/env bash
# What a release uploads, in dist/ or the folder that is given: wheel and source of lit-mia, and the wheel of lit-mia-demo.
set -euo pipefail
OUTPUT=$(realpath -m "${1:-dist}")
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-python3.11}
command -v "$PYTHON" >/dev/null || PYTHON=python3
BUILDER=$(mktemp -d)
trap 'rm -rf "$BUILDER"' EXIT
"$PYTHON" -m pip install --quiet --disable-pip-version-check --target "$BUILDER" hatchling hatch-fancy-pypi-readme
export PYTHONPATH=$BUILDER
"$PYTHON" -m hatchling build -d "$OUTPUT"
cd scripts/demo_distribution
"$PYTHON" -m hatchling build -t wheel -d "$OUTPUT"
