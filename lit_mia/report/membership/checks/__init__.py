"""What a good `audit.json` of a membership audit is: the form of its rows, and what in it and beside it must agree."""
