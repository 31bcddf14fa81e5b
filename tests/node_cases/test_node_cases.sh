#!/usr/bin/env bash
# Runs the ONNX node cases of cases.tar.xz: test_node_cases.sh CONFORMANCE
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
tar -xJf "$here/cases.tar.xz" -C "$folder"
"$1" "$folder"
