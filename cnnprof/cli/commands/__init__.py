"""One module a command: a function `command`, or an `app` of several; `PANEL` says where `--help` has it."""
