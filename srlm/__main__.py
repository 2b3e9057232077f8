"""`python -m srlm` is `srlm`."""

from srlm.cli.main import main

main()
