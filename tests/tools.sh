#!/bin/sh
# What the tests use beside Python packages: a browser for the tests of pages. It is installed where we may
# (as root, with apt-get); elsewhere this says what is missing, and the tests that need it say that they skip.
set -u

browser() {
    for name in chromium chromium-browser google-chrome; do
        command -v "$name" >/dev/null 2>&1 && return 0
    done
    return 1
}

browser && exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing chromium for the tests of pages."
    log=$(mktemp)
    if { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends chromium fonts-dejavu-core; } \
        >"$log" 2>&1 </dev/null; then
        rm -f "$log"
        exit 0
    fi
    tail -n 5 "$log"
    rm -f "$log"
fi

echo "chromium is missing: the tests of pages in a browser will be skipped. (On Debian: apt-get install chromium)"
exit 0
