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
  if [[ $distribution_version == 13 ]]; then
    update_system_botan
  else
    fill_cache
  fi
}

# --- Botan of the system, on Debian 13 -----------------------------------------------------------------------------

# Once a day the library is brought up to what Debian serves, its security updates first. What this tree cannot be built
# with is never left as it is: with it installed, no package is missing.
update_system_botan() {
  local installed candidate
  read_botan_versions
  if is_older "$installed" "$botan_minimum" || ! looked_today "$lists_looked"; then
    if become_root; then
      bring_system_botan
    else
      mark_lists_looked  # who may not, is not to be asked again with each command
    fi
    read_botan_versions
  fi
  ! is_older "$installed" "$botan_minimum" ||
    die "Botan $installed is installed, $botan_minimum or later is needed. It is among Debian's security updates: with" \
      "trixie-security among apt's sources, apt-get update && apt-get install libbotan-3-dev brings it"
  ! is_older "$installed" "$candidate" ||
    note "Botan $installed is installed, and Debian 13 serves $candidate: apt-get install libbotan-3-dev brings it"
}

bring_system_botan() {
  read_lists || note "the package lists could not be read: whether there is a newer Botan could not be seen"
  read_botan_versions
  is_older "$installed" "$candidate" || return 0
  step "upgrading Botan $installed to $candidate"
  apt_as_root -y install --no-install-recommends libbotan-3-dev >"$log" 2>&1 </dev/null || tail -n 10 "$log" >&2
}

# Sets the caller's `installed` and `candidate`.
read_botan_versions() {
  { read -r installed; read -r candidate; } < <(
    LC_ALL=C apt-cache policy libbotan-3-dev | awk '$1 == "Installed:" || $1 == "Candidate:" {print $2}')
}

is_older() { dpkg --compare-versions "$1" lt "$2"; }

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

# become_root: whether apt_as_root can be run, at once and without a question.
as_root=()
become_root() {
  as_root=()
  is_root && return 0
  as_root=(sudo -n)
  sudo -n true 2>/dev/null
}

apt_as_root() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@"
}

# When apt's lists were last read, or could not be for want of root.
lists_looked="$cache/lists.looked"

read_lists() {
  step "reading Debian's package lists"
  apt_as_root update >"$log" 2>&1 </dev/null || {
    tail -n 10 "$log" >&2
    return 1
  }
  mark_lists_looked
}

mark_lists_looked() {
  mkdir -p "$cache"
  touch "$lists_looked"
}

install_packages() {
  local package missing=()
  for package in $(packages_of "$@"); do
    is_installed "$package" || missing+=("$package")
  done
  ((${#missing[@]})) || return 0

  if ! become_root; then
    {
      echo "dev: these packages are missing, and installing them needs root:"
      printf '  %s\n' "${missing[@]}"
      echo "Install them with the following, then run this again:"
      echo "  apt-get update && apt-get install --no-install-recommends ${missing[*]}"
    } >&2
    exit 1
  fi
  read_lists || die "apt-get update failed"
  step "installing ${#missing[@]} packages: ${missing[*]}"
  logged "the packages could not be installed" apt_as_root -y install --no-install-recommends "${missing[@]}"
}

# --- the per-user cache, on Debian 12 ------------------------------------------------------------------------------

recipe="$(sha256sum <"$here/dev.d/dependencies.conf" | cut -c1-12)"
boost_folder="$cache/boost-$boost_version"
# A link to the folder of the version that is used: botan-VERSION-RECIPE.
botan_link="$cache/botan-$recipe"

cache_is_full() {
  [[ -d $boost_folder && -f $botan_link/lib/libbotan-3.a ]]
}

# looked_today FILE: whether it was touched within a day, as it is when the archive was asked for a newer Botan.
looked_today() {
  [[ -n $(find "$1" -mmin -1440 2>/dev/null) ]]
}

fill_cache() {
  if cache_is_full && looked_today "$botan_link.looked"; then return 0; fi
  mkdir -p "$cache"
  # Two set-ups at once take turns; the second finds the work done.
  exec {cache_lock}>"$cache/lock"
  flock "$cache_lock"
  if ! cache_is_full || ! looked_today "$botan_link.looked"; then
    rm -rf "$cache"/work.*  # left by one that was killed
    work="$(mktemp -d "$cache/work.XXXXXX")"
    if ! cache_is_full; then
      open_donor || die "the package index of Debian 13 could not be read; see above"
      [[ -d $boost_folder ]] || fetch_boost
      update_botan
    elif open_donor; then
      update_botan
    else
      note "whether Debian 13 has a newer Botan could not be seen; $(cached_botan) is used"
    fi
    rm -rf "$work"
  fi
  exec {cache_lock}>&-
}

cached_botan() {
  local folder
  folder="$(readlink "$botan_link")" || return 0
  folder="${folder#botan-}"
  echo "${folder%-"$recipe"}"
}

# Builds the version that Debian 13 serves today, unless it is there.
update_botan() {
  local served cached
  served="$(served_botan)"
  cached="$(cached_botan)"
  if [[ $served != "$cached" || ! -f $botan_link/lib/libbotan-3.a ]]; then
    [[ -z $cached ]] || note "the cached Botan is $cached, and Debian 13 serves $served: building that"
    build_botan "$served"
  fi
  touch "$botan_link.looked"
}

# Makes apt look at Debian 13 through the machine's own mirrors, in a state of its own: the system's lists and sources
# stay as they are. What is downloaded is verified against Debian's archive keys.
open_donor() {
  local keyring=/usr/share/keyrings/debian-archive-keyring.gpg suite mirror
  mkdir -p "$work/state/lists/partial" "$work/archives/partial"
  for suite in $donor_suites; do
    mirror="$(mirror_of "${suite/trixie/$distribution_codename}")"
    if [[ -n $mirror ]]; then
      printf '%s [signed-by='"$keyring"'] %s %s main\n' deb "$mirror" "$suite" deb-src "$mirror" "$suite"
    elif [[ $suite == *-security ]]; then
      note "apt's sources name no mirror for ${distribution_codename}-security: Botan comes without Debian's security updates"
    else
      note "apt's sources name no Debian mirror for $distribution_codename main; add one to /etc/apt"
      return 1
    fi
  done >"$work/sources.list"
  cat >"$work/apt.conf" <<EOT
Dir::Etc::sourcelist "$work/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State "$work/state";
Dir::Cache "$work";
APT::Default-Release "";
APT::Sandbox::User "root";
APT::Update::Error-Mode "any";
EOT
  step "reading the package index of Debian 13 ($donor_suites)"
  donor_apt apt-get -q update >"$log" 2>&1 </dev/null || {
    tail -n 10 "$log" >&2
    return 1
  }
}

# mirror_of SUITE: where apt gets this suite from; nothing where no source names it.
mirror_of() {
  apt-get indextargets --format '$(RELEASE)|$(COMPONENT)|$(ORIGIN)|$(REPO_URI)' 'Created-By: Packages' |
    awk -F '|' -v suite="$1" '$1 == suite && $2 == "main" && ($3 == "" || $3 == "Debian") && !found++ {print $4}'
}

# donor_apt COMMAND...: runs one of apt's commands on Debian 13's index.
donor_apt() {
  (cd "$work" && APT_CONFIG="$work/apt.conf" "$@")
}

# The newest version of Botan's source in the donor's suites; the security pocket's is the newer one.
served_botan() {
  local version newest=""
  while read -r version; do
    if [[ -z $newest ]] || dpkg --compare-versions "$version" gt "$newest"; then newest="$version"; fi
  done < <(donor_apt apt-cache showsrc --only-source "$botan_source" | awk '$1 == "Version:" {print $2}')
  [[ -n $newest ]] || die "Debian 13 serves no source of $botan_source"
  echo "$newest"
}

fetch_boost() {
  step "fetching the headers of Boost $boost_version"
  logged "$boost_package could not be downloaded" donor_apt apt-get -q download "$boost_package"
  mkdir "$work/boost"
  dpkg-deb --fsys-tarfile "$work/${boost_package}"_*.deb |
    tar -x -C "$work/boost" --strip-components=2 ./usr/include/boost
  mv "$work/boost" "$boost_folder"
}

# build_botan VERSION: with Debian's own patches, into a folder of its own, then points the link there.
build_botan() {
  local version="$1" source="$work/botan" folder
  folder="botan-${version//[^A-Za-z0-9.+~-]/_}-$recipe"
  step "building Botan $version once (four minutes)"
  logged "the source of $botan_source could not be downloaded" \
    donor_apt apt-get -q source --download-only "$botan_source=$version"
  logged "the source of $botan_source could not be unpacked" \
    dpkg-source --no-check -x "$work/$botan_source"_*.dsc "$source"
  # One translation unit: a third of the CPU time of 248, and nobody edits it.
  (
    cd "$source"
    logged "Botan could not be configured" python3 configure.py --amalgamation --minimized-build \
      --enable-modules="$(known_modules)" --cc=clang --cc-bin=clang++-19 --cxxflags="$botan_flags" \
      --disable-shared-library --build-targets=static --build-tool=ninja --without-documentation \
      --no-install-python-module --without-compilation-database
    logged "Botan could not be built" ninja libs
  ) || exit 1
  mkdir -p "$work/installed/include/botan-3" "$work/installed/lib"
  cp -RL "$source/build/include/public/botan" "$work/installed/include/botan-3/"
  cp "$source/libbotan-3.a" "$work/installed/lib/"
  cp "$source/license.txt" "$work/installed/"
  rm -rf "${cache:?}/$folder"
  mv "$work/installed" "$cache/$folder"
  ln -sfnT "$folder" "$botan_link"
}

# The modules of the recipe that this version has, comma between. Run in its source.
known_modules() {
  local modules wanted module known=()
  modules="botan_modules_$(dpkg --print-architecture)"
  IFS=, read -ra wanted <<<"$botan_modules${!modules:+,${!modules}}"
  python3 configure.py --list-modules >"$work/modules" 2>/dev/null
  for module in "${wanted[@]}"; do
    if grep -qx "$module" "$work/modules"; then
      known+=("$module")
    else
      note "this Botan has no module $module: left out"
    fi
  done
  (IFS=,; echo "${known[*]}")
}
