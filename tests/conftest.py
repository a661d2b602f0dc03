"""What holds for every test."""

import signal

# Whoever is started in the background of a shell ignores Ctrl-C, and so do the commands that the tests send it to.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
