#!/usr/bin/env bash
# Usage: setup_test.sh CASE. Runs one case with the functions of tools/dev.d/setup.sh, and with stand-ins for the
# commands that would change or ask the machine.
# shellcheck disable=SC2034,SC2317  # variables and functions that setup.sh uses
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
here="$root/tools"
log="$(mktemp)"
scratch="$(mktemp -d)"
trap 'rm -rf "$log" "$scratch"' EXIT
export BABILU_CACHE="$scratch/cache"

step() { :; }
note() { :; }
die() {
  echo "dev: $*" >&2
  exit 1
}
logged() {
  shift
  "$@" >"$log"
}
# shellcheck source=tools/dev.d/setup.sh
. "$here/dev.d/setup.sh"

fail() {
  echo "FAILED: $*" >&2
  exit 1
}
expect_in() { [[ $2 == *"$1"* ]] || fail "expected '$1' in: $2"; }
expect_not_in() { [[ $2 != *"$1"* ]] || fail "did not expect '$1' in: $2"; }

# A package goes with its group, and with its release where it names one.
case_packages() {
  local twelve thirteen
  distribution_version=12
  twelve="$(packages_of build)"
  expect_in clang-19 "$twelve"
  expect_in dpkg-dev "$twelve"
  expect_not_in libbotan "$twelve"
  expect_not_in clang-tidy "$twelve"
  expect_not_in haproxy "$twelve"
  distribution_version=13
  thirteen="$(packages_of build check)"
  expect_in libbotan-3-dev "$thirteen"
  expect_in libboost1.88-dev "$thirteen"
  expect_in clang-tidy-19 "$thirteen"
  expect_not_in dpkg-dev "$thirteen"
}

# Without root or sudo: the exact packages that are missing, the command that installs them, exit 1.
case_rootless() {
  local said status=0
  distribution_version=12
  is_root() { false; }
  sudo() { false; }
  is_installed() { [[ $1 != cmake && $1 != xz-utils ]]; }
  apt_as_root() { fail "apt-get ran: $*"; }
  said="$(install_packages build 2>&1)" || status=$?
  ((status == 1)) || fail "exit status $status"
  expect_in "install --no-install-recommends cmake xz-utils" "$said"
  expect_not_in ninja "$said"

  is_installed() { true; }
  install_packages build || fail "nothing was missing"
}

# A mirror is the one that the machine gets this release, or its security updates, from; sources of others are not it.
case_mirror() {
  distribution_codename=bookworm
  work="$scratch/work"
  apt-get() {
    printf '%s\n' \
      'nodistro|main|Other|https://other.example/' \
      'bookworm|main|Docker|https://docker.example/' \
      'bookworm-updates|main|Debian|http://updates.example/debian/' \
      'bookworm|contrib|Debian|http://contrib.example/debian/' \
      'bookworm-security|main|Debian|http://security.example/' \
      'bookworm|main|Debian|http://mirror.example/debian/'
  }
  donor_apt() { :; }
  open_donor
  expect_in "http://security.example/ trixie-security main" "$(grep '^deb ' "$work/sources.list")"
  expect_in "http://mirror.example/debian/ trixie main" "$(grep '^deb ' "$work/sources.list")"
  [[ $(grep -c '^deb-src .*' "$work/sources.list") == 2 ]] || fail "a source is missing"
  [[ $(grep -c 'signed-by=' "$work/sources.list") == 4 ]] || fail "not all sources are verified"
}

# Without security updates among apt's sources that is said; without the release itself there is nothing to work with.
case_no_mirror() {
  local said status=0
  distribution_codename=bookworm
  work="$scratch/work"
  note() { echo "dev: $*" >&2; }
  donor_apt() { :; }
  apt-get() { echo 'bookworm|main|Debian|http://mirror.example/debian/'; }
  said="$(open_donor 2>&1)" || fail "no security updates: refused"
  expect_in "no mirror for bookworm-security" "$said"
  apt-get() { echo 'bookworm|main|Docker|https://docker.example/'; }
  said="$(open_donor 2>&1)" || status=$?
  ((status == 1)) || fail "exit status $status"
  expect_in "name no Debian mirror for bookworm" "$said"
}

# What Debian 13 serves is the newer of its two versions, whichever is named first.
case_served() {
  donor_apt() { printf 'Package: botan3\nVersion: 3.7.1+dfsg-2\n\nVersion: 3.12.0+dfsg-2~deb13u1\n'; }
  [[ $(served_botan) == "3.12.0+dfsg-2~deb13u1" ]] || fail "$(served_botan)"
}

# Once a day the archive is asked; a newer version is said and built, the same one is not built again, and without an
# answer the cached one is used.
case_update() {
  local said
  note() { echo "dev: $*"; }
  open_donor() { echo asked; }
  served_botan() { echo "$archive"; }
  fetch_boost() { mkdir -p "$boost_folder"; }
  build_botan() {
    echo "built $1"
    mkdir -p "$cache/botan-$1-$recipe/lib"
    touch "$cache/botan-$1-$recipe/lib/libbotan-3.a"
    ln -sfnT "botan-$1-$recipe" "$botan_link"
  }
  archive=3.12.0-1
  said="$(fill_cache)"
  expect_in "built 3.12.0-1" "$said"
  [[ -z $(fill_cache) ]] || fail "asked twice a day"

  touch -d '25 hours ago' "$botan_link.looked"
  [[ $(fill_cache) == asked ]] || fail "the same version"
  [[ -z $(fill_cache) ]] || fail "asked again"

  touch -d '25 hours ago' "$botan_link.looked"
  archive=3.12.1-1
  said="$(fill_cache)"
  expect_in "cached Botan is 3.12.0-1, and Debian 13 serves 3.12.1-1" "$said"
  expect_in "built 3.12.1-1" "$said"
  [[ $(cached_botan) == 3.12.1-1 ]] || fail "the link: $(cached_botan)"

  touch -d '25 hours ago' "$botan_link.looked"
  open_donor() { return 1; }
  said="$(fill_cache)"
  expect_in "3.12.1-1 is used" "$said"
  expect_not_in built "$said"
}

# On Debian 13 the system's library is brought up to what Debian serves once a day, and at once where it is too old to
# build with. Without root that is said.
case_outdated() {
  local said status=0
  note() { echo "dev: $*"; }
  is_root() { true; }
  apt-cache() {
    printf '%s\n' 'libbotan-3-dev:' "  Installed: $(cat "$scratch/installed")" "  Candidate: $(cat "$scratch/candidate")" \
      '  Version table:'
  }
  # What it did goes into a file: its output is apt's.
  apt_as_root() {
    echo "$*" >>"$scratch/asked"
    case "$*" in
      update) cp "$scratch/archive" "$scratch/candidate" ;;
      *install*libbotan-3-dev) cp "$scratch/candidate" "$scratch/installed" ;;
    esac
  }
  asked() {
    touch "$scratch/asked"
    cut -d' ' -f1,2 "$scratch/asked" | paste -sd,
    rm "$scratch/asked"
  }
  # versions INSTALLED CANDIDATE ARCHIVE
  versions() {
    echo "$1" >"$scratch/installed"
    echo "$2" >"$scratch/candidate"
    echo "$3" >"$scratch/archive"
  }
  # Lists of long ago: nothing is missing, and it cannot be built with.
  versions 3.7.1+dfsg-2 3.7.1+dfsg-2 3.12.0+dfsg-2
  update_system_botan
  [[ $(cat "$scratch/installed") == 3.12.0+dfsg-2 ]] || fail "$(cat "$scratch/installed") is left"
  [[ $(asked) == "update,-y install" ]] || fail "the first time"
  [[ -z $(update_system_botan) && -z $(asked) ]] || fail "asked twice a day"

  touch -d '25 hours ago' "$lists_looked"
  [[ -z $(update_system_botan) && $(asked) == update ]] || fail "a day later"

  touch -d '25 hours ago' "$lists_looked"
  echo 3.12.1-1 >"$scratch/archive"
  [[ -z $(update_system_botan) && $(cat "$scratch/installed") == 3.12.1-1 ]] || fail "a security update"
  asked >/dev/null

  # Today's lists had none that is new enough, and apt's sources have changed since.
  versions 3.7.1-1 3.7.1-1 3.12.0-1
  update_system_botan
  [[ $(cat "$scratch/installed") == 3.12.0-1 ]] || fail "today's lists are believed"

  versions 3.7.1-1 3.7.1-1 3.7.1-1
  said="$(update_system_botan 2>&1)" || status=$?
  ((status == 1)) || fail "too old, and status $status"
  expect_in "trixie-security among apt's sources" "$said"

  touch -d '25 hours ago' "$lists_looked"
  versions 3.12.0-1 3.12.0-1 3.12.0-1
  apt_as_root() { return 1; }
  expect_in "could not be seen" "$(update_system_botan)"

  is_root() { false; }
  sudo() { echo sudo >>"$scratch/asked"; false; }
  apt_as_root() { fail "apt-get ran: $*"; }
  versions 3.12.0-1 3.12.1-1 3.12.1-1
  rm -f "$scratch/asked"
  expect_in "3.12.0-1 is installed, and Debian 13 serves 3.12.1-1" "$(update_system_botan)"
  expect_in "3.12.0-1 is installed" "$(update_system_botan)"
  [[ $(asked) == sudo ]] || fail "sudo is asked with each command"
  versions 3.13.0-1 3.12.1-1 3.12.1-1
  [[ -z $(update_system_botan) ]] || fail "nothing waits"
}

# A module that a later version of Botan does not have any more is left out, and that is said.
case_modules() {
  work="$scratch"
  botan_modules="tls13,gone,gcm"
  dpkg() { echo amd64; }
  botan_modules_amd64="aes_ni"
  python3() { printf '%s\n' aes_ni gcm tls13 other; }
  note() { echo "dev: $*" >&2; }
  [[ $(known_modules 2>"$scratch/notes") == "tls13,gcm,aes_ni" ]] || fail "$(known_modules 2>&1)"
  expect_in "no module gone" "$(cat "$scratch/notes")"
}

# Coroutines of GCC 12 are miscompiled: it is refused by name, with the way out.
case_compiler() {
  local said status=0
  said="$("${CMAKE:-cmake}" -DCMAKE_CXX_COMPILER_ID=GNU -DCMAKE_CXX_COMPILER_VERSION=12.2.0 \
    -P "$root/cmake/Compiler.cmake" 2>&1)" || status=$?
  ((status != 0)) || fail "GCC 12 was accepted"
  expect_in "GCC 12.2.0 miscompiles coroutines" "$(tr -s ' \n' ' ' <<<"$said")"
  expect_in "clang 19" "$(tr -s ' \n' ' ' <<<"$said")"
  said="$("${CMAKE:-cmake}" -DCMAKE_CXX_COMPILER_ID=GNU -DCMAKE_CXX_COMPILER_VERSION=14.2.0 \
    -P "$root/cmake/Compiler.cmake" 2>&1)" || true
  expect_not_in "miscompiles" "$said"
}

"case_$1"
