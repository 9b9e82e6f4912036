"""The site's addresses."""

from __future__ import annotations

from django.urls import path

from koinon.web.views import account, approvals, audit, office, purse, shop, town, treasury

urlpatterns = [
    path("", town.town, name="town"),
    path("how/<slug:indicator>/", town.how, name="how"),
    path("check/", town.check, name="check"),
    path("check/head.json", town.seal_head, name="seal-head"),
    path("healthz", town.healthz, name="healthz"),
    path("language/", account.language, name="language"),
    path("home/", account.home, name="home"),
    path("account/", account.account, name="account"),
    path("purse/", purse.purse, name="purse"),
    path("purse/movements/", purse.purse_movements, name="purse-movements"),
    path("purse/where/", purse.where, name="purse-where"),
    path("shop/", shop.shop, name="shop"),
    path("shop/movements/", shop.shop_movements, name="shop-movements"),
    path("shop/sales/<uuid:payment>/", shop.sale, name="shop-sale"),
    path("shop/payout/", shop.payout, name="shop-payout"),
    path("shop/payout/<uuid:redemption>/undo/", shop.undo_payout, name="shop-payout-undo"),
    path("office/", office.office, name="office"),
    path("office/programmes/<uuid:programme>/prepare/", office.prepare, name="office-prepare"),
    path("office/months/<uuid:cycle>/", office.cycle, name="office-cycle"),
    path("office/months/<uuid:cycle>/pay/", office.disburse, name="office-disburse"),
    path("office/months/<uuid:cycle>/cancel/", office.cancel, name="office-cancel"),
    path("office/check-folder/", office.import_check, name="office-import"),
    path("approvals/", approvals.approvals, name="approvals"),
    path("approvals/months/<uuid:cycle>/", approvals.cycle, name="approve-look"),
    path("approvals/months/<uuid:cycle>/approve/", approvals.approve, name="approve-cycle"),
    path("approvals/runs/<uuid:run>/", approvals.run, name="approve-run-look"),
    path("approvals/runs/<uuid:run>/approve/", approvals.approve_run, name="approve-run"),
    path("approvals/runs/<uuid:run>/withdraw/", approvals.withdraw_approval, name="approve-run-withdraw"),
    path("treasury/", treasury.treasury, name="treasury"),
    path("treasury/runs/", treasury.runs, name="treasury-runs"),
    path("treasury/runs/prepare/", treasury.prepare_run, name="treasury-prepare"),
    path("treasury/runs/<uuid:run>/", treasury.run, name="treasury-run"),
    path("treasury/runs/<uuid:run>/approve/", treasury.approve_run, name="treasury-approve"),
    path("treasury/runs/<uuid:run>/withdraw/", treasury.withdraw_approval, name="treasury-withdraw"),
    path("treasury/runs/<uuid:run>/export/", treasury.export_run, name="treasury-export"),
    path("treasury/runs/<uuid:run>/settle/", treasury.settle_run, name="treasury-settle"),
    path("treasury/runs/<uuid:run>/cancel/", treasury.cancel_run, name="treasury-cancel"),
    path("audit/", audit.audit, name="audit"),
    path("audit/seals/", audit.seals, name="audit-seals"),
    path("audit/trail/", audit.trail, name="audit-trail"),
]
