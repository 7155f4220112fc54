# shellcheck shell=bash
# Sourced by tools/dev: formatting, static analysis, and the tests under sanitizers.

# check [--all]: every part runs, so that one look shows all that is wrong; fails when any of them does.
command_check() {
  local scope=changed failed=()
  case "$*" in
    "") ;;
    --all) scope=all ;;
    *) die "check takes --all or nothing" ;;
  esac
  setup build check
  check_format || failed+=(format)
  check_scripts || failed+=(scripts)
  check_tidy "$scope" || failed+=(tidy)
  build asan babilu_tests_unit babilu_tests_sim babilu_tests_fuzz
  run_tests asan -L '^(unit|sim|fuzz)$' || failed+=("tests under ASan and UBSan")
  ((${#failed[@]} == 0)) || die "check failed: $(IFS=,; echo "${failed[*]}" | sed 's/,/, /g')"
  step "all checks passed"
}

sources() {
  git ls-files --cached --others --exclude-standard -- '*.h' '*.cpp'
}

check_format() {
  step "formatting"
  sources | xargs -r clang-format-19 --dry-run --Werror && return 0
  note "to repair it: git ls-files '*.h' '*.cpp' | xargs clang-format-19 -i"
  return 1
}

check_scripts() {
  step "scripts"
  shellcheck -x tools/dev .ci/run tests/setup/setup_test.sh tests/compose/run tests/container/run tools/container/*
}

# The commit that the change starts from: where origin/main was left, or the last 30 commits where nothing differs from
# it, as in a fresh clone.
change_base() {
  local base
  if base="$(git merge-base HEAD origin/main 2>/dev/null)" && ! git diff --quiet "$base"; then
    echo "$base"
  elif git rev-parse --verify --quiet HEAD~30; then
    :
  else
    git rev-list --max-parents=0 HEAD | tail -n 1
  fi
}

# Sources that the change touches. A changed header counts through the source of the same name.
changed_sources() {
  local base
  base="$(change_base)"
  {
    git diff --name-only --diff-filter=d "$base" -- '*.h' '*.cpp'
    git ls-files --others --exclude-standard -- '*.h' '*.cpp'
  } | sed 's/\.h$/.cpp/' | sort -u
}

# clang-tidy on what the preset tidy would compile.
check_tidy() {
  local files
  configure tidy
  files="$(if [[ $1 == all ]]; then sources | grep '\.cpp$'; else changed_sources; fi |
    while read -r file; do grep -qF "\"$root/$file\"" build/tidy/compile_commands.json && echo "$file"; done)" || true
  if [[ -z $files ]]; then
    note "no source that is built has changed since $(change_base), so nothing would be looked at; try --all"
    return 1
  fi
  step "static analysis of $(wc -l <<<"$files") files"
  # Tidy reads headers that protoc writes.
  run_ninja tidy babilu_generate
  # At most a minute for one file; what it prints about headers that it left out is not of interest.
  xargs -P "$jobs" -n 1 timeout 60 clang-tidy-19 -p build/tidy --quiet <<<"$files" 2>"$log" || {
    grep -E 'error|terminat' "$log" >&2 || true
    return 1
  }
}
