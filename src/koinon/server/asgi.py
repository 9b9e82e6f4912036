"""The site as an ASGI application; ``koinon.server.site`` serves it."""

from __future__ import annotations

import os

from django.core.asgi import get_asgi_application

from koinon.db.private import keep_to_owner

keep_to_owner()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "koinon.server.settings")
application = get_asgi_application()
