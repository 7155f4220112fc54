# shellcheck shell=bash
# Sourced by tools/dev: what the machine must have before anything is built.

cache="${BABILU_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/babilu}"
# shellcheck source=tools/dev.d/dependencies.conf
. "$here/dev.d/dependencies.conf"

distribution_id="" distribution_version="" distribution_codename=""
read_distribution() {
  [[ -r /etc/os-release ]] || return 0
  # shellcheck disable=SC1091
  { read -r distribution_id; read -r distribution_version; read -r distribution_codename; } < <(
    . /etc/os-release
    printf '%s\n' "${ID:-}" "${VERSION_ID:-}" "${VERSION_CODENAME:-}")
}

# setup GROUP...: installs the packages of these groups, then fills the cache. Quick when nothing is missing.
setup() {
  read_distribution
  case "$distribution_id $distribution_version" in
    "debian 12" | "debian 13") ;;
    *)
      note "this is ${distribution_id:-an unknown system} ${distribution_version}, not Debian 12 or 13: set-up is left to you"
      return 0
      ;;
  esac
  install_packages "$@"
  [[ $distribution_version == 13 ]] || fill_cache
}

# --- packages ----------------------------------------------------------------------------------------------------

packages_of() {
  local wanted=" $* " group package only
  while read -r group package only; do
    [[ $wanted == *" $group "* && (-z $only || $only == "$distribution_version") ]] && echo "$package"
  done <"$here/dev.d/packages"
  return 0
}

is_root() { ((EUID == 0)); }

is_installed() {
  [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

install_packages() {
  local package missing=() as_root=()
  for package in $(packages_of "$@"); do
    is_installed "$package" || missing+=("$package")
  done
  ((${#missing[@]})) || return 0

  if ! is_root; then
    if ! sudo -n true 2>/dev/null; then
      {
        echo "dev: these packages are missing, and installing them needs root:"
        printf '  %s\n' "${missing[@]}"
        echo "Install them with the following, then run this again:"
        echo "  apt-get update && apt-get install --no-install-recommends ${missing[*]}"
      } >&2
      exit 1
    fi
    as_root=(sudo -n)
  fi
  step "installing ${#missing[@]} packages: ${missing[*]}"
  logged "apt-get update failed" \
    "${as_root[@]}" apt-get -q -o DPkg::Lock::Timeout=300 update
  logged "the packages could not be installed" \
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends "${missing[@]}"
}

# --- the per-user cache, on Debian 12 ------------------------------------------------------------------------------

boost_folder="$cache/boost-$boost_version"
botan_folder="$cache/botan-$botan_version-$(sha256sum <"$here/dev.d/dependencies.conf" | cut -c1-12)"

cache_is_full() {
  [[ -d $boost_folder && -f $botan_folder/lib/libbotan-3.a ]]
}

fill_cache() {
  ! cache_is_full || return 0
  mkdir -p "$cache"
  # Two set-ups at once take turns; the second finds the work done.
  exec {cache_lock}>"$cache/lock"
  flock "$cache_lock"
  if ! cache_is_full; then
    rm -rf "$cache"/work.*  # left by one that was killed
    work="$(mktemp -d "$cache/work.XXXXXX")"
    open_donor
    [[ -d $boost_folder ]] || fetch_boost
    [[ -f $botan_folder/lib/libbotan-3.a ]] || build_botan
    rm -rf "$work"
  fi
  exec {cache_lock}>&-
}

# Makes apt look at Debian 13 through the machine's own mirror, in a state of its own: the system's lists and sources
# stay as they are. What is downloaded is verified against Debian's archive keys.
open_donor() {
  local keyring=/usr/share/keyrings/debian-archive-keyring.gpg mirror
  mirror="$(apt-get indextargets --format '$(RELEASE)|$(COMPONENT)|$(ORIGIN)|$(REPO_URI)' 'Created-By: Packages' |
    awk -F '|' -v suite="$distribution_codename" \
      '$1 == suite && $2 == "main" && ($3 == "" || $3 == "Debian") && !found++ {print $4}')"
  [[ -n $mirror ]] || die "apt's sources name no Debian mirror for $distribution_codename main; add one to /etc/apt"

  mkdir -p "$work/state/lists/partial" "$work/archives/partial"
  printf '%s [signed-by='"$keyring"'] %s %s main\n' \
    deb "$mirror" "$donor_suite" deb-src "$mirror" "$donor_suite" >"$work/sources.list"
  cat >"$work/apt.conf" <<EOT
Dir::Etc::sourcelist "$work/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State "$work/state";
Dir::Cache "$work";
APT::Default-Release "";
APT::Sandbox::User "root";
EOT
  step "reading the package index of Debian 13 ($donor_suite)"
  logged "the package index of $donor_suite could not be read" donor_apt update
}

donor_apt() {
  (cd "$work" && APT_CONFIG="$work/apt.conf" apt-get -q "$@")
}

fetch_boost() {
  step "fetching the headers of Boost $boost_version"
  logged "$boost_package could not be downloaded" donor_apt download "$boost_package"
  mkdir "$work/boost"
  dpkg-deb --fsys-tarfile "$work/${boost_package}"_*.deb |
    tar -x -C "$work/boost" --strip-components=2 ./usr/include/boost
  mv "$work/boost" "$boost_folder"
}

build_botan() {
  local source="$work/botan" modules="botan_modules_$(dpkg --print-architecture)" patch patches
  step "building Botan $botan_version once (two minutes)"
  logged "the source of $botan_source could not be downloaded" donor_apt source --download-only "$botan_source"
  echo "$botan_sha256  $work/$botan_tarball" | sha256sum --quiet --check ||
    die "$botan_tarball is not the one that this tree was written against"
  logged "the source of $botan_source could not be unpacked" \
    dpkg-source --no-check -x "$work/$botan_source"_*.dsc "$source"
  read -ra patches <<<"$botan_patches"
  [[ $(cd "$here/dev.d" && cat "${patches[@]}" | sha256sum) == "$botan_patches_sha256  -" ]] ||
    die "$botan_patches are not those that dependencies.conf names; their hash there is part of the cache's name"
  for patch in "${patches[@]}"; do
    logged "$patch could not be applied" patch -d "$source" -p1 -i "$here/dev.d/$patch"
  done

  # One translation unit: a third of the CPU time of 248, and nobody edits it.
  (
    cd "$source"
    logged "Botan could not be configured" python3 configure.py --amalgamation --minimized-build \
      --enable-modules="$botan_modules${!modules:+,${!modules}}" --cc=clang --cc-bin=clang++-19 --cxxflags="$botan_flags" \
      --disable-shared-library --build-targets=static --build-tool=ninja --without-documentation \
      --no-install-python-module --without-compilation-database
    logged "Botan could not be built" ninja libs
  ) || exit 1
  mkdir -p "$work/installed/include/botan-3" "$work/installed/lib"
  cp -RL "$source/build/include/public/botan" "$work/installed/include/botan-3/"
  cp "$source/libbotan-3.a" "$work/installed/lib/"
  cp "$source/license.txt" "$work/installed/"
  rm -rf "$botan_folder"
  mv "$work/installed" "$botan_folder"
}
