# Shared by the scripts in this folder: a virtual environment with what is missing installed.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '\n== %s\n' "$*"; }

# The newest Python that TensorFlow has wheels for; any Python that is already active wins.
find_python() {
  local candidate
  for candidate in "${PYTHON:-}" python3 python3.13 python3.12 python3.11 python3.10 python; do
    [ -n "$candidate" ] || continue
    if "$candidate" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  echo "No Python 3.10 to 3.13 found. Install one, or name it: PYTHON=/path/to/python3.12 $0" >&2
  exit 1
}

# make_venv FOLDER: create it where it does not exist, and put it in front of the PATH.
make_venv() {
  local python
  if [ ! -x "$1/bin/python" ]; then
    python=$(find_python)
    say "Creating a virtual environment in $1 with $("$python" --version)"
    if ! "$python" -m venv "$1"; then
      echo "Python has no venv module here. On Debian and Ubuntu: apt-get install python3-venv" >&2
      exit 1
    fi
  fi
  PATH="$(cd "$1" && pwd)/bin:$PATH"
  export PATH
}
