"""The programs themselves, with exactly the permissions the chart gives: what they serve, and what they measure.

An operator and a proxy as processes, an API server without nodes, and a Prometheus that scrapes both, with the alert rules
and every query of the dashboard.
"""
import base64
import itertools
import json
import pathlib
import re
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

from support import CHART, ROOT, Case, Cluster, Failed
from test_rules import ALERTS, queries

PROGRAMS = ROOT / "target/debug"
DEADLINE = 60

OBJECTS = """
apiVersion: llmproxy.dev/v1alpha1
kind: LLMProvider
metadata: {name: mock, namespace: @TENANT@}
spec: {type: Mock, priority: 1, models: [{name: chat}], mock: {latency: 5ms, tokensPerSecond: 1000}}
---
# Nothing listens there, so every request fails over.
apiVersion: llmproxy.dev/v1alpha1
kind: LLMProvider
metadata: {name: down, namespace: @TENANT@}
spec: {type: OpenAICompatible, endpoint: {url: "http://127.0.0.1:1/v1"}, models: [{name: chat}]}
---
apiVersion: llmproxy.dev/v1alpha1
kind: MasterKey
metadata: {name: first, namespace: @TENANT@}
spec: {generate: {secretName: first-llm}}
"""


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def get(url, **options):
    with urllib.request.urlopen(urllib.request.Request(url, **options), timeout=10) as answer:
        return answer.read().decode()


class Live(Case):
    def setUp(self):
        # Namespaces of its own: what is collected late in one test is no concern of the next.
        self.namespace = f"live-{self.id().split('.')[-1].replace('_', '-')[5:30]}".strip("-")
        self.tenant = f"{self.namespace}-tenant"
        for program in ("llm-operator", "llm-proxy"):
            if not (PROGRAMS / program).exists():
                raise Failed(f"{PROGRAMS / program} is not there: make build")
        self.cluster = Cluster.get()
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="llm-proxy-live-")))
        for namespace in (self.namespace, self.tenant):
            self.cluster.namespace(namespace)

    def until(self, what, check):
        """Waits for a condition, with a deadline; returns what it gave. Says what the programs logged last if it fails."""
        deadline, last = time.monotonic() + DEADLINE, None
        while time.monotonic() < deadline:
            try:
                if found := check():
                    return found
            except urllib.error.HTTPError as error:
                last = str(error)
                error.close()
            except (OSError, Failed) as error:
                last = error
            time.sleep(0.1)
        logs = "".join(f"--- {path.name}\n" + path.read_text()[-3000:] for path in self.folder.glob("*.log"))
        raise Failed(f"{what} did not come about: {last}\n{logs}")

    def install(self, *values):
        self.cluster.helm("Helm 4", "install", "llm-proxy", CHART, "-n", self.namespace, *values)
        self.addCleanup(self.cluster.kubectl, "delete", "crd", "llmproviders.llmproxy.dev", "masterkeys.llmproxy.dev")
        self.addCleanup(self.cluster.helm, "Helm 4", "uninstall", "llm-proxy", "-n", self.namespace)

    def start(self, name, *command, env=None):
        log = open(self.folder / f"{name}.log", "w")
        self.addCleanup(log.close)
        process = subprocess.Popen([str(part) for part in command], stdout=log, stderr=log, env=env)
        self.addCleanup(process.wait, 30)
        self.addCleanup(process.terminate)

    def token(self, account, *options):
        return self.cluster.kubectl("create", "token", account, "-n", self.namespace, *options).strip()

    def start_operator(self, *options):
        """With the token of the chart's ServiceAccount, and so with its permissions."""
        config = json.loads(self.cluster.kubectl("config", "view", "--raw", "-o", "json"))
        config["users"][0]["user"] = {"token": self.token("llm-operator")}
        (self.folder / "kubeconfig").write_text(json.dumps(config))
        config_port, self.health = free_port(), free_port()
        self.start(
            "operator", PROGRAMS / "llm-operator", "run", "--namespace", self.namespace, "--identity", "one",
            "--config-listen", f"127.0.0.1:{config_port}", "--health-listen", f"127.0.0.1:{self.health}", *options,
            env={"KUBECONFIG": str(self.folder / "kubeconfig")},
        )
        self.until("a ready operator", lambda: get(f"http://127.0.0.1:{self.health}/readyz"))
        return config_port

    def start_proxy(self, config_port):
        ca = self.until("the CA", lambda: self.cluster.get_json("configmap", "llm-operator-ca", "-n", self.namespace)["data"]["ca.crt"])
        (self.folder / "ca.crt").write_text(ca)
        (self.folder / "token").write_text(self.token("llm-proxy", "--audience", "llm-operator"))
        self.port = free_port()
        self.start(
            "proxy", PROGRAMS / "llm-proxy", "serve", "--operator", f"https://localhost:{config_port}",
            "--operator-ca", self.folder / "ca.crt", "--operator-token", self.folder / "token", "--name", "one",
            "--host", "127.0.0.1", "--port", self.port, "--drain-grace", "0s", env={},
        )
        self.until("a ready proxy", lambda: get(f"http://127.0.0.1:{self.port}/readyz"))

    def key(self):
        def read():
            data = self.cluster.get_json("secret", "first-llm", "-n", self.tenant)["data"]
            return base64.b64decode(data["OPENAI_API_KEY"]).decode()

        return self.until("the generated key", read)

    def chat(self, key, model="chat", stream=False):
        body = {"model": model, "stream": stream, "messages": [{"role": "user", "content": "hello"}]}
        if stream:
            body["stream_options"] = {"include_usage": True}
        headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        url = f"http://127.0.0.1:{self.port}/v1/chat/completions"
        return get(url, data=json.dumps(body).encode(), headers=headers)

    def start_prometheus(self):
        port = free_port()
        jobs = {"llm-proxy": self.port, "llm-operator": self.health}
        config = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(path) for path in ALERTS],
            "scrape_configs": [
                {"job_name": job, "static_configs": [{
                    "targets": [f"127.0.0.1:{target}"], "labels": {"namespace": self.namespace, "pod": f"{job}-1"},
                }]} for job, target in jobs.items()
            ],
        }
        (self.folder / "prometheus.yml").write_text(json.dumps(config))
        self.start(
            "prometheus", "prometheus", f"--config.file={self.folder}/prometheus.yml",
            f"--storage.tsdb.path={self.folder}/tsdb", f"--web.listen-address=127.0.0.1:{port}",
        )
        return f"http://127.0.0.1:{port}/api/v1"

    def test_everything_that_is_asked_for_is_measured(self):
        self.install()
        self.cluster.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
        self.start_proxy(self.start_operator())
        self.cluster.kubectl("apply", "-f", "-", text=OBJECTS.replace("@TENANT@", self.tenant))
        key = self.key()
        self.until("an answer", lambda: self.chat(key))
        api = self.start_prometheus()

        def ask(query):
            answer = json.loads(get(f"{api}/query?" + urllib.parse.urlencode({"query": query})))
            return answer["data"]["result"]

        self.until("a first scrape", lambda: len(ask("up == 1")) == 2)
        missing = dict(enumerate(queries()))
        self.assertGreater(len(missing), 40)

        changes = itertools.count()

        def all_answered():
            weight = json.dumps({"spec": {"weight": 100 + next(changes) % 2}})
            self.cluster.kubectl("patch", "llmprovider", "mock", "-n", self.tenant, "--type=merge", "-p", weight)
            self.assertIn("choices", self.chat(key))
            self.assertIn("[DONE]", self.chat(key, stream=True))
            with self.assertRaisesRegex(urllib.error.HTTPError, "404") as refused:
                self.chat(key, model="nothing")
            refused.exception.close()
            for at, (_, query) in list(missing.items()):
                if any(sample["value"][1] != "NaN" for sample in ask(query)):
                    del missing[at]
            return not missing

        try:
            self.until("data for every query", all_answered)
        except Failed as failed:
            self.fail(f"{failed}: no data for {json.dumps(list(missing.values()), indent=1)}")

        # Every series the alerts go by is there, but for those that count what did not happen.
        names = set(re.findall(r"llm_(?:proxy|operator)_\w+", " ".join(path.read_text() for path in ALERTS)))
        names -= {name for name in names if not re.search(r"_(total|bucket|seconds|version|rejections|leader|lagging|objects)$", name)}
        there = set(json.loads(get(f"{api}/label/__name__/values"))["data"])
        self.assertEqual(set(), names - there)
        rules = json.loads(get(f"{api}/rules"))["data"]["groups"]
        self.assertEqual({"ok"}, {rule["health"] for group in rules for rule in group["rules"]})

    def test_it_works_with_roles_in_some_namespaces_alone(self):
        self.install("--set", f"watchNamespaces={{{self.tenant}}}")
        self.cluster.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
        # Established is said a moment before they are served.
        self.until("both kinds", lambda: self.cluster.kubectl("get", "llmproviders,masterkeys", "-A", "-o", "json"))
        self.start_proxy(self.start_operator("--watch-namespaces", self.tenant))
        self.cluster.kubectl("apply", "-f", "-", text=OBJECTS.replace("@TENANT@", self.tenant))
        self.assertIn("choices", self.until("an answer", lambda: self.chat(self.key())))
        programmed = "condition=Programmed"
        self.cluster.kubectl("wait", f"--for={programmed}", "llmprovider/mock", "masterkey/first", "-n", self.tenant, "--timeout=60s")
        metrics = get(f"http://127.0.0.1:{self.health}/metrics")
        self.assertEqual([], re.findall(r"(?m)^llm_operator_watch_errors_total\{.*\} [1-9].*$", metrics))
        log = (self.folder / "operator.log").read_text()
        self.assertNotIn("forbidden", log.lower())
