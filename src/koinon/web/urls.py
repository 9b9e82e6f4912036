"""The site's addresses."""

from __future__ import annotations

from django.urls import path

from koinon.web.views import account, town

urlpatterns = [
    path("", town.town, name="town"),
    path("how/<slug:indicator>/", town.how, name="how"),
    path("check/", town.check, name="check"),
    path("healthz", town.healthz, name="healthz"),
    path("language/", account.language, name="language"),
    path("home/", account.home, name="home"),
    path("account/", account.account, name="account"),
]
