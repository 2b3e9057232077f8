"""Commands in processes of their own that need no seconds to start.

Python takes four seconds of a processor's time to import torch, transformers and TRL, and tests start a hundred
commands. One process imports them once, and each command is a fork of it, with its own folder, environment, streams
and session: it can be killed, stopped by Ctrl-C and waited for as any other. What a new interpreter alone would show
(that a package imports, what an environment changes at import) is tested by real starts, as in `test_make`.
"""
