"""A hook of MkDocs: links of notebooks, which it does not read, lead to the pages of the site."""

import re
from typing import Any

SOURCE = re.compile(r'(<a href="(?!https?:)[^"#]+)\.(?:md|ipynb)(?=["#])')


def on_page_content(html: str, page: Any, **_: Any) -> str:
    """The page of a notebook with the addresses that other pages have in the site."""
    return SOURCE.sub(r"\1.html", html) if page.file.src_uri.endswith(".ipynb") else html
