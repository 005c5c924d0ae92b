#!/bin/bash -eu
# What there is to build, and how, is told in the repository itself.
exec "$SRC/vmo-conformance/ci/fuzzing/build.sh"
