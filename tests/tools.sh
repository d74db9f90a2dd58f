#!/bin/sh
# What the tests use beside Python packages: a browser for the tests of pages, ffmpeg for those of video and sound,
# Dovecot (a mail server, which is not started by itself here) for those of mail.
# They are installed where we may (as root, with apt-get); elsewhere this says what is missing, and the tests that
# need it say that they skip.
set -u

any_of() {
    for name in "$@"; do
        command -v "$name" >/dev/null 2>&1 && return 0
    done
    return 1
}

# install WHAT PACKAGE...
install() {
    what=$1
    shift
    if [ "$(id -u)" = 0 ] && any_of apt-get; then
        echo "Installing $1 for the tests of $what."
        log=$(mktemp)
        if { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "$@"; } \
            >"$log" 2>&1 </dev/null; then
            rm -f "$log"
            return
        fi
        tail -n 5 "$log"
        rm -f "$log"
    fi
    echo "$1 is missing: the tests of $what will be skipped. (On Debian: apt-get install $1)"
}

any_of chromium chromium-browser google-chrome || install "pages in a browser" chromium fonts-dejavu-core
any_of dovecot /usr/sbin/dovecot || install "mail that comes in" dovecot-imapd
any_of ffmpeg && any_of ffprobe || install "video and sound" ffmpeg
exit 0
