# Sourced by the scripts a person runs: checks Node.js, then installs and builds what is missing.
# Everything it says goes to standard error. Expects $root, the project's directory.

find_node() {
  if ! command -v node >/dev/null 2>&1; then
    echo "Quarry needs Node.js 20.19 or newer, and no 'node' was found. Get it from https://nodejs.org/." >&2
    exit 1
  fi
}

require_node() {
  find_node
  local version major minor
  version="$(node -p process.versions.node)"
  IFS=. read -r major minor _ <<<"$version"
  if ((major < 20 || (major == 20 && minor < 19))); then
    echo "Quarry needs Node.js 20.19 or newer; this is $version. Get a newer one from https://nodejs.org/." >&2
    exit 1
  fi
}

prepare() {
  require_node
  node "$root/scripts/prepare.mjs" >&2
}
