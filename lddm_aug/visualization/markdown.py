"""Names and labels in Markdown."""
from __future__ import annotations

import re


def escaped(text: str) -> str:
    """Text that Markdown shows as it is, also in a table: no tag, link, code or new cell."""
    text = ' '.join(text.split()).replace('&', '&amp;').replace('<', '&lt;')
    return re.sub(r'\\|`|\||\](?=[(\[])', r'\\\g<0>', text)
