# shellcheck shell=bash
# Sourced by tools/dev: what stands behind a command. A word that nobody would look at is refused: ctest 3.25 passes over
# what it does not know.

is_preset() { [[ ${1:-} =~ ^(release|debug|asan|tsan|gcc)$ ]]; }

# no_more COMMAND "$@": for a command that takes nothing more.
no_more() {
  (($# == 1)) || die "$1 does not take '$2'; see tools/dev help"
}

# The options of ctest that go with running tests: those that a value follows, and those that stand alone.
ctest_valued=" -R --tests-regex -E --exclude-regex -L --label-regex -LE --label-exclude -I --tests-information \
-FA --fixture-exclude-any -FS --fixture-exclude-setup -FC --fixture-exclude-cleanup -j --parallel -O --output-log \
--output-junit --repeat --repeat-until-fail --timeout --stop-time --test-load --max-width --resource-spec-file \
--test-output-size-passed --test-output-size-failed --test-output-truncation --interactive-debug-mode "
ctest_alone=" -V --verbose -VV --extra-verbose --debug --progress --output-on-failure --stop-on-failure -F -Q --quiet -N \
--show-only -U --union --rerun-failed --schedule-random --no-label-summary --no-subproject-summary --print-labels \
--force-new-ctest-process "

# What read_test_arguments found: the preset, the image of --in, --long or nothing, and what is ctest's.
test_preset="" test_image="" test_size=() test_ctest=()

# read_test_arguments ARGS...: of `test`, in any order.
read_test_arguments() {
  test_preset="" test_image="" test_size=() test_ctest=()
  while (($#)); do
    if [[ $1 == --long ]]; then
      test_size=(--long)
    elif [[ $1 == --in ]]; then
      test_image="${2:-}"
      [[ -n $test_image && $test_image != -* ]] || die "--in takes an image, such as debian:trixie-slim"
      shift
    elif [[ $ctest_valued == *" $1 "* ]]; then
      (($# > 1)) || die "$1 takes a value; see ctest --help"
      test_ctest+=("$1" "$2")
      shift
    elif [[ $ctest_alone == *" $1 "* || $1 =~ ^(-j[0-9]+|--show-only=.*|--no-tests=.*)$ ]]; then
      test_ctest+=("$1")
    elif [[ $1 == -* ]]; then
      die "test has no option '$1', and passes no such option to ctest; see tools/dev help, and ctest --help"
    elif ! is_preset "$1"; then
      die "'$1' is no preset: release, debug, asan, tsan or gcc. For the tests of that name: tools/dev test -R '$1'"
    elif [[ -n $test_preset ]]; then
      die "one preset at a time: $test_preset or $1"
    else
      test_preset="$1"
    fi
    shift
  done
  test_preset="${test_preset:-release}"
}

# leave_out LABELS: leaves the tests of these labels (a|b) out as well. ctest leaves out what matches every -LE, so they
# become a part of each.
leave_out() {
  local i found=""
  for ((i = 0; i < ${#test_ctest[@]}; ++i)); do
    if [[ ${test_ctest[i]} == -LE || ${test_ctest[i]} == --label-exclude ]]; then
      found=yes
      test_ctest[i + 1]="(${test_ctest[i + 1]})|$1"
    fi
    [[ $ctest_valued != *" ${test_ctest[i]} "* ]] || ((++i))
  done
  [[ -n $found ]] || test_ctest+=(-LE "$1")
}
