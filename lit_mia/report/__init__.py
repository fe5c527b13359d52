"""Reports: from numbers to table, files and page."""
