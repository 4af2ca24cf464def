#!/bin/sh
# Install the judges of outgoing mail: libical (a system package) and ical.js (below .judges).
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
if [ "$(id -u)" = 0 ]; then
    apt-get update -qq
    apt-get install -y -qq libical3
else
    echo "not root: install the system package libical3 by hand" >&2
fi
mkdir -p "$here/.judges"
npm install --silent --no-audit --no-fund --prefix "$here/.judges" ical.js@2.2.1
