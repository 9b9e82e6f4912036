"""A real OpenID Connect provider in a process of its own: allauth's, with some people who have accounts there.

    python -m tests.web.provider '{"port": 9000, "redirect": "http://localhost:8000/…", …}'

Prints a line when it answers.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

ROOT = Path(__file__).resolve().parents[2]
CLIENT, SECRET, PASSWORD = "the-town", "a secret of the provider's", "known at the provider"


def configure(asked: dict[str, Any]) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    from django.conf import settings

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    settings.configure(
        SECRET_KEY="of the test's provider",
        ALLOWED_HOSTS=["127.0.0.1"],
        ROOT_URLCONF=__name__,
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": Path(asked["folder"]) / "idp.sqlite3"}},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.messages",
            "allauth",
            "allauth.account",
            "allauth.idp",
            "allauth.idp.oidc",
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
            "allauth.account.middleware.AccountMiddleware",
        ],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                    ]
                },
            }
        ],
        AUTHENTICATION_BACKENDS=["allauth.account.auth_backends.AuthenticationBackend"],
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        ACCOUNT_EMAIL_VERIFICATION="none",
        IDP_OIDC_PRIVATE_KEY=pem,
        USE_TZ=True,
    )


def populate(asked: dict[str, Any]) -> None:
    from allauth.idp.oidc.models import Client
    from django.contrib.auth import get_user_model
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    for name in asked["users"]:
        get_user_model().objects.create_user(name, email=f"{name}@provider.example", password=asked["password"])
    client = Client(id=asked["client"], name="The town", redirect_uris=asked["redirect"], skip_consent=True)
    client.scopes = "openid\nprofile\nemail"
    client.set_secret(asked["secret"])
    client.save()


@contextmanager
def running(folder: Path, *, port: int, site: str, users: list[str]) -> Iterator[None]:
    """The provider for a site at this address, whose people have ``PASSWORD`` there."""
    asked = {
        "port": port, "redirect": f"{site}/accounts/oidc/provider/login/callback/", "client": CLIENT, "secret": SECRET,
        "users": users, "password": PASSWORD, "folder": str(folder),
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.web.provider", json.dumps(asked)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield
    finally:
        process.terminate()
        process.wait(10)
        assert process.stdout is not None
        process.stdout.close()


class Quiet(WSGIRequestHandler):
    def log_message(self, *_words: Any) -> None:
        """Says nothing."""


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


urlpatterns: list[Any] = []


def main() -> None:
    asked = json.loads(sys.argv[1])
    configure(asked)
    import django

    django.setup()
    from django.core.wsgi import get_wsgi_application
    from django.urls import include, path

    sys.modules["tests.web.provider"] = sys.modules[__name__]
    urlpatterns.extend([path("accounts/", include("allauth.account.urls")), path("", include("allauth.idp.urls"))])
    populate(asked)
    with make_server("127.0.0.1", asked["port"], get_wsgi_application(), Server, Quiet) as server:
        print("ready", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
