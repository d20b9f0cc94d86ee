#!/bin/sh
# Make sure that git, git-lfs and a browser for the tests are there; install them where a package manager can.
set -u

need() {  # need COMMAND DEBIAN-PACKAGE BREW-PACKAGE
  command -v "$1" >/dev/null 2>&1 && return 0
  echo "installing $2 ..."
  if command -v apt-get >/dev/null 2>&1; then
    if [ "$(id -u)" = 0 ]; then as=""; elif command -v sudo >/dev/null 2>&1; then as="sudo -n"; else as="false"; fi
    # The package lists of a fresh machine are empty.
    { $as env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$2" ||
      { $as apt-get update -qq && $as env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$2"; }; } >/dev/null 2>&1
  elif command -v brew >/dev/null 2>&1; then
    brew install --quiet $3
  fi
  command -v "$1" >/dev/null 2>&1
}

need git git git || { echo "git is needed: install it, then try again" >&2; exit 3; }
need git-lfs git-lfs git-lfs || {
  echo "git-lfs is needed and could not be installed here." >&2
  echo "Debian, Ubuntu: sudo apt-get install git-lfs; macOS: brew install git-lfs; then try again." >&2
  exit 3
}
# Without a browser the site's browser tests are skipped, and say so.
command -v google-chrome >/dev/null 2>&1 || need chromium chromium "--cask chromium" ||
  echo "note: no Chromium: the browser tests will be skipped" >&2
need chromedriver chromium-driver "--cask chromedriver" ||
  echo "note: no chromedriver, through which tests drive the browser: most browser tests will be skipped" >&2
exit 0
