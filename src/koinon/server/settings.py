"""Django's settings, from the environment; importing them needs no database and opens none.

Every variable is described in docs/reference/settings.md.

    KOINON_DATABASE_URL     postgresql:// address of the app role; the embedded server without it
    KOINON_VAR              folder for what the installation writes (default: var/ of the project)
    KOINON_SECRET_KEY       signs sessions; made and kept in var/secrets/ without it
    KOINON_HOSTS            host names the site answers to, by commas
    KOINON_SECURE           1 where the site is reached by https: secure cookies and HSTS
    KOINON_PROXIES          how many proxies stand before the site (0)
    KOINON_SMTP             host:port of a mail server; without it mail lies as files in var/mail/
    KOINON_MAIL_FROM        sender of the site's mail
    KOINON_OIDC_ISSUER      address of an OpenID Connect provider to sign in through; none without it
    KOINON_OIDC_CLIENT      the client id that the provider gave this installation
    KOINON_OIDC_SECRET      its secret; or KOINON_OIDC_SECRET_FILE, a file that holds it
    KOINON_OIDC_NAME        what the provider is called on the page (the host of its address)
    KOINON_DEBUG            1 for Django's debug pages; never where others can reach the site
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _
from psycopg.conninfo import conninfo_to_dict

PROJECT = Path(__file__).resolve().parents[3]
VAR = Path(os.environ.get("KOINON_VAR", PROJECT / "var"))


def database_settings(url: str) -> dict[str, Any]:
    """Django's description of a database given as a PostgreSQL URI, socket addresses included.

    >>> found = database_settings("postgresql://koinon_app@/koinon?host=/run/koinon")
    >>> found["NAME"], found["USER"], found["HOST"]
    ('koinon', 'koinon_app', '/run/koinon')
    >>> database_settings("postgresql:///koinon?options=-c%20search_path%3Dtown")["OPTIONS"]["options"]
    '-c statement_timeout=30s -c timezone=UTC -c search_path=town'
    """
    parts: dict[str, Any] = dict(conninfo_to_dict(url)) if url else {}
    described = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.pop("dbname", "koinon"),
        "USER": parts.pop("user", "koinon_app"),
        "PASSWORD": parts.pop("password", ""),
        "HOST": parts.pop("host", ""),
        "PORT": str(parts.pop("port", "") or ""),
        "ATOMIC_REQUESTS": True,
        "CONN_MAX_AGE": 0,  # Under ASGI each request has a thread, and so a connection, of its own.
    }
    # Ours first, as in koinon.db.connections: what an address says may replace them, and leaves the others.
    parts["options"] = f"-c statement_timeout=30s -c timezone=UTC {parts.get('options') or ''}".strip()
    return {**described, "OPTIONS": parts}


def kept_secret(path: Path) -> str:
    """The secret in a file only we may read; made at first use, and safe when two make it at once."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        part = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(secrets.token_urlsafe(64))
        try:
            os.link(part, path)  # Whoever links first has decided; the other reads it below.
        except FileExistsError:
            pass
        finally:
            part.unlink()
    return path.read_text().strip()


def oidc_provider() -> tuple[dict[str, Any], str]:
    """The provider that the environment names, as allauth takes it, and the origin that a form may lead to."""
    issuer = os.environ.get("KOINON_OIDC_ISSUER", "").rstrip("/")
    if not issuer:
        return {}, ""
    secret = os.environ.get("KOINON_OIDC_SECRET", "")
    if not secret and (kept := os.environ.get("KOINON_OIDC_SECRET_FILE")):
        secret = Path(kept).read_text(encoding="utf-8").strip()
    parts = urlsplit(issuer)
    if parts.scheme != "https" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        raise ImproperlyConfigured("KOINON_OIDC_ISSUER must begin with https://: who signs in is decided there")
    described = {
        "provider_id": "provider",
        "name": os.environ.get("KOINON_OIDC_NAME") or parts.hostname,
        "client_id": os.environ.get("KOINON_OIDC_CLIENT", ""),
        "secret": secret,
        "settings": {"server_url": issuer, "oauth_pkce_enabled": True, "scope": ["openid"]},
    }
    return {"openid_connect": {"APPS": [described]}}, f"{parts.scheme}://{parts.netloc}"


DEBUG = os.environ.get("KOINON_DEBUG") == "1"
SECURE = os.environ.get("KOINON_SECURE") == "1"
SECRET_KEY = os.environ.get("KOINON_SECRET_KEY") or kept_secret(VAR / "secrets" / "session-key")
ALLOWED_HOSTS = os.environ.get("KOINON_HOSTS", "localhost,127.0.0.1,[::1],testserver").split(",")
if SECURE:
    CSRF_TRUSTED_ORIGINS = [f"https://{host}" for host in ALLOWED_HOSTS]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "koinon.parties",
    "koinon.programmes",
    "koinon.web",  # Before allauth: its templates win.
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "rules.apps.AutodiscoverRulesConfig",
]

MIDDLEWARE = [
    "koinon.web.middleware.RequestLog",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "koinon.web.middleware.SecurityHeaders",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "koinon.web.access.OwnLanguage",
    "koinon.web.access.HomeCountry",
    "koinon.web.sessions.Browsers",
    "allauth.account.middleware.AccountMiddleware",
    "koinon.web.till.OnlyTheTill",
    "koinon.web.middleware.Refusals",
]

ROOT_URLCONF = "koinon.server.urls"
ASGI_APPLICATION = "koinon.server.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "koinon.web.context.page",
            ],
            "builtins": ["django.templatetags.i18n", "django.templatetags.static", "koinon.web.templatetags.koinon"],
        },
    }
]

DATABASES = {"default": database_settings(os.environ.get("KOINON_DATABASE_URL", ""))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Rate limits count in the database, where every process sees what the others saw; figures in each one's memory.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "koinon_cache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},  # Nobody makes room for more tries by filling it.
    },
    "figures": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "koinon",
        "OPTIONS": {"MAX_ENTRIES": 1500},  # Published months of all towns; with fewer each would push another one out.
    },
}

# --- Who someone is -------------------------------------------------------------------------------

AUTH_USER_MODEL = "parties.User"
AUTHENTICATION_BACKENDS = [
    "rules.permissions.ObjectPermissionBackend",
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
PASSWORD_HASHERS = ["koinon.web.passwords.Argon2", "django.contrib.auth.hashers.PBKDF2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_LOGOUT_REDIRECT_URL = "town"
ACCOUNT_ADAPTER = "koinon.web.accounts.Adapter"
ACCOUNT_FORMS = {
    "login": "koinon.web.accounts.SignIn",
    "request_login_code": "koinon.web.accounts.AskForCode",
    "confirm_login_code": "koinon.web.accounts.TypeCode",
    "confirm_password_reset_code": "koinon.web.accounts.TypeResetCode",
    "reset_password": "koinon.web.accounts.ForgottenPassword",
}
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = True  # It is written, which takes its time, and not sent: koinon.web.accounts.Adapter.
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_LOGIN_BY_CODE_TIMEOUT = 10 * 60
ACCOUNT_LOGIN_BY_CODE_SUPPORTS_RESEND = True
ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED = True  # A code to type: no link that opens an account lies in a mailbox.
ACCOUNT_PASSWORD_RESET_BY_CODE_TIMEOUT = 10 * 60
ACCOUNT_RATE_LIMITS = {  # Nobody's mailbox is filled by asking for codes; the others are allauth's.
    "request_login_code": "20/m/ip,3/m/key,10/h/key",
    "reset_password": "20/m/ip,3/m/key,10/h/key",
}
ALLAUTH_USER_CODE_FORMAT = {"numeric": True, "dashed": True, "length": 8}
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ADAPTER = "koinon.web.accounts.FactorAdapter"
MFA_FORMS = {
    "authenticate": "koinon.web.accounts.GiveCode",
    "reauthenticate": "koinon.web.accounts.GiveCodeAgain",
    "add_webauthn": "koinon.web.accounts.AddKey",
    "activate_totp": "koinon.web.accounts.UseApp",
}
MFA_TOTP_TOLERANCE = 1  # Telephones' clocks differ, and typing takes its time.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not SECURE
ALLAUTH_TRUSTED_PROXY_COUNT = int(os.environ.get("KOINON_PROXIES", "0"))

SOCIALACCOUNT_ADAPTER = "koinon.web.accounts.ProviderAdapter"
SOCIALACCOUNT_PROVIDERS, OIDC_ORIGIN = oidc_provider()
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False  # An address that a provider claims opens nobody's account.
SOCIALACCOUNT_STORE_TOKENS = False

SESSION_COOKIE_NAME = "koinon_session"
SESSION_COOKIE_AGE = 8 * 60 * 60
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = SECURE
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SECURE = SECURE
CSRF_FAILURE_VIEW = "koinon.web.views.errors.csrf_failure"
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SECURE = SECURE
LANGUAGE_COOKIE_AGE = 365 * 24 * 60 * 60

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_SSL_REDIRECT = False  # The proxy that ends TLS does it.
SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60 if SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = False
if int(os.environ.get("KOINON_PROXIES", "0")):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 2**20
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 2**20
FILE_UPLOAD_HANDLERS = ["koinon.web.uploads.InMemory"]
UPLOADS = VAR / "uploads"  # Folders under check, each for the time of one request.

# --- Languages, times, numbers --------------------------------------------------------------------

USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"  # Pages show the town's own time; see koinon.web.context.
LANGUAGE_CODE = "en"
LANGUAGES = [
    ("en", _("English")),
    ("el", _("Greek")),
    ("es", _("Spanish")),
    ("fr", _("French")),
    ("pt", _("Portuguese")),
    ("ar", _("Arabic")),
]
LOCALE_PATHS = [Path(__file__).resolve().parent / "locale"]

# --- Files, mail, logs ----------------------------------------------------------------------------

STATIC_URL = "/static/"
STATIC_ROOT = VAR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": UPLOADS}},
    "staticfiles": {"BACKEND": "koinon.web.staticfiles.Storage"},
}
WHITENOISE_MAX_AGE = 3600

DEFAULT_FROM_EMAIL = os.environ.get("KOINON_MAIL_FROM", "koinon@localhost")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
if os.environ.get("KOINON_SMTP"):
    EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    EMAIL_HOST, _colon, _port = os.environ["KOINON_SMTP"].partition(":")
    EMAIL_PORT = int(_port or 25)
    EMAIL_TIMEOUT = 15  # A notice whose mail server is silent is tried again later.
else:
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = VAR / "mail"

LOGGING_CONFIG = None  # koinon.server.site sets up the logs: JSON lines without personal data.
SILENCED_SYSTEM_CHECKS = [
    "security.W004",  # HSTS is set by KOINON_SECURE.
    "security.W008",  # The proxy redirects to https.
]
