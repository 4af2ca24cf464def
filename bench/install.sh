#!/bin/sh
# Fetch the peers below .judges: postfix's smtp-sink and smtp-source, without installing postfix (needs apt
# and dpkg, no root), and nodemailer with ical-generator (needs npm).
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$here/.judges/postfix"
npm install --silent --no-audit --no-fund --prefix "$here/.judges" nodemailer@10.6.0 ical-generator@10.2.0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get download postfix
dpkg -x postfix_*.deb "$here/.judges/postfix"
echo "smtp-sink and smtp-source are in .judges/postfix/usr/sbin, nodemailer is in .judges/node_modules"
