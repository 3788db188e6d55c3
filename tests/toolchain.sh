#!/bin/sh
# Sets up what `make demo`, `make test` and `make bench` need on a plain Debian or Ubuntu: packages of the
# distribution, and one virtual environment for each file in tests/requirements/ that is named as an argument.
# It repeats nothing that is there already, so that a second call takes less than a second.
#
#   tests/toolchain.sh packages|core-2.19|core-2.21|peers|stand-ins|checkers|mutation|runtime|sbom|browser ...
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cache=${INBOUND_MAIL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/inbound-mail}
packages='bind9-dnsutils debian-archive-keyring iproute2 conntrack iptables git make mmdebstrap nftables openssh-client openssl procps python3-venv systemd-container tcpdump util-linux'

say() { printf 'toolchain: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

install_packages() {
  missing=
  for package in "$@"; do
    # The field is 'install ok installed' for a package that is there whole.
    dpkg-query --show --showformat='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
  done
  [ -n "$missing" ] || return 0
  command -v apt-get >/dev/null || fail "needs Debian or Ubuntu: there is no apt-get here to install$missing with"
  say "installing$missing"
  as_root apt-get update -qq
  # shellcheck disable=SC2086  # a list of words
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
}

# Ubuntu's chromium is a snap, which runs in no container; there somebody has to install Google's.
install_browser() {
  for program in chromium google-chrome chromium-browser; do
    command -v "$program" >/dev/null && return 0
  done
  grep -q '^ID=debian' /etc/os-release || fail 'needs a Chromium (google-chrome, chromium) for the test of the HTML report'
  install_packages chromium
}

# A Python of one of the given versions: on PATH, in pyenv, or fetched by uv. A shim of pyenv for a version that is
# not active is on PATH and exits 127, so each candidate is asked for its version.
find_python() {
  for version in "$@"; do
    for candidate in "python$version" python3 "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin/python; do
      [ "$("$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" = "$version" ] || continue
      # A Debian without python3.X-venv has the interpreter but cannot make an environment with it.
      "$candidate" -c 'import ensurepip, venv' 2>/dev/null || continue
      command -v "$candidate"
      return 0
    done
  done
  say "no Python $* here: fetching one with uv"
  uv=$cache/venv/uv
  [ -x "$uv/bin/uv" ] || { python3 -m venv "$uv" && "$uv/bin/pip" install --quiet uv; } >&2
  "$uv/bin/uv" python install --quiet "$1" >&2 && "$uv/bin/uv" python find "$1" && return 0
  fail "no Python $* could be found or fetched: install python$1 and python$1-venv, then run this again"
}

# The requirements of a file and of those that it includes with '-r'.
requirements_of() {
  cat "$1"
  sed -n 's/^-r *//p' "$1" | while read -r included; do requirements_of "$(dirname "$1")/$included"; done
}

make_venv() {
  name=$1; shift
  venv=$cache/venv/$name
  # Of this environment alone: a tool that one of them gets is no reason to make the others again.
  wanted=$(requirements_of "$here/requirements/$name.txt" | cksum)
  [ "$(cat "$venv/requirements" 2>/dev/null)" = "$wanted" ] && return 0
  python=$(find_python "$@")
  say "making $venv with $python"
  rm -rf "$venv"
  mkdir -p "$cache/venv"
  "$python" -m venv "$venv"
  "$venv/bin/pip" install --quiet --quiet --requirement "$here/requirements/$name.txt"
  printf '%s\n' "$wanted" >"$venv/requirements"
}

for part in "$@"; do
  case $part in
    packages)
      # shellcheck disable=SC2086  # a list of words
      install_packages $packages
      ;;
    core-2.19) make_venv core-2.19 3.11 ;;
    core-2.21) make_venv core-2.21 3.13 3.12 ;;
    peers) make_venv peers 3.12 3.13 3.11 ;;
    stand-ins) make_venv stand-ins 3.12 3.13 3.11 ;;
    mutation) make_venv mutation 3.13 3.12 ;;
    runtime) make_venv runtime 3.13 3.12 ;;
    sbom) make_venv sbom 3.13 3.12 ;;
    checkers) install_packages zonemaster-cli; make_venv checkers 3.12 3.13 3.11 ;;
    browser) install_browser ;;
    *) fail "unknown part '$part': one of packages, core-2.19, core-2.21, peers, stand-ins, checkers, mutation, runtime, sbom, browser" ;;
  esac
done
