# shellcheck shell=bash
# Sourced by tools/dev: which files there are, and which of them a change touches.

# tree_files [PATHSPEC...]: what git knows of and what it does not ignore, as it is now, each ended by a zero byte.
tree_files() {
  git ls-files -z --cached --others --exclude-standard -- "$@" |
    while IFS= read -r -d '' file; do [[ ! -e $file ]] || printf '%s\0' "$file"; done
}

# Shell scripts, by their first line.
tree_scripts() {
  local file first
  git grep --untracked -I -lE '^#!.*[/ ](ba|da)?sh' | while IFS= read -r file; do
    IFS= read -r first <"$file"
    [[ $first != '#!'* ]] || echo "$file"
  done
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

# changed_files [PATHSPEC...]: those that the change touches and leaves there, a line each.
changed_files() {
  git diff --name-only --diff-filter=d "$(change_base)" -- "$@"
  git ls-files --others --exclude-standard -- "$@"
}
