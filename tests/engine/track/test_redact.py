"""No secret of a tracking URI, nor a piece of one, is shown, whatever characters it is made of."""

from urllib.parse import quote

import pytest

from cheapconv.engine.track.redact import public, quotes_secret, reason

PASSWORDS = ("hidden-5", "hid/den-5", "hid@den-5", "hid?den-5", "hid#den-5", "hid:den-5", "hid den-5", "hid;den-5")
PASSWORDS += ("hid@d/en@5", "hid%40den-5", "hid\\den-5", "hid\nden-5", "[hid]den-5", "@hidden@5", "hid&den=5")
FORMS = (
    *(
        "http://me:{}@h.org:5000/x",
        "https://me:{}@h.org",
        "postgresql+psycopg2://me:{}@h.org:5432/db",
        "http://{}@h.org",
    ),
    *("http://:{}@h.org", "http://h.org:5000?password={}", "http://h.org/x?a=b&token={}", "http://h.org/#token={}"),
    *(
        "http://h.org;token={}",
        "mssql+pyodbc:///?odbc_connect=DRIVER%3DX%3BPWD%3D{}",
        "mysql://h.org/db?user=me&passwd={}",
    ),
    *("sqlite+pysqlcipher://:{}@/x.db", "sqlite:///x.db?key={}", "postgresql:///me:{}@h.org/db", "http:/me:{}@h.org"),
    *("me:{}@h.org:5000", "uc:https://me:{}@h.org", "//me:{}@h.org", "http://h.org?x=me:{}@h.org"),
)


@pytest.mark.parametrize("form", FORMS)
def test_no_piece_of_a_password_is_shown(form: str) -> None:
    for password in [*PASSWORDS, *(quote(password, safe="") for password in PASSWORDS)]:
        shown = public(form.format(password)).replace("5000", "").replace("5432", "")
        assert not [piece for piece in ("hid", "den", "en@", "5") if piece in shown], password


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("http://me:p@h.org:5000/x", "http://h.org:5000/x"),
        ("http://me:p/w@h.org:5000", "http://h.org:5000"),
        ("http://me:p@w@h.org:5000", "http://h.org:5000"),
        ("http://me:p?w@h.org", "http://..."),
        ("postgresql://me:p@[::1]:5432/db?sslmode=require", "postgresql://[::1]:5432/db"),
        ("mssql+pyodbc:///?odbc_connect=PWD%3Dp", "mssql+pyodbc:///"),
        *(
            (uri, uri)
            for uri in ("sqlite:////home/me@work/a b#1/x.db", "file:///a/b", "databricks", "http://127.0.0.1")
        ),
    ],
)
def test_what_is_no_secret_is_shown(uri: str, shown: str) -> None:
    assert public(uri) == shown


def test_an_error_that_quotes_a_piece_of_a_password_is_told_by_its_kind() -> None:
    uri = "postgresql://me:se@cr/et@h.org/db"
    error = OSError('could not translate host name "cr" to address')
    assert reason(error, uri) == "OSError"
    assert reason(OSError("could not translate host name h.org"), uri) == "could not translate host name h.org"
    assert reason(OSError(f"no table at {uri}"), uri) == "no table at postgresql://h.org/db"


def test_secrets_of_the_environment_are_secrets_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "t0ken")
    assert quotes_secret("Bearer t0ken refused", "http://h")
    assert not quotes_secret("Bearer refused", "http://h")


def test_a_server_cannot_speak_to_the_terminal() -> None:
    assert reason(ValueError("\x1b]0;owned\x07 no \u202etable")) == "\\x1b]0;owned\\x07 no \\u202etable"


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("Max (Caused by New(\"C(host='h'): no: [Errno 111] refused\"))", "[Errno 111] refused"),
        ("Max (Caused by ConnectTimeoutError(<x at 0x7f>, 'To h timed out. (after 4)'))", "To h timed out. (after 4)"),
        ("failed with timeout exception Pool(host='h'): Read timed out. (after 4)", "Read timed out. (after 4)"),
        ("permission denied\nlong story", "permission denied"),
        ("no table at postgresql://me:secret@host/db", "no table at postgresql://host/db"),
        ("x" * 200, "x" * 157 + "..."),
        ("", "ValueError"),
    ],
)
def test_a_reason_is_short(text: str, short: str) -> None:
    assert reason(ValueError(text)) == short
