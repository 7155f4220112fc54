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

check_format() {
  step "formatting"
  tree_files '*.h' '*.cpp' | xargs -0 -r clang-format-19 --dry-run --Werror && return 0
  note "to repair it: git ls-files '*.h' '*.cpp' | xargs clang-format-19 -i"
  return 1
}

check_scripts() {
  step "scripts"
  tree_scripts | xargs -d '\n' shellcheck -x
}

# check_tidy SCOPE: clang-tidy on what the preset tidy would compile, all of it or what changed.
check_tidy() {
  local files
  if [[ $1 != all && -z $(changed_files) ]]; then
    note "no file has changed since $(change_base), so nothing would be looked at; try --all"
    return 1
  fi
  configure tidy
  # Tidy reads headers that protoc writes. And CMake looks first whether there are new sources.
  run_ninja tidy babilu_generate
  files="$(tidy_sources "$1" | sort -u)"
  if [[ -z $files ]]; then
    step "static analysis: no source has changed since $(change_base)"
    return 0
  fi
  step "static analysis of $(wc -l <<<"$files") files"
  export -f tidy
  # What it prints about headers that it left out is not of interest.
  xargs -P "$jobs" -d '\n' -n 1 bash -c 'tidy "$1"' _ <<<"$files" 2>"$log" || {
    grep -E 'error|terminat' "$log" >&2 || true
    return 1
  }
}

# tidy SOURCE: at most a minute for one. Run by xargs in a shell of its own.
tidy() {
  local status=0
  timeout 60 clang-tidy-19 -p build/tidy --quiet "$1" || status=$?
  case "$status" in
    0 | 1) ;;
    124) echo "error: $1: clang-tidy did not end within 60 s" >&2 ;;
    *) echo "error: $1: clang-tidy ended with status $status" >&2 ;;
  esac
  return "$status"
}

# tidy_sources SCOPE: the sources to look at, a line each. A changed header counts through one of those that include it.
tidy_sources() {
  local file
  if [[ $1 == all ]]; then
    tree_files '*.cpp' | tr '\0' '\n'
  else
    changed_files '*.h' '*.cpp'
  fi | while IFS= read -r file; do
    if [[ $file == *.h ]]; then
      source_of "$file"
    elif is_built "$file"; then
      echo "$file"
    fi
  done
}

is_built() {
  grep -qF "\"$root/$1\"" build/tidy/compile_commands.json
}

# source_of HEADER: a source that is built and includes it: that of its name, else the nearest one, through other headers
# where it must be.
source_of() {
  local own="${1%.h}.cpp" header file headers=("$1") seen=" $1 "
  if is_built "$own"; then
    echo "$own"
    return
  fi
  while ((${#headers[@]})); do
    header="${headers[0]}"
    headers=("${headers[@]:1}")
    while IFS= read -r file; do
      if [[ $file == *.cpp ]]; then
        is_built "$file" || continue
        echo "$file"
        return
      elif [[ $seen != *" $file "* ]]; then
        seen+="$file "
        headers+=("$file")
      fi
    done < <(includers "$header")
  done
  note "$1: no source that is built includes it"
}

# includers HEADER: the files that include it by its path from the root, or from beside it.
includers() {
  git grep --untracked -lF "#include \"$1\"" -- '*.h' '*.cpp' || true
  git grep --untracked -lF "#include \"$(basename "$1")\"" -- ":(glob)$(dirname "$1")/*" || true
}
