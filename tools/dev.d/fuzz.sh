# shellcheck shell=bash
# Sourced by tools/dev: searching with the fuzz targets of tests/fuzz.

fuzz_names() {
  local folder
  for folder in tests/fuzz/corpus/*/; do basename "$folder"; done
}

# fuzz NAME [TIME]: TIME is of all together where NAME is all.
command_fuzz() {
  local name="${1:-}" seconds names failed=()
  (($# <= 2)) || no_more fuzz "${@:3}"
  seconds="$(seconds_of "${2:-60s}")" || die "'${2:-}' is no time; write 90s, 5m or 1h"
  mapfile -t names < <(fuzz_names)
  if [[ $name != all ]]; then
    [[ -n $name && -d tests/fuzz/corpus/$name ]] ||
      die "fuzz takes a name: all, or one of $(echo "${names[@]}")"
    names=("$name")
  fi
  seconds=$((seconds / ${#names[@]}))
  ((seconds > 0)) || die "that is less than a second for each of ${#names[@]} targets"
  setup build check
  build fuzz "${names[@]/#/fuzz_}"
  for name in "${names[@]}"; do
    search "$name" "$seconds" || failed+=("$name")
  done
  ((${#failed[@]} == 0)) || die "found something in: ${failed[*]}"
  step "nothing was found"
}

# A number of seconds from 90s, 5m, 1h or a plain number.
seconds_of() {
  [[ $1 =~ ^([0-9]{1,6})([smh]?)$ ]] || return 1
  local number="${BASH_REMATCH[1]}"
  case "${BASH_REMATCH[2]}" in
    m) echo $((10#$number * 60)) ;;
    h) echo $((10#$number * 3600)) ;;
    *) echo $((10#$number)) ;;
  esac
}

# search NAME SECONDS: what is new goes into a corpus of this machine, what ends the program into build/fuzz/findings.
search() {
  local name="$1" seconds="$2" program="build/fuzz/tests/fuzz/fuzz_$1" before
  local scratch="build/fuzz/corpus/$name" findings="build/fuzz/findings" options=()
  mkdir -p "$scratch" "$findings"
  before="$(find "$findings" -name "$name-*" | sort)"
  [[ ! -f tests/fuzz/dictionaries/$name ]] || options+=("-dict=tests/fuzz/dictionaries/$name")
  # Nothing that a stranger sends makes anyone take so much memory at once.
  options+=(-malloc_limit_mb=16 -rss_limit_mb=2048 -timeout=10 -max_len=4096)
  step "searching in $name for $seconds s"
  "$program" "${options[@]}" -max_total_time="$seconds" -artifact_prefix="$findings/$name-" \
    -print_final_stats=1 -verbosity=0 "$scratch" "tests/fuzz/corpus/$name" >"$log" 2>&1 && {
    grep -E 'number_of_executed_units|average_exec_per_sec' "$log" | sed 's/^stat:://' >&2 || true
    return 0
  }
  tail -n 60 "$log" >&2
  local input
  for input in $(comm -13 <(echo "$before") <(find "$findings" -name "$name-*" | sort)); do
    note "the input is $input; to run it again: $program $input"
  done
  return 1
}
