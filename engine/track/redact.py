"""Keeping secrets out of what is shown, logged, tagged and written: of a tracking URI only what is known to be none.

A URI holds secrets before its `@`, in its query and in its fragment. People write passwords with `/`, `@`, `?` or `#`
in them, which RFC 3986 wants encoded, and then no two parsers agree on where they end. So nothing is looked for and
taken out: scheme, host, port and path are what is shown, and where they cannot be told from the rest, only the scheme.
"""

import os
import re
from urllib.parse import unquote_plus, urlsplit

from cheapconv.catalog.printable import printable

FILES = ("sqlite", "sqlite+pysqlite", "file")  # what has no host: the name of a file may hold an @
HIDDEN = "..."
LONGEST = 160  # characters of a reason
_URL = re.compile(r"""[A-Za-z][\w+.-]*://[^\s"'<>]*""")
_QUERY = re.compile("[?#;]")
_SECRET_VARIABLES = ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN", "DATABRICKS_TOKEN")


def public(uri: str) -> str:
    """The URI without user, password, query and fragment: `http://host:5000/path`, or `http://...` if in doubt."""
    scheme, found, rest = uri.partition("://")
    if not found:
        return uri if re.fullmatch(r"(file:)?[\w./~ -]*", uri) else HIDDEN
    if not re.fullmatch(r"[\w.+-]+", scheme):
        return HIDDEN
    if scheme in FILES and rest.startswith("/"):
        return f"{scheme}://{printable(rest.partition('?')[0])}"
    user, _, rest = rest.rpartition("@")
    address = _QUERY.split(rest)[0]
    try:
        parts = urlsplit(f"//{address}")
        is_plain = "%" not in parts.netloc and parts.port != 0 and address.isprintable()
    except ValueError:  # a port that is no number is a password
        is_plain = False
    # A ? before the @ is a password that holds one, or a query that holds an @: there is no telling.
    return f"{scheme}://{address if is_plain and not _QUERY.search(user) else HIDDEN}"


def reason(error: BaseException, uri: str = "") -> str:
    """An error of MLflow in a few words: its first line, or the cause at the end of a chain of HTTP errors.

    Where it quotes a secret, or a piece of one that some parser took for the host, only its kind is told.
    """
    kind = type(error).__name__
    line = _URL.sub(lambda url: public(url[0]), (str(error).strip() or kind).splitlines()[0])
    if re.search("Caused by|timeout exception", line):
        last = re.split(": |>, ['\"]", line)[-1]
        line = re.sub(r"[\"']\)+$", "", last)
    line = kind if quotes_secret(line, uri) else printable(line)
    return line if len(line) <= LONGEST else line[: LONGEST - 3] + "..."


def quotes_secret(text: str, uri: str) -> bool:
    """Whether the text has a word that the URI holds and `public` does not show, or one of a secret variable."""
    user = uri.partition("://")[2].rpartition("@")[0]
    name, _, password = user.partition(":")
    harmless = f"{public(uri)} {name if password else ''}"  # without a password, the name is a token
    secret = " ".join([uri, *(os.environ.get(variable, "") for variable in _SECRET_VARIABLES)])
    return bool(_words(text) & (_words(secret) - _words(harmless)))


def _words(text: str) -> set[str]:
    """Words of a text in lower case, as written and decoded: parsers cut between words, and some lower a host."""
    return {word for part in (text, unquote_plus(text)) for word in re.split(r"\W+", part.lower()) if word}
