#!/bin/sh
# Install the agent CLIs that the live tests drive, into a directory of their own:
#
#   tests/live/install.sh DIR
#   TINYTOWN_LIVE_CLIS=DIR/node_modules/.bin uv run pytest -m live tests/live
#
# Needs npm. Nothing is signed in; the tests give each CLI a home of its own, fake keys and a model on loopback.
set -eu
[ $# -eq 1 ] || { echo "usage: $0 DIR" >&2; exit 2; }
npm install --no-fund --no-audit --prefix "$1" @anthropic-ai/claude-code@latest @openai/codex@latest
"$1/node_modules/.bin/claude" --version
"$1/node_modules/.bin/codex" --version
