"""The way in for machines: a REST API under ``/api/v1``, as a bare ASGI application.

    from koinon.api.application import application

    app = application(url)          # uvicorn.run(app, ...) in a process of its own, or beside the site

``application(url)`` needs the address of a prepared database and nothing else: no Django, no
settings. Its lifespan starts and stops the posting engine and the reading connections. Keys are
made by ``koinon.api.operations.add_key`` (the command: ``koinon api key add``).

Knows no page, no command and no job; money goes through ``koinon.payments.engine`` and is
read by the same queries as the till and the pages.
"""
