#!/bin/sh
# Fetch postfix's smtp-sink below .judges, without installing postfix (needs apt and dpkg, no root).
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$here/.judges/postfix"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get download postfix
dpkg -x postfix_*.deb "$here/.judges/postfix"
echo "smtp-sink is in .judges/postfix/usr/sbin"
