#!/bin/bash -eu
# Builds what is in fuzz/ of this repository, with the seeds of vmo-conformance.
exec "$SRC/vmo-conformance/ci/fuzzing/build.sh" "$SRC/project"
