# shellcheck shell=bash
# Sourced by tools/dev: which targets a test needs, and running tests.

# run_tests PRESET [CTEST OPTIONS]: the last lines are ctest's own.
run_tests() {
  local preset="$1"
  shift
  ctest --test-dir "build/$preset" --output-on-failure --no-tests=error -j "$jobs" "$@"
}

# build_tests: what the tests need that read_test_arguments found; everything unless -R names them.
build_tests() {
  local preset="$test_preset" regex targets=()
  regex="$(tests_regex)"
  if [[ -z $regex ]]; then
    command_build "$preset"
    return
  fi
  # shellcheck disable=SC2046
  setup $(groups_for "$preset")
  configure "$preset"
  # Asks cmake to run again where a CMakeLists.txt has changed.
  run_ninja "$preset" build.ninja
  if targets_of "build/$preset/tests.tsv" "$regex" >"$log"; then
    mapfile -t targets <"$log"
    ((${#targets[@]} == 0)) || build "$preset" "${targets[@]}"
  else
    note "no name in the sources of the tests matches '$regex'; building everything"
    build "$preset"
  fi
}

# The expression of -R among the options of ctest, or nothing.
tests_regex() {
  local i
  for ((i = 0; i < ${#test_ctest[@]}; ++i)); do
    case "${test_ctest[i]}" in
      -R | --tests-regex)
        echo "${test_ctest[i + 1]}"
        return
        ;;
    esac
    [[ $ctest_valued != *" ${test_ctest[i]} "* ]] || ((++i))
  done
}

# targets_of LIST REGEX: what to build for the tests that `ctest -R REGEX` takes, a line each, or nothing where they need
# nothing; fails where no test matches. LIST is what cmake/Targets.cmake writes.
targets_of() {
  local list="$1" regex="$2" kind name rest=() found=""
  while IFS=$'\t' read -r kind name rest; do
    IFS=$'\t' read -r -a rest <<<"$rest"
    if [[ $kind == program ]]; then
      program_matches "$regex" "$name" "${rest[@]}" || continue
      rest=("$name")
    else
      grep -Eq -- "$regex" <<<"$name" || continue
    fi
    found=yes
    ((${#rest[@]} == 0)) || printf '%s\n' "${rest[@]}"
  done <"$list"
  [[ -n $found ]]
}

# program_matches REGEX TARGET SOURCE...: by the names in its sources. Those of tests with parameters go on after a "/"
# with what the program alone knows: where the expression has one, each of them counts.
program_matches() {
  local regex="$1" target="$2" text names
  shift 2
  text="$(cat -- "$@" | tr '\n' ' ' | grep -oE '\b(INSTANTIATE_TEST_SUITE_P|TEST(_F|_P)?)\( *[A-Za-z0-9_]*, *[A-Za-z0-9_]+')" || true
  names="$(sed -nE 's/^INSTANTIATE.*\( *(.*), *(.*)/\1\/\2/p; s/^TEST.*\( *(.*), *(.*)/\1.\2/p' <<<"$text")"
  # Of a program that is not built ctest makes a test of this name, which fails.
  grep -Eq -- "$regex" <<<"$names
${target}_NOT_BUILT" || [[ $regex == */* && $text == *INSTANTIATE* ]]
}
