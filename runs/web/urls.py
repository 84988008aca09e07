"""Addresses of pages: the dashboard, runs and their live streams here, everything else in `wizard_urls`."""

from django.contrib.auth.views import LogoutView
from django.urls import path, register_converter

from runs.web import stream, wizard_urls
from runs.web.tabs import TabConverter
from runs.web.views import chart, dashboard, ending, entry, notices, output, rows, run, sharing

register_converter(TabConverter, "tab")

urlpatterns = [
    path("login/", entry.Login.as_view(), name="login"),
    path("login/code/", entry.code, name="login-code"),
    path("login/forgotten/", entry.forgotten, name="forgotten"),
    path("login/reset/<uidb64>/<token>/", entry.Reset.as_view(), name="password-reset"),
    path("invitation/<str:token>/", entry.invited, name="invited"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("", dashboard.index, name="dashboard"),
    path("notices/", notices.index, name="notices"),
    path("foot/", dashboard.foot, name="foot"),
    path("stream/runs/", stream.all_runs, name="runs-stream"),
    *wizard_urls.urlpatterns,  # before the runs: `new` is not a run's name
    path("runs/<slug:name>/", run.page, name="run"),
    path("runs/<slug:name>/row/", dashboard.row, name="run-row"),
    path("runs/<slug:name>/state/", run.state, name="run-state"),
    path("runs/<slug:name>/cancel/", ending.cancel, name="run-cancel"),
    path("runs/<slug:name>/move/", ending.move, name="run-move"),
    path("runs/<slug:name>/pause/", ending.pause, name="run-pause"),
    path("runs/<slug:name>/resume/", ending.resume, name="run-resume"),
    path("runs/<slug:name>/share/", sharing.run, name="run-share"),
    path("runs/<slug:name>/register/", sharing.register, name="run-register"),
    path("runs/<slug:name>/delete/", ending.delete, name="run-delete"),
    path("runs/<slug:name>/stream/", stream.one_run, name="run-stream"),
    path("runs/<slug:name>/charts.json", chart.data, name="run-charts"),
    path("runs/<slug:name>/points.csv", chart.csv, name="run-points"),
    path("runs/<slug:name>/log.txt", output.log, name="run-log"),
    path("runs/<slug:name>/batch/", rows.batch, name="run-batch"),
    path("runs/<slug:name>/specification.json", output.specification, name="run-specification"),
    path("runs/<slug:name>/<tab:tab>/", run.page, name="run-tab"),
]
