"""How passwords are hashed: Argon2id at the cost OWASP recommends for a busy server."""

from __future__ import annotations

from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2(Argon2PasswordHasher):
    """19 MiB, two passes, one lane: some 40 ms.

    Django's default takes 100 MiB and eight lanes; on a town's two cores a
    handful of sign-ins at once would stop the tills.
    """

    time_cost = 2
    memory_cost = 19 * 1024
    parallelism = 1
