#!/usr/bin/env bash
# Runs the job `test` of .github/workflows/ci.yml in a container like GitHub's
# (run.py):
#
#	tests/workflow/run.sh [TARGET...]    of its matrix; all without one
#
# Needs an engine; tests/containers/engine.sh starts this with one.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
: "${BUILD:=build}"

image=$(python3 -c 'import yaml; print(yaml.safe_load(open(".github/workflows/ci.yml"))["jobs"]["test"]["container"])')
# An engine that was there before can pull, or has the image.
[[ -z ${OWN_ENGINE-} ]] || conf/base-image.sh "$BUILD/base-image" "$image"
exec python3 -B tests/workflow/run.py "$@"
