"""Alert rules and dashboard: every alert fires when it should and only then; every query is one."""
import json
import pathlib
import re
import tempfile

from support import ROOT, Case, Failed, run

ALERTS = sorted((ROOT / "deploy/dashboards/alerts").glob("*.yaml"))
DASHBOARD = ROOT / "deploy/dashboards/llm-proxy.json"
NAMES = [name for path in ALERTS for name in re.findall(r"- alert: (\w+)", path.read_text())]

P1 = 'job="llm-proxy", namespace="llm", pod="llm-proxy-1", instance="10.0.0.1:18000"'
P2 = 'job="llm-proxy", namespace="llm", pod="llm-proxy-2", instance="10.0.0.2:18000"'
O1 = 'job="llm-operator", namespace="llm", pod="llm-operator-1", instance="10.0.0.3:8080"'
O2 = 'job="llm-operator", namespace="llm", pod="llm-operator-2", instance="10.0.0.4:8080"'
GOOD = f'{P1}, protocol="chat_completions", model="gpt", provider="a/one", code="200"'
BAD = GOOD.replace("200", "502")


def histogram(name, labels, quick, slow):
    """A histogram whose observations are `quick` (up to 1 ms) or `slow` (over every bucket), each a rate per sample."""
    return {
        f'{name}_bucket{{{labels}, le="0.001"}}': f"0+{quick}x120",
        f'{name}_bucket{{{labels}, le="100.0"}}': f"0+{quick}x120",
        f'{name}_bucket{{{labels}, le="+Inf"}}': f"0+{quick + slow}x120",
    }


# An hour of a healthy installation, a sample every 30 s. Every alert stays quiet over it.
HEALTHY = {
    f"up{{{P1}}}": "1x120", f"up{{{P2}}}": "1x120", f"up{{{O1}}}": "1x120", f"up{{{O2}}}": "1x120",
    f'llm_proxy_config_version{{{P1}, version="9f2c"}}': "1x120",
    f'llm_proxy_config_version{{{P2}, version="9f2c"}}': "1x120",
    f"llm_proxy_config_rejections{{{P1}}}": "0x120", f"llm_proxy_config_rejections{{{P2}}}": "0x120",
    f"llm_proxy_requests_total{{{GOOD}}}": "0+300x120",
    f"llm_proxy_requests_total{{{BAD}}}": "0+1x120",
    f'llm_proxy_failovers_total{{{P1}, provider="a/one"}}': "0+2x120",
    f'llm_proxy_errors_total{{{P1}, type="upstream_incomplete"}}': "0+1x120",
    f'llm_proxy_errors_total{{{P1}, type="cancelled"}}': "0+50x120",
    **histogram("llm_proxy_time_to_first_token_seconds", f'{P1}, provider="a/one"', 100, 1),
    **histogram("llm_proxy_provider_latency_seconds", f'{P1}, provider="a/one"', 100, 1),
    **histogram("llm_proxy_overhead_seconds", P1, 1000, 1),
    f"llm_operator_leader{{{O1}}}": "1x120", f"llm_operator_leader{{{O2}}}": "0x120",
    f"llm_operator_proxies_lagging{{{O1}}}": "0x20 1x2 0x98", f"llm_operator_proxies_lagging{{{O2}}}": "0x120",
    f'llm_operator_objects{{{O1}, kind="LLMProvider", accepted="true"}}': "10x120",
    f'llm_operator_objects{{{O1}, kind="LLMProvider", accepted="false"}}': "0x120",
    f'llm_operator_watch_errors_total{{{O1}, resource="secrets"}}': "0x60 1x60",
    f'llm_operator_status_writes_total{{{O1}, result="ok"}}': "0+1x120",
    f'llm_operator_status_writes_total{{{O1}, result="failed"}}': "0x60 1x60",
    f'llm_operator_last_good_writes_total{{{O1}, result="ok"}}': "0+1x120",
    f'llm_operator_last_good_writes_total{{{O1}, result="failed"}}': "0x60 1x60",
    f'llm_operator_token_reviews_total{{{O1}, result="accepted"}}': "0+1x120",
    f'llm_operator_token_reviews_total{{{O1}, result="unavailable"}}': "0x120",
    f'llm_operator_token_reviews_total{{{O1}, result="forbidden"}}': "0x120",
}
GONE = "_x120"

# What differs from the healthy installation, and exactly which alerts fire at its end.
BROKEN = [
    ({f"up{{{P1}}}": "0x120", f"up{{{P2}}}": "0x120"}, {"LLMProxyUnavailable", "LLMProxyDown"}),
    ({f"up{{{P1}}}": "0x120"}, {"LLMProxyDown"}),
    ({f"up{{{P1}}}": GONE, f"up{{{P2}}}": GONE}, {"LLMProxyUnavailable"}),
    ({f'llm_proxy_config_version{{{P2}, version="9f2c"}}': GONE}, {"LLMProxyWithoutConfiguration"}),
    ({f'llm_proxy_config_version{{{P2}, version="9f2c"}}': GONE, f'llm_proxy_config_version{{{P2}, version="0001"}}': "1x120"},
     {"LLMProxyConfigurationsDiffer"}),
    ({f"llm_proxy_config_rejections{{{P2}}}": "1x120"}, {"LLMProxyConfigurationRejected"}),
    # Every tenth request fails: too many, but the model answers.
    ({f"llm_proxy_requests_total{{{BAD}}}": "0+33x120"}, {"LLMProxyHighErrorRate"}),
    # The provider fails and nobody takes over.
    ({f"llm_proxy_requests_total{{{BAD}}}": "0+9000x120"}, {"LLMProxyHighErrorRate", "LLMModelUnavailable", "LLMProviderFailing"}),
    # The provider fails and another one takes over: clients notice nothing.
    ({f"llm_proxy_requests_total{{{GOOD}}}": GONE, f"llm_proxy_requests_total{{{BAD}}}": GONE,
      f"llm_proxy_requests_total{{{GOOD.replace('one', 'two')}}}": "0+300x120",
      f'llm_proxy_failovers_total{{{P1}, provider="a/one"}}': "0+300x120"}, {"LLMProviderFailing"}),
    (histogram("llm_proxy_time_to_first_token_seconds", f'{P1}, provider="a/one"', 90, 10), {"LLMProxySlowFirstToken"}),
    (histogram("llm_proxy_provider_latency_seconds", f'{P1}, provider="a/one"', 90, 10), {"LLMProxySlowProvider"}),
    (histogram("llm_proxy_overhead_seconds", P1, 100, 2), {"LLMProxySlowItself"}),
    ({f'llm_proxy_errors_total{{{P1}, type="upstream_incomplete"}}': "0+5x120"}, {"LLMProxyStreamsCut"}),
    ({f"up{{{O2}}}": "0x120"}, {"LLMOperatorDown"}),
    ({f"llm_operator_leader{{{O1}}}": "0x120"}, {"LLMOperatorNoLeader"}),
    ({f"llm_operator_leader{{{O1}}}": GONE, f"llm_operator_leader{{{O2}}}": GONE}, {"LLMOperatorNoLeader"}),
    ({f"llm_operator_leader{{{O2}}}": "1x120"}, {"LLMOperatorNoLeader"}),
    ({f"llm_operator_proxies_lagging{{{O1}}}": "1x120"}, {"LLMOperatorProxiesLag"}),
    ({f'llm_operator_objects{{{O1}, kind="LLMProvider", accepted="false"}}': "2x120"}, {"LLMObjectsNotAccepted"}),
    ({f'llm_operator_watch_errors_total{{{O1}, resource="secrets"}}': "0+1x120"}, {"LLMOperatorWatchesBroken"}),
    ({f'llm_operator_status_writes_total{{{O1}, result="failed"}}': "0+1x120"}, {"LLMOperatorStatusNotWritten"}),
    ({f'llm_operator_last_good_writes_total{{{O1}, result="failed"}}': "0+1x120"}, {"LLMOperatorLastGoodNotWritten"}),
    ({f'llm_operator_token_reviews_total{{{O1}, result="unavailable"}}': "0+1x120"}, {"LLMOperatorTokensNotReviewed"}),
    ({f'llm_operator_token_reviews_total{{{O1}, result="forbidden"}}': "0+1x120"}, {"LLMOperatorRefusesTokens"}),
]
FIRING = 'count by (alertname) (ALERTS{alertstate="firing"})'


def unit_test(differences, times, expected):
    """A test of promtool: which alerts fire at these times."""
    series = {**HEALTHY, **differences}
    samples = [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in sorted(expected)]
    return {
        "interval": "30s",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [{"expr": f"{FIRING} > bool 0", "eval_time": time, "exp_samples": samples} for time in times],
    }


def promtool(tests):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "tests.json"
        path.write_text(json.dumps({"rule_files": [str(path) for path in ALERTS], "evaluation_interval": "30s", "tests": tests}))
        return run("promtool", "test", "rules", path)


class Alerts(Case):
    def test_rules_are_rules(self):
        run("promtool", "check", "rules", *ALERTS)

    def test_quiet_when_all_is_well(self):
        promtool([unit_test({}, [f"{minute}m" for minute in range(1, 60)], set())])

    def test_each_fires_when_it_should_and_nothing_else_does(self):
        promtool([unit_test(differences, ["60m"], expected) for differences, expected in BROKEN])

    def test_every_alert_is_tested(self):
        self.assertEqual(set(NAMES), set().union(*(expected for _, expected in BROKEN)))
        self.assertEqual(len(NAMES), len(set(NAMES)))

    def test_it_fires_after_a_while_and_clears(self):
        # One for all: a provider that fails for ten minutes.
        provider = {f"llm_proxy_requests_total{{{BAD}}}": "0+1x40 0+9000x20 180000+1x60"}
        test = unit_test(provider, [], set())
        firing = 'ALERTS{alertname="LLMProviderFailing", alertstate="firing"} > bool 0'
        labels = 'alertname="LLMProviderFailing", alertstate="firing", namespace="llm", provider="a/one", severity="warning"'
        alert = [{"labels": f"{{{labels}}}", "value": 1}]
        test["promql_expr_test"] = [
            {"expr": firing, "eval_time": "20m30s", "exp_samples": []},
            {"expr": firing, "eval_time": "23m", "exp_samples": alert},
            {"expr": firing, "eval_time": "30m", "exp_samples": alert},
            {"expr": firing, "eval_time": "33m", "exp_samples": []},
        ]
        promtool([test])

    def test_what_people_read(self):
        test = unit_test({f"llm_proxy_requests_total{{{BAD}}}": "0+100x120"}, [], set())
        test["alert_rule_test"] = [{
            "eval_time": "60m", "alertname": "LLMProviderFailing",
            "exp_alerts": [{
                "exp_labels": {"namespace": "llm", "provider": "a/one", "severity": "warning"},
                "exp_annotations": {
                    "summary": "Provider a/one fails 25.37% of its requests",
                    "description": "Other providers of its models take over where there are any.",
                },
            }],
        }]
        promtool([test])

    def test_the_tests_can_fail(self):
        for differences, expected in ({}, {"LLMProxyDown"}), ({f"up{{{P1}}}": "0x120"}, set()):
            with self.assertRaisesRegex(Failed, "FAILED"):
                promtool([unit_test(differences, ["60m"], expected)])


def queries():
    """Every query of the dashboard, with its variables replaced."""
    panels = json.loads(DASHBOARD.read_text())["panels"]
    for panel in panels:
        for target in panel.get("targets", []):
            query = target["expr"].replace("$__rate_interval", "5m")
            yield panel["title"], re.sub(r"\$(namespace|model|provider)", ".*", query)


class Dashboard(Case):
    def test_every_query_is_one(self):
        rules = [{"record": f"panel:{at}", "expr": query} for at, (_, query) in enumerate(queries())]
        self.assertGreater(len(rules), 40)
        text = json.dumps({"groups": [{"name": "dashboard", "rules": rules}]})
        self.assertNotIn("$", text)
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            file.write(text)
            file.flush()
            run("promtool", "check", "rules", file.name)

    def test_panels_do_not_overlap(self):
        taken = set()
        for panel in json.loads(DASHBOARD.read_text())["panels"]:
            at = panel["gridPos"]
            cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
            self.assertLessEqual(at["x"] + at["w"], 24)
            self.assertFalse(taken & cells, panel["title"])
            taken |= cells
