#!/bin/sh
# npm-packages.sh NODE: installs the npm packages of the lock file, among them NODE, the program that everything runs on.
# npm leaves out, without a word, optional packages that ask for a newer Node than the one that it runs on itself. On
# Debian 12 these are the native halves of the tools: there it runs a second time, on the Node that the first one brought.
set -eu
install() { "$@" ci --ignore-scripts --no-audit --no-fund --loglevel=error; }

install npm
[ "$(node -p 'parseInt(process.versions.node) < 20')" = true ] || exit 0
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp "$1" "$copy/node"
install "$copy/node" --no-deprecation "$(readlink -f "$(command -v npm)")"
