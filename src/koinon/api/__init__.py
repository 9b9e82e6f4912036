"""The way in for machines: a REST API under ``/api/v1``, as a bare ASGI application.

    from koinon.api.application import application

    app = application(url)          # for uvicorn with loop="uvloop", http="httptools", lifespan="on", proxy_headers=False

``koinon.api.alone.serve(url, listening)`` does just that in a process of its own, and ``python -m koinon.api.alone``
too; ``koinon.server.asgi`` puts it before the site.

``application(url)`` needs the address of a prepared database and nothing else: no Django, no
settings. Its lifespan starts and stops the posting engine and the reading connections. Keys are
made by ``koinon.api.operations.add_key`` (the command: ``koinon api key add``).

Knows no page, no command and no job; money goes through ``koinon.payments.engine`` and is
read by the same queries as the till and the pages.
"""
