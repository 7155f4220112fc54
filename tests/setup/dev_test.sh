#!/usr/bin/env bash
# Usage: dev_test.sh CASE. Runs one case with functions of tools/dev.d, and with stand-ins for what they would start.
# shellcheck disable=SC2034,SC2317  # variables and functions that tools/dev.d uses
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
here="$root/tools"
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT

step() { :; }
note() { echo "dev: $*" >&2; }
die() {
  echo "dev: $*" >&2
  exit 1
}
# shellcheck source=tools/dev.d/arguments.sh
. "$here/dev.d/arguments.sh"

fail() {
  echo "FAILED: $*" >&2
  exit 1
}
expect_in() { [[ $2 == *"$1"* ]] || fail "expected '$1' in: $2"; }
expect_not_in() { [[ $2 != *"$1"* ]] || fail "did not expect '$1' in: $2"; }

# --long, --in and the preset stand where they like; what ctest takes reaches it as it is.
case_arguments() {
  expect_read() {
    local expected="$1"
    shift
    read_test_arguments "$@"
    [[ "$test_preset/$test_image/${test_size[*]}/${test_ctest[*]}" == "$expected" ]] ||
      fail "$*: $test_preset/$test_image/${test_size[*]}/${test_ctest[*]}"
  }
  expect_read "release///"
  expect_read "asan//--long/" asan --long
  expect_read "release/debian:12//" release --in debian:12
  expect_read "tsan/debian:12/--long/-R Outbox -j4" -R Outbox --in debian:12 tsan -j4 --long
  expect_read "release///-R --long -VV --no-tests=ignore" -R --long -VV --no-tests=ignore
  expect_read "release///-LE asan --repeat until-fail:3" -LE asan --repeat until-fail:3
}

# What ctest would pass over in silence is refused, with what to do.
case_refused() {
  expect_refusal() {
    local message="$1" said status=0
    shift
    said="$(read_test_arguments "$@" 2>&1)" || status=$?
    ((status == 1)) || fail "$*: status $status"
    expect_in "$message" "$said"
  }
  expect_refusal "'relaese' is no preset" relaese
  expect_refusal "tools/dev test -R 'Outbox'" Outbox
  expect_refusal "no option '--lang'" asan --lang
  expect_refusal "one preset at a time" asan tsan
  expect_refusal "-R takes a value" -R
  expect_refusal "--in takes an image" --in
  expect_refusal "--in takes an image" --in --long
  (no_more clean all 2>/dev/null) && fail "clean takes a word"
  no_more clean
}

# Whatever -LE the caller gave, the tests that need an engine are left out, and so is what the caller wants out.
case_leave_out() {
  local name
  for name in unit fuzz compose container; do
    echo "add_test($name true)"
    echo "set_tests_properties($name PROPERTIES LABELS $name)"
  done >"$scratch/CTestTestfile.cmake"
  expect_run() {
    local expected="$1" said
    shift
    read_test_arguments "$@"
    leave_out 'compose|container'
    said="$("${CTEST:-ctest}" --test-dir "$scratch" -N "${test_ctest[@]}" | sed -n 's/^ *Test *#[0-9]*: //p' | paste -sd ' ')"
    [[ $said == "$expected" ]] || fail "$*: ctest ran: $said"
  }
  expect_run "unit fuzz"
  expect_run "unit" -LE '^fuzz$'
  expect_run "unit fuzz" -LE unit --label-exclude fuzz
  expect_run "unit" -R '^u' -E -LE
}

"case_$1"
