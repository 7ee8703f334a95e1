#!/bin/sh
# Builds a server with TLS from an unpacked source, for the tests that need one:
#
#   tools/build_tls_server.sh SOURCE_FOLDER BINARY
#   TINYTOWN_TEST_TLS_SERVER=BINARY uv run pytest tests/e2e -k tls
#
# SOURCE_FOLDER is what `apt-get source valkey` or `apt-get source redis` unpacks, of a Debian release that has Valkey
# or Redis 8.0 or newer. Needs make, a C compiler and the headers of OpenSSL (`libssl-dev`).
set -eu
[ $# -eq 2 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
source=$1 binary=$2
name=valkey-server
[ -f "$source/src/valkey-cli.c" ] || name=redis-server
make -C "$source/src" BUILD_TLS=yes MALLOC=libc "$name" >&2
cp "$source/src/$name" "$binary"
"$binary" --version
