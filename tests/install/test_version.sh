#!/usr/bin/env bash
# Everything that states the project's version states the same. Usage: test_version.sh FOVEA BUILD_FOLDER SOURCE_FOLDER
set -u
fovea=$(realpath "$1") build=$2 source=$3
version=$("$source/tools/version")
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || { echo "tools/version says '$version'"; exit 1; }
failed=0
# states WHERE WHAT: what a place says is the version
states() { [ "$2" = "$version" ] || { echo "$1 says '$2', not '$version'"; failed=1; }; }
# defined NAME: a number of the public header
defined() { sed -n "s/^#define FOVEA_VERSION_$1 //p" "$source/src/fovea/version.h"; }

states 'fovea -V' "$("$fovea" -V | sed 's/^fovea //')"
states 'fovea --version' "$("$fovea" --version | sed 's/^fovea //')"
states 'fovea help' "$("$fovea" help | sed -n '1s/^fovea \([^ :]*\).*/\1/p')"
states 'JSON' "$("$fovea" ops --json | sed -n 's/.*"fovea": "\([^"]*\)".*/\1/p' | head -1)"
states version.h "$(defined MAJOR).$(defined MINOR).$(defined PATCH)"
states pkg-config "$(PKG_CONFIG_PATH=$build/meson-private pkg-config --modversion fovea)"
states CITATION.cff "$(sed -n 's/^version: //p' "$source/CITATION.cff")"
states debian/changelog "$(sed -n '1s/.*(\(.*\)).*/\1/p' "$source/debian/changelog")"
states CHANGELOG.md "$(sed -n 's/^## //p' "$source/CHANGELOG.md" | head -1)"
states fovea.py "$(sed -n 's/^VERSION = (\([0-9]*\), \([0-9]*\)).*/\1.\2/p' "$source/tools/examples/fovea.py").${version##*.}"
for page in "$build"/fovea.1 "$build"/fovea-*.1; do
    [ ! -e "$build/fovea.1" ] || states "${page##*/}" "$(sed -n '1s/^\.TH .*"fovea \(.*\)"$/\1/p' "$page")"
done
exit $failed
