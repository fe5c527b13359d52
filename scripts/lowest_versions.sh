#!/usr/bin/env bash
# The lowest versions of what lit-mia needs that have wheels: resolved for each Python, in .work/lowest. With --test they are
# installed for Python 3.11, except torch and what belongs to it (gigabytes), which .venv lends, and the unit tests are run on them.
set -euo pipefail
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-python3.11}
command -v "$PYTHON" >/dev/null || PYTHON=python3
LOWEST=$PWD/.work/lowest
"$PYTHON" -m pip install --quiet --disable-pip-version-check --upgrade --target "$LOWEST/uv" uv
for release in 3.11 3.12 3.13; do
  "$LOWEST/uv/bin/uv" pip compile --quiet --resolution lowest-direct --only-binary :all: --no-binary min-dalle \
    --python-version "$release" --extra dev --output-file "$LOWEST/$release.txt" pyproject.toml >/dev/null
  echo "Python $release: $(grep -c '==' "$LOWEST/$release.txt") packages resolved"
done
[ "${1:-}" = --test ] || exit 0
grep '==' "$LOWEST/3.11.txt" | grep -vE '^(torch|torchvision|triton|cuda-.*|nvidia-.*)==' >"$LOWEST/lent.txt"
"$PYTHON" -m venv "$LOWEST/venv"
"$LOWEST/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps -r "$LOWEST/lent.txt"
.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' >"$LOWEST/venv/lib/python3.11/site-packages/lent.pth"
PYTHONPATH=$PWD OMP_NUM_THREADS=1 "$LOWEST/venv/bin/python" -m pytest -q -m "not slow" -p no:cacheprovider -W ignore
