"""Alerts and dashboard of contrib/ use metrics that there are, in expressions that are valid."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from ddbcfg_daemon.outputs.collector import LAYER_METRICS
from ddbcfg_daemon.outputs.metrics import metrics_text
from support.contrib import CONTRIB, ROOT

METRICS = set(re.findall(r"^# TYPE (\S+)", metrics_text([]), re.MULTILINE))
METRICS |= {f"ddbcfg_layer_{name}" for name, *_ in LAYER_METRICS}  # only if a store has layers
ALERTS_FILE = CONTRIB / "prometheus/alerts.yml"
TESTS_FILE = CONTRIB / "prometheus/alerts_test.yml"
[RULES] = (group["rules"] for group in yaml.safe_load(ALERTS_FILE.read_text())["groups"])
ALERTS = [rule["alert"] for rule in RULES if "alert" in rule]
DASHBOARD = json.loads((CONTRIB / "grafana/dashboard.json").read_text())

EXPRESSIONS = [
    (panel["title"], target["expr"]) for panel in DASHBOARD["panels"] for target in panel["targets"]
]


def promtool(*arguments: str | Path) -> str:
    if not shutil.which("promtool"):
        pytest.skip("no promtool here; on Debian it is in the package prometheus")
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def used(text: str) -> set[str]:
    return set(re.findall(r"\bddbcfg_\w+", text))


def test_all_metrics_are_ones_that_the_daemon_writes() -> None:
    texts = [ALERTS_FILE.read_text(), TESTS_FILE.read_text(), json.dumps(DASHBOARD)]
    assert set().union(*map(used, texts)) - METRICS == set()


def test_each_alert_has_a_unit_test_in_which_it_fires() -> None:
    tests = TESTS_FILE.read_text()
    assert {alert for alert in ALERTS if f'alertname="{alert}"' not in tests} == set()


def test_each_alert_is_in_the_documentation() -> None:
    page = (ROOT / "docs/deployment.md").read_text()
    assert re.findall(r"^\| (Ddbcfg\w+) \|", page, re.MULTILINE) == ALERTS


def test_the_alerts_fire_when_they_should_and_at_no_other_time() -> None:
    promtool("check", "rules", ALERTS_FILE)
    assert "SUCCESS" in promtool("test", "rules", TESTS_FILE)


def test_every_expression_of_the_dashboard_is_valid(tmp_path: Path) -> None:
    rules = [
        {"record": f"panel:{number}", "expr": expression.replace("$__rate_interval", "5m")}
        for number, (_, expression) in enumerate(EXPRESSIONS)
    ]
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    assert f"{len(EXPRESSIONS)} rules found" in promtool("check", "rules", file)


# Of three hosts, two had the new content 30 seconds apart; the third was started an hour later.
HOSTS = """
rule_files: []
tests:
  - interval: 1m
    input_series:
      - {series: 'ddbcfg_content_timestamp_seconds{namespace="c", store="s", instance="a"}', values: 600}
      - {series: 'ddbcfg_content_timestamp_seconds{namespace="c", store="s", instance="b"}', values: 630}
      - {series: 'ddbcfg_content_timestamp_seconds{namespace="c", store="s", instance="c"}', values: 4200}
      - {series: 'ddbcfg_generation{namespace="c", store="s", instance="a"}', values: 7}
      - {series: 'ddbcfg_generation{namespace="c", store="s", instance="b"}', values: 2}
      - {series: 'ddbcfg_generation{namespace="c", store="s", instance="c"}', values: 1}
      - {series: 'ddbcfg_content_info{namespace="c", store="s", instance="a", digest="0123456789abcdef"}', values: 1}
      - {series: 'ddbcfg_content_info{namespace="c", store="s", instance="b", digest="0123456789abcdef"}', values: 1}
      - {series: 'ddbcfg_content_info{namespace="c", store="s", instance="c", digest="0123456789abcdef"}', values: 1}
"""  # noqa: E501


@pytest.mark.parametrize(
    ("title", "labels", "value"),
    [
        (
            "Hosts on each content",
            '{namespace="c", store="s", content="0123456789ab"}',
            3,
        ),
        (
            "How long a change takes to be everywhere",
            '{namespace="c", store="s", digest="0123456789abcdef", content="0123456789ab"}',
            30,
        ),
    ],
)
def test_a_panel_shows_how_a_change_reaches_the_hosts(
    tmp_path: Path, title: str, labels: str, value: int
) -> None:
    [expression] = [expr for panel, expr in EXPRESSIONS if panel == title]
    document = yaml.safe_load(HOSTS)
    document["tests"][0]["promql_expr_test"] = [
        {
            "expr": re.sub(r"\$(namespace|store)", ".*", expression),
            "eval_time": "0s",
            "exp_samples": [{"labels": labels, "value": value}],
        }
    ]
    file = tmp_path / "test.yml"
    file.write_text(yaml.safe_dump(document))
    assert "SUCCESS" in promtool("test", "rules", file)


# Three hosts last read the table a second after the start; the fourth never did.
AGES = """
rule_files: []
tests:
  - interval: 1m
    input_series:
      - {series: 'ddbcfg_last_success_timestamp_seconds{instance="a"}', values: 1x20}
      - {series: 'ddbcfg_last_success_timestamp_seconds{instance="b"}', values: 1x20}
      - {series: 'ddbcfg_last_success_timestamp_seconds{instance="c"}', values: 1x20}
      - {series: 'ddbcfg_last_success_timestamp_seconds{instance="d"}', values: 0x20}
      - {series: 'ddbcfg_interval_seconds{instance="a"}', values: 10x20}
      - {series: 'ddbcfg_interval_seconds{instance="b"}', values: 30x20}
      - {series: 'ddbcfg_interval_seconds{instance="c"}', values: 3600x20}
      - {series: 'ddbcfg_interval_seconds{instance="d"}', values: 10x20}
"""


def test_the_panel_of_stale_stores_follows_their_intervals(tmp_path: Path) -> None:
    [expression] = [expr for panel, expr in EXPRESSIONS if panel == "Stale"]
    expression = re.sub(r"\$(namespace|store)", ".*", expression)
    document = yaml.safe_load(AGES)
    document["tests"][0]["promql_expr_test"] = [
        {"expr": expression, "eval_time": "4m", "exp_samples": []},
        {"expr": expression, "eval_time": "6m", "exp_samples": [{"labels": "{}", "value": 2}]},
    ]
    file = tmp_path / "test.yml"
    file.write_text(yaml.safe_dump(document))
    assert "SUCCESS" in promtool("test", "rules", file)


@pytest.mark.parametrize("text", [ALERTS_FILE.read_text(), json.dumps(DASHBOARD)])
def test_pins_and_layers_are_watched(text: str) -> None:
    assert {"ddbcfg_pinned", "ddbcfg_layer_last_success_timestamp_seconds"} <= used(text)


def test_the_dashboard_shows_only_the_chosen_stores_in_panels_that_do_not_overlap() -> None:
    for title, expression in EXPRESSIONS:
        metrics = re.findall(r"ddbcfg_\w+(\{[^}]*\})?", expression)
        assert set(metrics) == {'{namespace=~"$namespace",store=~"$store"}'}, title
    places = [panel["gridPos"] for panel in DASHBOARD["panels"]]
    cells = [
        (x, y)
        for place in places
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) == 23
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert all(one < next_ for one, next_ in pairwise(ids))
