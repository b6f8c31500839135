# Sourced by the scripts beside it: makes or reuses .venv, with the versions in constraints.txt.

fail() {
    echo "error: $*" >&2
    exit 1
}

# python_minor INTERPRETER: prints the minor version of a Python 3, nothing for anything else
python_minor() {
    "$1" -c 'import sys; print(sys.version_info[1] if sys.version_info[0] == 3 else "")' 2>/dev/null
}

# use_environment EXTRA[,EXTRA]: installs hepjepa_weaver with these extras into .venv and activates it
use_environment() {
    local extras=$1 python=${PYTHON:-python3} minor wanted
    if [ ! -x .venv/bin/python ]; then
        minor=$(python_minor "$python") || fail "no $python: install Python 3.10 or later, or set PYTHON to one"
        [ "${minor:-0}" -ge 10 ] || fail "$python is older than Python 3.10: set PYTHON to a later one"
        echo "Making the virtual environment .venv with $("$python" --version)"
        "$python" -m venv .venv || fail "cannot make .venv: install the venv module (Debian: apt install python3-venv)"
    fi
    # shellcheck disable=SC1091
    . .venv/bin/activate
    wanted=$(cat pyproject.toml constraints.txt | cksum)
    if [ "$(cat ".venv/installed_$extras" 2>/dev/null)" != "$wanted" ]; then
        echo "Installing hepjepa_weaver[$extras] into .venv (one or two minutes)"
        python -m pip install --quiet --disable-pip-version-check --only-binary pythia8mc,fastjet \
            --constraint constraints.txt --editable ".[$extras]" || fail "pip could not install hepjepa_weaver[$extras]"
        echo "$wanted" >".venv/installed_$extras"
    fi
}
