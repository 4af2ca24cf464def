#!/bin/sh
# Install the judges: libical, postfix, dovecot and Chromium (system packages); ical.js, axe-core, html-validate, Lighthouse, the
# MCP Inspector, the MCP conformance suite with the Node that it needs, the official host of MCP Apps with what bundles
# it, React for the example pages, and the bundle's own tool; schemathesis and openapi-spec-validator; ministack, microburst and cfn-lint; AWS's emulator of Lambda's
# runtime; pyarrow (below .judges).
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
if [ "$(id -u)" = 0 ]; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq libical3 postfix dovecot-imapd
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium
else
    echo "not root: install the system packages libical3, postfix, dovecot-imapd and chromium by hand" >&2
fi
mkdir -p "$here/.judges"
# schemathesis has a Python environment of its own, apart from the locks of the product.
[ -x "$here/.judges/python/bin/python" ] || "${PYTHON:-python3}" -m venv "$here/.judges/python"
"$here/.judges/python/bin/python" -m pip install --quiet --disable-pip-version-check schemathesis==4.32.5
# Judges the OpenAPI document by the specification's own schema.
"$here/.judges/python/bin/python" -m pip install --quiet --disable-pip-version-check openapi-spec-validator==0.9.0
# What blogs filter HTML with.
"$here/.judges/python/bin/python" -m pip install --quiet --disable-pip-version-check nh3==0.3.7
# AWS: an emulator, faults in front of it, and what checks the template; in a place of their own, for their botocore.
if [ ! -x "$here/.judges/aws/bin/cfn-lint" ]; then
    python3 -m venv "$here/.judges/aws"
    "$here/.judges/aws/bin/pip" install -q --disable-pip-version-check \
        ministack==1.5.33 \
        microburst==0.10.0 \
        cfn-lint==1.58.0
fi
# moto knows the contact lists of SES, and is asked for nothing else; its botocore is another one.
if [ ! -x "$here/.judges/moto/bin/moto_server" ]; then
    python3 -m venv "$here/.judges/moto"
    "$here/.judges/moto/bin/pip" install -q --disable-pip-version-check "moto[server,sesv2]==5.2.5"
fi
# Lambda: AWS's own emulator of its runtime, of which the wheel of its command line has the binary, and its runtime client.
if [ ! -d "$here/.judges/lambda/packages/awslambdaric" ]; then
    mkdir -p "$here/.judges/lambda/wheel"
    "${PYTHON:-python3}" -m pip download -q --disable-pip-version-check --no-deps \
        -d "$here/.judges/lambda/wheel" aws-sam-cli==1.170.0
    (cd "$here/.judges/lambda" && "${PYTHON:-python3}" -m zipfile -e wheel/*.whl wheel)
    mv "$here/.judges/lambda/wheel/samcli/local/rapid/aws-lambda-rie-x86_64" "$here/.judges/lambda/rie-x86_64"
    mv "$here/.judges/lambda/wheel/samcli/local/rapid/aws-lambda-rie-arm64" "$here/.judges/lambda/rie-aarch64"
    chmod +x "$here/.judges/lambda"/rie-*
    rm -r "$here/.judges/lambda/wheel"
    "${PYTHON:-python3}" -m pip install -q --disable-pip-version-check --target "$here/.judges/lambda/packages" \
        awslambdaric==4.2.2
fi
# Parquet: the optional package, apart from the locks of the product.
[ -d "$here/.judges/pyarrow/pyarrow" ] || "${PYTHON:-python3}" -m pip install -q --disable-pip-version-check \
    --no-deps --target "$here/.judges/pyarrow" pyarrow==26.0.1
npm install --silent --no-audit --no-fund --prefix "$here/.judges" \
    ical.js@2.2.1 \
    axe-core@4.14.1 \
    html-validate@11.21.1 \
    lighthouse@12.2.3 \
    @modelcontextprotocol/inspector@2.12.0 \
    @modelcontextprotocol/conformance@0.2.0-alpha.12 \
    node@24 \
    @modelcontextprotocol/ext-apps@2.0.4 \
    rolldown@1.2.19 \
    react@19.3.1 \
    react-dom@19.3.1 \
    @anthropic-ai/mcpb@2.1.2
