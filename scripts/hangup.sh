# Sourced by the scripts that end in `exec node`: Node.js forgets that SIGHUP was ignored (nohup), so it is passed on
# as QUARRY_HANGUP. A shell lists the signals that were ignored when it started.
if [[ "$(trap -p HUP)" == "trap -- '' "* ]]; then export QUARRY_HANGUP=ignored; else unset QUARRY_HANGUP; fi
