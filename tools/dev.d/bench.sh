# shellcheck shell=bash
# Sourced by tools/dev: comparisons with what people use, and with an earlier commit.

command_bench() {
  local image="" against="" arguments=()
  while (($#)); do
    case "$1" in
      --in | --against)
        (($# > 1)) || die "$1 takes $([[ $1 == --in ]] && echo "an image, such as debian:trixie-slim" || echo a commit)"
        if [[ $1 == --in ]]; then image="$2"; else against="$2"; fi
        shift
        ;;
      *) arguments+=("$1") ;;
    esac
    shift
  done
  if [[ -n $image ]]; then
    [[ -z $against ]] || die "--in and --against do not go together"
    in_container "$image" bench "${arguments[@]}"
    return
  fi
  setup build bench
  build release babilu babilu-bench
  mkdir -p build/bench
  if [[ -n $against ]]; then
    build_commit "$against"
    arguments+=(--against "$commit_program")
  fi
  build/release/babilu-bench "${arguments[@]}"
}

commit_program=""

# build_commit COMMIT: its program, in build/against/COMMIT, with this tree's libraries: the code is what is compared.
build_commit() {
  local id folder
  id="$(git rev-parse --verify --quiet --short=12 "$1^{commit}")" || die "there is no commit $1"
  folder="$root/build/against/$id"
  unpack_commit "$id" "$folder"
  step "building babilu of $id"
  (
    cd "$folder/tree"
    [[ -f build/release/build.ninja ]] || logged "cmake could not configure $id" cmake --preset release --fresh
    run_ninja release babilu
  )
  commit_program="$folder/tree/build/release/babilu"
}

# unpack_commit ID FOLDER: into FOLDER/tree, which is there when all of it is. What says which libraries are taken is this
# tree's of the moment.
unpack_commit() {
  local id="$1" folder="$2" file
  if [[ ! -d $folder/tree ]]; then
    rm -rf "$folder"
    mkdir -p "$folder/unpacking"
    git archive "$id" | tar -x -C "$folder/unpacking" || die "commit $id could not be unpacked"
    mv "$folder/unpacking" "$folder/tree"
  fi
  for file in cmake/Dependencies.cmake tools/dev.d/*; do
    # One that is the same keeps its time, or CMake would run again.
    cmp -s "$file" "$folder/tree/$file" || install -D -m 0644 "$file" "$folder/tree/$file"
  done
}
