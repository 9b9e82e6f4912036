"""``koinon impact``: what each unit did. Each command has a module of its own, so that none pays for another's libraries."""

from __future__ import annotations

import typer

from koinon.cli import impact_indicators, impact_report, impact_target, impact_town, lake, trace

app = typer.Typer(help="What each unit did: tracing, figures, exports.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """What each unit did: tracing, figures, exports."""


app.command("trace")(trace.trace)
app.command("town")(impact_town.town)
app.command("rebuild")(impact_town.rebuild)
app.command("indicators")(impact_indicators.indicators)
app.command("survey")(impact_indicators.survey)
app.command("sroi")(impact_indicators.sroi)
app.command("report")(impact_report.report)
app.add_typer(impact_target.app, name="target")
app.command("export")(lake.export)
app.command("ask")(lake.ask)
app.command("trace-export")(lake.trace_export)
