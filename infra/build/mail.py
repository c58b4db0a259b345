"""The mail's skeleton from MJML: `python -m infra.build.mail`.

Jinja's marks pass through untouched, so that names from outside never meet the compiler, and no report needs it.
"""

from __future__ import annotations

import re
from pathlib import Path

TEMPLATES = Path(__file__).parents[2] / "functions" / "report" / "templates"
SOURCE, COMPILED = TEMPLATES / "mail.mjml", TEMPLATES / "mail.html.j2"
HEAD = "{# Made of mail.mjml by `python -m infra.build.mail`; change that one. #}\n"


def compiled(source: str) -> str:
    """MJML with Jinja marks → HTML with the same marks, one element or mark a line where that changes nothing that is seen."""
    from mjml import mjml2html

    html: str = mjml2html(source, disable_comments=True, fonts={})
    lines = re.sub(r"(?<=[>}])(?=<!--\[if|{% )|(?<=<!\[endif\]-->)(?=<(?:div|table))", "\n", html)
    return HEAD + "\n".join(line for line in map(str.strip, lines.splitlines()) if line) + "\n"


if __name__ == "__main__":
    COMPILED.write_text(compiled(SOURCE.read_text("utf-8")), "utf-8")
