#!/usr/bin/env bash
# Runs test_host under a locale that writes 1,5, made here (package locales). Usage: test_host.sh PROGRAM
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
localedef -i de_DE -f UTF-8 "$folder/de_DE.UTF-8"
LOCPATH=$folder FOVEA_TEST_LOCALE=de_DE.UTF-8 "$1"
