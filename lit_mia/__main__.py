"""`python -m lit_mia`."""

from lit_mia.main import main

main()
