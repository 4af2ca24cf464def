#!/bin/sh
# Install the judges: libical and postfix (system packages), ical.js and the MCP Inspector (below .judges).
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
if [ "$(id -u)" = 0 ]; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq libical3 postfix
else
    echo "not root: install the system packages libical3 and postfix by hand" >&2
fi
mkdir -p "$here/.judges"
npm install --silent --no-audit --no-fund --prefix "$here/.judges" ical.js@2.2.1 @modelcontextprotocol/inspector@2.12.0
