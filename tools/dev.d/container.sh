# shellcheck shell=bash
# Sourced by tools/dev: the same commands in a container, to see what holds on another distribution.

container_id=""

# in_container IMAGE COMMAND...: runs `tools/dev COMMAND...` on a copy of this tree. What is installed is gone afterwards;
# build/ and the compiler's cache stay in a volume of the image's name, so that the next time is quicker. What the run
# leaves in build/bench of the container comes back as build/bench-IMAGE.
in_container() {
  local image="$1" name="${1//[^A-Za-z0-9_.-]/-}" out status=0
  shift
  docker info >/dev/null 2>&1 || die "no container engine answers; \`docker info\` must succeed"
  out="$root/build/bench-$name"
  mkdir -p "$out"
  step "tools/dev $* in a container of $image"
  container_id="babilu-dev-$$"
  # It measures with a priority of its own, and the memory of processes that keep it to themselves, as on a bare machine.
  tree_files | tar -c --null --files-from=- --owner=root --group=root |
    docker run --rm --interactive --name "$container_id" --init --cap-add SYS_NICE --cap-add SYS_PTRACE \
      --env BABILU_CACHE=/kept/babilu --env CCACHE_DIR=/kept/ccache \
      --volume "babilu-dev-$name:/kept" --volume "$out:/out" --workdir /babilu "$image" \
      bash -c "$(declare -f inside); inside /kept /out \"\$@\"" _ "$@" || status=$?
  container_id=""
  rmdir --ignore-fail-on-non-empty "$out"
  return "$status"
}

# inside KEPT OUT COMMAND...: the container's part, in a shell of its own.
inside() {
  set -e
  local kept="$1" out="$2" status=0
  shift 2
  # All is newer than what was built before: a time from outside says nothing of what was copied last time.
  tar -x --touch
  # Two at once would build in the same folder.
  exec 9>"$kept/lock"
  flock --nonblock 9 || {
    echo "dev: another container of this image is at work; waiting until it has ended" >&2
    flock 9
  }
  mkdir -p "$kept/build"
  ln -s "$kept/build" build
  rm -rf build/bench
  tools/dev "$@" </dev/null || status=$?
  cp build/bench/*.json build/bench/*.svg "$out/" 2>/dev/null || true
  return "$status"
}

# For the exit trap: a container does not end with the client that started it.
remove_container() {
  [[ -z $container_id ]] || docker rm --force "$container_id" >/dev/null 2>&1 || true
}
