"""Which address answers what."""

from __future__ import annotations

from django.urls import include, path
from django.views.generic import RedirectView

from koinon.web.views import errors, signing

urlpatterns = [
    path("", include("koinon.web.urls")),
    path("accounts/signup/", RedirectView.as_view(pattern_name="invitation")),
    path("accounts/email/", RedirectView.as_view(pattern_name="address")),
    path("accounts/", include("allauth.account.urls")),
    path("accounts/2fa/webauthn/keys/<int:pk>/remove/", signing.RemoveKey.as_view(), name="mfa_remove_webauthn"),
    path("accounts/2fa/", include("allauth.mfa.urls")),
    path("accounts/provider/", include("allauth.socialaccount.urls")),
    path("accounts/", include("allauth.socialaccount.providers.openid_connect.urls")),
]

handler400 = errors.bad_request
handler403 = errors.forbidden
handler404 = errors.not_found
handler500 = errors.server_error
