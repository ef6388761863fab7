# Sourced by ./scripts/demo and ./scripts/test: system packages, virtual environment, the package itself.
# Quick when nothing changed. Usage: set_up EXTRAS   (EXTRAS: "" or "[test]")
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

find_python() {
  for python in ${SOHOA_PYTHON:-} python3.11 python3 python3.12 python3.13; do
    if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$python"
      return
    fi
  done
  echo "sohoa: Python 3.11 or later is missing (apt-get install python3)" >&2
  exit 4
}

is_there() { # PROBE, as in apt-packages.txt
  case $1 in
    command:*) command -v "${1#command:}" >/dev/null ;;
    file:*) [ -e "${1#file:}" ] ;;
    python:*) "$python" -c "import ${1#python:}" 2>/dev/null ;;
  esac
}

install_packages() { # EXTRAS
  local missing=() package probe lists=(scripts/apt-packages.txt)
  [ "$1" != "[test]" ] || lists+=(scripts/apt-packages-test.txt)
  while IFS='|' read -r package probe _; do
    package=${package// /} probe=${probe// /}
    case $package in '' | '#'*) continue ;; esac
    is_there "$probe" || missing+=("$package")
  done < <(cat "${lists[@]}")
  [ ${#missing[@]} -eq 0 ] && return
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "sohoa: these system packages are missing: ${missing[*]} (as root: apt-get install ${missing[*]})" >&2
    exit 4
  fi
  echo "sohoa: installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

install_package() { # EXTRAS
  local stamp=.venv/.sohoa$1 state
  state=$("$python" --version; pwd; sha256sum pyproject.toml constraints.txt)
  [ -x .venv/bin/python ] || "$python" -m venv .venv
  [ "$(cat "$stamp" 2>/dev/null)" = "$state" ] && return
  echo "sohoa: installing Python packages into .venv"
  .venv/bin/python -m pip install -qq --disable-pip-version-check -c constraints.txt -e ".$1"
  echo "$state" >"$stamp"
}

set_up() {
  python=$(find_python)
  install_packages "$1"
  install_package "$1"
}
