# For scripts that source this file: find_python 3.11 prints the program of that version, or nothing. It is one of the list PYTHONS, of
# PATH or of pyenv.
find_python() {
  local program
  for program in ${PYTHONS:-} "python$1" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$1".*/bin/python; do
    if [ "$("$program" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" = "$1" ]; then
      echo "$program"
      return
    fi
  done
}
