#!/usr/bin/env bash
# Usage: dev_test.sh CASE. Runs one case with functions of tools/dev.d, and with stand-ins for what they would start.
# shellcheck disable=SC2016,SC2034,SC2317  # stand-ins, and variables and functions that tools/dev.d uses
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
# shellcheck source=tools/dev.d/test.sh
. "$here/dev.d/test.sh"
# shellcheck source=tools/dev.d/tree.sh
. "$here/dev.d/tree.sh"
# shellcheck source=tools/dev.d/check.sh
. "$here/dev.d/check.sh"
# shellcheck source=tools/dev.d/container.sh
. "$here/dev.d/container.sh"
# shellcheck source=tools/dev.d/bench.sh
. "$here/dev.d/bench.sh"

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

# in_repository: from here on in a repository of its own that has one commit, where origin/main is; its tree is `root`,
# and stand-ins for programs go into bin.
in_repository() {
  command -v git >/dev/null || { echo "skipped: no git"; exit 77; }
  root="$scratch/tree" jobs=1 log="$scratch/log"
  mkdir -p "$root/core" "$root/build/tidy" "$scratch/bin"
  cd "$root"
  git init --quiet
  echo /build >.gitignore
  echo '#pragma once' | tee core/old.h core/base.h core/middle.h >/dev/null
  echo '#include "core/base.h"' >>core/middle.h
  echo '#include "core/old.h"' >core/old.cpp
  echo '#include "core/middle.h"' >core/user.cpp
  echo 'How it is.' >README.md
  commit
  git update-ref refs/remotes/origin/main HEAD
  compile_commands core/old.cpp core/user.cpp
  PATH="$scratch/bin:$PATH"
}
commit() {
  git add --all
  git -c user.name=test -c user.email=test@example.org commit --quiet --message=change
}
compile_commands() { printf '{"file": "%s"}\n' "${@/#/$root/}" >build/tidy/compile_commands.json; }

# stand_in NAME SCRIPT
stand_in() {
  printf '#!/bin/sh\n%s\n' "$2" >"$scratch/bin/$1"
  chmod +x "$scratch/bin/$1"
}

# Static analysis looks at what changed, with the sources of the moment.
case_tidy() {
  local said
  in_repository
  stand_in clang-tidy-19 'shift 3; echo looked at "$1"'
  configure() { :; }
  run_ninja() { :; }

  echo 'How it is now.' >README.md
  said="$(check_tidy changed)" || fail "a change of documents alone fails"
  [[ -z $said ]] || fail "$said"

  echo '// changed' | tee -a core/base.h core/old.h >/dev/null
  [[ $(check_tidy changed) == $'looked at core/old.cpp\nlooked at core/user.cpp' ]] || fail "$(check_tidy changed)"
  commit
  [[ $(check_tidy changed) == *core/user.cpp ]] || fail "what was committed is no change"

  # CMake finds it when ninja runs.
  echo 'int now;' >core/new.cpp
  run_ninja() { compile_commands core/new.cpp core/user.cpp; }
  [[ $(check_tidy changed) == $'looked at core/new.cpp\nlooked at core/user.cpp' ]] || fail "$(check_tidy changed)"
}

# That nothing is looked at although a change was announced is a failure.
case_tidy_nothing() {
  local said status=0
  in_repository
  said="$(check_tidy changed 2>&1)" || status=$?
  ((status == 1)) || fail "status $status"
  expect_in "no file has changed" "$said"
}

# A source that takes too long, or ends the analyser, is named.
case_tidy_slow() {
  local said
  in_repository
  configure() { :; }
  run_ninja() { :; }
  echo '// changed' >>core/user.cpp
  stand_in timeout 'exit 124'
  said="$(check_tidy changed 2>&1)" && fail "passed"
  expect_in "core/user.cpp: clang-tidy did not end within 60 s" "$said"
  stand_in timeout 'exit 139'
  said="$(check_tidy changed 2>&1)" && fail "passed"
  expect_in "core/user.cpp: clang-tidy ended with status 139" "$said"
}

# Formatting and scripts: what is there, committed or not.
case_files() {
  in_repository
  stand_in clang-format-19 'shift 2; ls "$@"'
  rm core/old.cpp
  echo 'int now;' >core/new.cpp
  [[ $(check_format) == $'core/base.h\ncore/middle.h\ncore/new.cpp\ncore/old.h\ncore/user.cpp' ]] ||
    fail "$(check_format 2>&1)"

  stand_in shellcheck 'shift; echo "$@"'
  printf '#!/usr/bin/env bash\n' >core/run
  printf '#!/bin/sh\n' >core/start
  printf 'const char* script =\n#!/bin/sh\n' >core/new.cpp
  git add core/run
  [[ $(check_scripts) == "core/run core/start" ]] || fail "$(check_scripts)"
}

# in_an_engine: stands in for a container engine. It starts what is to be run in a folder of its own, with folders for its
# volumes; tools/dev of the tree writes "figures" into build/bench when it measures.
in_an_engine() {
  in_repository
  mkdir -p tools
  printf '#!/bin/sh\n[ "$1" != bench ] || { mkdir -p build/bench && echo figures >build/bench/proxy.json; }\necho "ran $1"\n' >tools/dev
  chmod +x tools/dev
  docker() {
    local out=""
    [[ $1 == run ]] || return 0
    while [[ $1 != bash ]]; do
      [[ $1 != *:/out ]] || out="${1%:/out}"
      shift
    done
    local script="$3"
    shift 4
    mkdir -p "$scratch/kept"
    (
      cd "$(mktemp -d "$scratch/inside.XXXXXX")"
      script="${script/inside \/kept \/out/inside $scratch/kept $out}"
      bash -c "$script" _ "$@"
    )
  }
}

# What a run in a container has measured comes back, and nothing that an earlier one left in the volume.
case_container() {
  in_an_engine
  mkdir -p "$scratch/kept/build/bench"
  echo old >"$scratch/kept/build/bench/echo.json"
  [[ $(in_container debian:12 test) == "ran test" ]] || fail "tools/dev did not run"
  [[ ! -e build/bench-debian-12 ]] || fail "a test run brought back: $(ls build/bench-debian-12)"
  in_container debian:12 bench >"$scratch/said"
  [[ $(ls build/bench-debian-12) == proxy.json ]] || fail "$(ls build/bench-debian-12)"
  [[ $(in_container debian:12 test) == "ran test" && $(ls build/bench-debian-12) == proxy.json ]] ||
    fail "a test run took away what was measured"
}

# Two at once take turns: they build in the same folder.
case_container_turns() {
  local said
  in_an_engine
  mkdir -p "$scratch/kept"
  exec 8>"$scratch/kept/lock"
  flock 8
  mkfifo "$scratch/messages"
  in_container debian:12 test >"$scratch/said" 2>"$scratch/messages" 8>&- &
  { read -r said; } <"$scratch/messages" || fail "it did not wait"
  expect_in "waiting until it has ended" "$said"
  [[ ! -s $scratch/said ]] || fail "it did not wait"
  exec 8>&-
  wait $!
  [[ $(cat "$scratch/said") == "ran test" ]] || fail "it never had its turn"
}

# The test of another distribution fails where its tests do, and where its compiler warns.
case_warnings() {
  local status
  in_repository
  mkdir -p tests/container tools
  cp "$here/../tests/container/run" tests/container/
  stand_in docker 'exit 0'
  expect_run() {
    local expected="$1"
    status=0
    printf '#!/bin/sh\n%s\n' "$2" >tools/dev
    chmod +x tools/dev
    bash tests/container/run debian:13 >"$scratch/said" 2>&1 || status=$?
    [[ $status == "$expected" ]] || fail "status $status: $(cat "$scratch/said")"
  }
  expect_run 0 'echo "100% tests passed"'
  expect_run 8 'echo "1 test failed"; exit 8'
  expect_run 1 'echo "core/a.cpp:1:2: warning: f is deprecated [-Wdeprecated-declarations]"; echo "100% tests passed"'
  expect_in "the compiler warns on debian:13" "$(cat "$scratch/said")"
}

# The other program of a comparison takes this tree's libraries as they are now, and all of the commit's own files.
case_against() {
  local id there="$scratch/against"
  in_repository
  mkdir -p cmake tools/dev.d
  echo old >cmake/Dependencies.cmake
  echo 'CMake' >CMakeLists.txt
  commit
  id="$(git rev-parse HEAD)"
  echo new >cmake/Dependencies.cmake
  echo recipe >tools/dev.d/dependencies.conf

  # One that was interrupted left a part.
  git() { if [[ $1 == archive ]]; then command git "$@" | head -c 1000; else command git "$@"; fi; }
  (unpack_commit "$id" "$there") 2>/dev/null && fail "an archive that breaks off is taken"
  unset -f git
  unpack_commit "$id" "$there"
  [[ $(cat "$there/tree/CMakeLists.txt" "$there/tree/core/old.cpp" | wc -l) == 2 ]] || fail "not all was unpacked"
  [[ $(cat "$there/tree/cmake/Dependencies.cmake" "$there"/tree/tools/dev.d/*) == $'new\nrecipe' ]] || fail "the first time"

  echo newer >cmake/Dependencies.cmake
  touch -d '1 hour ago' "$there/tree/tools/dev.d/dependencies.conf"
  unpack_commit "$id" "$there"
  [[ $(cat "$there/tree/cmake/Dependencies.cmake") == newer ]] || fail "the second time"
  [[ -n $(find "$there/tree/tools/dev.d/dependencies.conf" -mmin +50) ]] || fail "what is the same was written again"
}

# For -R only the programs are built whose sources name such a test, and what a script needs.
case_narrow() {
  local list="$scratch/list" status=0
  printf 'TEST(Door, Opens) {\nTEST_F(LongName,\n       Breaks) {\n' >"$scratch/a.cpp"
  printf 'TEST_P(Sizes, Fit) {\nINSTANTIATE_TEST_SUITE_P(All, Sizes, values);\n' >"$scratch/b.cpp"
  printf 'int Door();  // no TEST of it\n' >"$scratch/c.cpp"
  printf 'program\ta_test\t%s/a.cpp\t%s/c.cpp\nprogram\tb_test\t%s/b.cpp\nprogram\tc_test\t%s/c.cpp\n' \
    "$scratch" "$scratch" "$scratch" "$scratch" >"$list"
  printf 'test\tScript.Runs\ntest\tFuzz.door\tfuzz_door\tother\n' >>"$list"
  expect_targets() {
    local expected="$1" said
    said="$(targets_of "$list" "$2")" || fail "no test matches $2"
    [[ "${said//$'\n'/ }" == "$expected" ]] || fail "for $2: $said"
  }
  expect_targets a_test Door
  expect_targets a_test '^LongName\.Breaks$'
  expect_targets b_test 'Sizes.Fit'
  expect_targets b_test '^All'
  expect_targets b_test 'Sizes.Fit/3'
  expect_targets c_test c_test
  expect_targets "a_test fuzz_door other" '[Dd]oor'
  expect_targets "" Script
  targets_of "$list" Nothing || status=$?
  ((status == 1)) || fail "something matches Nothing"

  read_test_arguments -LE -R -R Door
  [[ $(tests_regex) == Door ]] || fail "the expression: $(tests_regex)"
  read_test_arguments asan -LE -R
  [[ -z $(tests_regex) ]] || fail "an expression: $(tests_regex)"
}

# Configuring the preset release leaves its compile commands where editors look.
case_editor() {
  [[ $BUILD == "$root/build/release" ]] || return 0
  [[ $root/compile_commands.json -ef $BUILD/compile_commands.json ]] || fail "no compile_commands.json at the root"
}

# The example of the help names tests that there are.
case_example() {
  local regex
  regex="$("$root/tools/dev" help | grep -oE 'tools/dev test -R [A-Za-z]+')" || fail "no example in the help"
  regex="${regex##* }"
  [[ $(targets_of "$BUILD/tests.tsv" "$regex" | wc -l) == 1 ]] || fail "the example of the help, $regex, is of no one program"
}

"case_$1"
