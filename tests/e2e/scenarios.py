"""What is shown on a real cluster, in this order. See tests/e2e/run."""
import base64
import http.client
import json
import os
import pathlib
import re
import shlex
import socket
import ssl
import subprocess
import sys
import tempfile
import time

from cluster import (
    CHART, CLIENT_IMAGE, CLIENTS, GATEWAY, Failed, Load, apply, chat, check, client_pod, get, helm, is_ready, kubectl,
    master_key, namespace, pods, provider, run, shell, until, until_programmed, until_ready,
)

SLOW_REPLY = " ".join(["steady"] * 60)
IMAGES = [
    f"--set={name}.image.{field}={value}"
    for name in ("operator", "proxy")
    for field, value in (("repository", f"localhost/llm-{name}"), ("tag", "dev"), ("pullPolicy", "IfNotPresent"))
]
VALUES = [*IMAGES, f"--set=tests.image={CLIENT_IMAGE}"]
# Every object the scenarios leave behind: it must outlive the release.
KINDS = ("llmproviders.llmproxy.dev", "masterkeys.llmproxy.dev")


def install():
    """All pods are Ready soon after the images are there."""
    namespace(GATEWAY)
    namespace(CLIENTS)
    began = time.monotonic()
    helm("install", "llm-proxy", CHART, *VALUES)
    until_ready("llm-operator", 2)
    until_ready("llm-proxy", 2)
    took = time.monotonic() - began
    print(f"     all pods Ready {took:.1f} s after helm install began (target 10 s)")
    # Far over the target, but under what a pod waits for a volume that was not there when it started.
    check(took < 40, f"{took:.1f} s until all pods were Ready")
    for name in ("llm-operator", "llm-proxy"):
        for pod in pods(name).values():
            restarts = sum(status["restartCount"] for status in pod["status"]["containerStatuses"])
            check(restarts == 0, f"{pod['metadata']['name']} restarted {restarts} times")


def client():
    """A pod with the generated Secret in its environment gets a streamed answer through the Service."""
    apply(
        provider("quick", models=[{"name": "quick"}], mock={"latency": "5ms"}),
        provider("slow", models=[{"name": "slow"}], mock={"reply": SLOW_REPLY, "tokensPerSecond": 10}),
        master_key("first"),
    )
    until("the generated Secret", lambda: get("secret", "first-llm", "-n", CLIENTS))
    apply(client_pod("client", "first-llm"))
    kubectl("wait", "--for=condition=Ready", "pod/client", "-n", CLIENTS, "--timeout=60s")
    until_programmed("llmprovider/quick", "llmprovider/slow", "masterkey/first")
    check("finish_reason" in shell(chat("quick")), "no plain answer")
    # As it streams, seen from here: the first part is there well before the last.
    command = ["kubectl", "exec", "-n", CLIENTS, "client", "--", "sh", "-c", chat("slow", stream=True)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        times = [(time.monotonic(), line) for line in process.stdout if line.startswith("data: ")]
    check(times and times[-1][1].strip() == "data: [DONE]", f"the stream did not end as it should: {times[-3:]}")
    text = "".join(
        choice["delta"].get("content") or ""
        for _, line in times[:-1] for choice in json.loads(line[6:])["choices"]
    )
    check(text == SLOW_REPLY, f"the stream said {text!r}")
    print(f"     {len(times)} parts over {times[-1][0] - times[0][0]:.1f} s")
    check(times[-1][0] > times[0][0] + 1, "everything came at once")


def helm_test():
    """`helm test` passes."""
    print("     " + helm("test", "llm-proxy").splitlines()[-1].strip())


def table():
    """`kubectl get llmp,mk` says what there is."""
    shown = kubectl("get", "llmp,mk", "-n", CLIENTS)
    print("     " + shown.strip().replace("\n", "\n     "))
    for expected in (
        r"NAME +TYPE +MODELS +ACCEPTED +PROGRAMMED +AGE", r"llmprovider\S*/slow +Mock +1 +True +True",
        r"NAME +KEY +USABLE +PROGRAMMED", r"masterkey\S*/first +\S+ +True +True",
    ):
        check(re.search(expected, shown), f"no {expected!r} in\n{shown}")
    message = get("llmp", "quick", "-n", CLIENTS)["status"]["snapshot"]
    check((message["proxiesAcked"], message["proxiesTotal"]) == (2, 2), f"{message}")


def leader():
    """The pod that leads, by the Lease."""
    holder = get("lease", "llm-operator", "-n", GATEWAY)["spec"].get("holderIdentity")
    return holder if holder in pods("llm-operator") else None


class Forward:
    """A port of a pod, here."""

    def __init__(self, pod, port):
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            self.port = listener.getsockname()[1]
        command = ["kubectl", "port-forward", "-n", GATEWAY, f"pod/{pod}", f"{self.port}:{port}"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def __enter__(self):
        check("Forwarding" in self.process.stdout.readline(), "kubectl port-forward did not start")
        return self.port

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def strangers():
    """Only the proxies' ServiceAccount, with a token made for it, reads the configuration."""
    ca = get("configmap", "llm-operator-ca", "-n", GATEWAY)["data"]["ca.crt"]
    context = ssl.create_default_context(cadata=ca)

    class Connection(http.client.HTTPSConnection):
        """Connects to here, and checks that there is the operator."""

        def connect(self):
            self.sock = context.wrap_socket(socket.create_connection(("127.0.0.1", self.port), 10), server_hostname="llm-operator")

    def token(account, where, *audience):
        return kubectl("create", "token", account, "-n", where, *audience).strip()

    audience = "--audience=llm-operator"
    tries = [
        ("no token", None, 401),
        ("nonsense", "nonsense", 401),
        ("another account", token("default", CLIENTS, audience), 403),
        ("the proxies' account, for another audience", token("llm-proxy", GATEWAY), 401),
        ("the proxies' account", token("llm-proxy", GATEWAY, audience), 200),
    ]
    with Forward(until("a leader", leader), 9443) as port:
        for who, secret, expected in tries:
            connection = Connection("127.0.0.1", port)
            headers = {"authorization": f"Bearer {secret}"} if secret else {}
            connection.request("GET", "/v1/config/stream?proxy=stranger&stream=1", headers=headers)
            answer = connection.getresponse()
            check(answer.status == expected, f"{who}: {answer.status}, not {expected}")
            if expected == 200:
                check(b'"snapshot"' in answer.readline(), "no snapshot for a proxy")
            connection.close()


def rollout():
    """A rolling update of the proxies with streams open: no request fails."""
    load = Load()
    load.until_more(20)
    before = set(pods("llm-proxy"))
    for _ in range(2):
        kubectl("rollout", "restart", "deployment/llm-proxy", "-n", GATEWAY)
        kubectl("rollout", "status", "deployment/llm-proxy", "-n", GATEWAY, "--timeout=180s")
        load.until_more(20)
    until("the old pods to be gone", lambda: not before & {
        pod["metadata"]["name"] for pod in get("pods", "-n", GATEWAY, "-l", "app.kubernetes.io/name=llm-proxy")["items"]
    })
    well, failed = load.end()
    print(f"     {well} answers during two rolling updates, {len(failed)} failed")
    check(not failed, f"{len(failed)} of {well + len(failed)} failed: {failed[:5]}")


def leadership():
    """The leader is deleted under load: another one leads, an edit reaches the proxies, no request fails."""
    load = Load()
    load.until_more(10)
    was = until("a leader", leader)
    kubectl("delete", "pod", was, "-n", GATEWAY, "--wait=false")
    until("another leader", lambda: leader() not in (None, was))
    apply(provider("quick", models=[{"name": "quick"}, {"name": "later"}], mock={"latency": "5ms"}))
    until("the edit to be served", lambda: "finish_reason" in shell(chat("later")))
    well, failed = load.end()
    print(f"     {well} answers meanwhile, {len(failed)} failed")
    check(not failed, f"{failed[:5]}")
    until_ready("llm-operator", 2)
    until_programmed("llmprovider/quick")


def away():
    """No operator at all: proxies scaled from 1 to 3 become Ready from the last good configuration, and serve."""
    until("the last good configuration", lambda: get("secret", "llm-proxy-snapshot-a-0", "-n", GATEWAY))
    kubectl("scale", "deployment/llm-proxy", "-n", GATEWAY, "--replicas=1")
    until_ready("llm-proxy", 1)
    kubectl("scale", "deployment/llm-operator", "-n", GATEWAY, "--replicas=0")
    until("the operators to be gone", lambda: not get("pods", "-n", GATEWAY, "-l", "app.kubernetes.io/name=llm-operator")["items"])
    began = time.monotonic()
    kubectl("scale", "deployment/llm-proxy", "-n", GATEWAY, "--replicas=3")
    found = until_ready("llm-proxy", 3)
    print(f"     three Ready {time.monotonic() - began:.1f} s after they were asked for, without an operator")
    for name, pod in found.items():
        answer = shell(chat("later", base=f"http://{pod['status']['podIP']}:18000/v1"))
        check("finish_reason" in answer, f"{name} does not serve: {answer}")
    kubectl("scale", "deployment/llm-operator", "-n", GATEWAY, "--replicas=2")
    until_ready("llm-operator", 2)

    def acked():
        status = get("llmp", "quick", "-n", CLIENTS)["status"]["snapshot"]
        return (status["proxiesAcked"], status["proxiesTotal"]) == (3, 3)

    until("all three to be counted again", acked)


def anybody():
    """Any user will do: an upgrade gives both programs one of a range, as OpenShift does."""
    user = "1000730000"
    # Helm applies as the API server does: what kubectl scaled is kubectl's until it is taken back.
    helm("upgrade", "llm-proxy", CHART, "--reuse-values", "--force-conflicts", *[
        f"--set={name}.podSecurityContext.{field}={user}" for name in ("operator", "proxy") for field in ("runAsUser", "fsGroup")
    ])
    for name in ("llm-operator", "llm-proxy"):
        kubectl("rollout", "status", f"deployment/{name}", "-n", GATEWAY, "--timeout=120s")
        until("pods of that user", lambda name=name: all(
            str(pod["spec"]["securityContext"].get("runAsUser")) == user and is_ready(pod) for pod in pods(name).values()
        ))
    until("an answer", lambda: "finish_reason" in shell(chat("quick")))


def certificate(name):
    """A certificate for a name, signed by itself, and its key."""
    with tempfile.TemporaryDirectory() as folder:
        certificate, key = (pathlib.Path(folder) / file for file in ("tls.crt", "tls.key"))
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc", "-days", "2",
            "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}", "-keyout", key, "-out", certificate)
        return certificate.read_text(), key.read_text()


def ready_with(port, name, trusted):
    """Whether the proxy at a port here shows the trusted certificate, and is ready."""
    context = ssl.create_default_context(cadata=trusted)
    try:
        with context.wrap_socket(socket.create_connection(("127.0.0.1", port), 10), server_hostname=name) as tls:
            tls.sendall(f"GET /readyz HTTP/1.1\r\nhost: {name}\r\nconnection: close\r\n\r\n".encode())
            return tls.recv(64).startswith(b"HTTP/1.1 200")
    except ssl.SSLCertVerificationError:
        return False


def tls():
    """Clients speak TLS with a certificate from a Secret, and a renewed one is served without a restart."""
    name = f"llm-proxy.{GATEWAY}.svc"
    first, second = certificate(name), certificate(name)

    def keep(pair):
        apply({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "clients-tls", "namespace": GATEWAY},
            "type": "kubernetes.io/tls", "stringData": dict(zip(("tls.crt", "tls.key"), pair)),
        })

    def told(url):
        data = get("secret", "first-llm", "-n", CLIENTS)["data"]
        return base64.b64decode(data["OPENAI_BASE_URL"]).decode().startswith(url)

    keep(first)
    helm("upgrade", "llm-proxy", CHART, "--reuse-values", "--set=proxy.tls.secretName=clients-tls")
    kubectl("rollout", "status", "deployment/llm-proxy", "-n", GATEWAY, "--timeout=120s")
    until("clients to be told of it", lambda: told(f"https://{name}:18000/"))
    pod = next(iter(until_ready("llm-proxy", 2)))
    with Forward(pod, 18000) as port:
        check(ready_with(port, name, first[0]), "the certificate is not served")
        check(not ready_with(port, name, second[0]), "any certificate is trusted")
        began = time.monotonic()
        keep(second)
        until("the renewed certificate", lambda: ready_with(port, name, second[0]), 180)
        print(f"     the renewed certificate was served after {time.monotonic() - began:.0f} s")
    check(pod in until_ready("llm-proxy", 2), "the pod was replaced")
    helm("upgrade", "llm-proxy", CHART, "--reuse-values", "--set=proxy.tls.secretName=")
    kubectl("rollout", "status", "deployment/llm-proxy", "-n", GATEWAY, "--timeout=120s")
    until("clients to be told of it", lambda: told(f"http://{name}:18000/"))
    until("an answer", lambda: "finish_reason" in shell(chat("quick")))


def ask(*arguments):
    answer = json.loads(run(*shlex.split(os.environ["MONITORING_QUERY"]), *arguments))
    check(answer["status"] == "success", answer)
    return answer["data"]


def alert(name, labels, state):
    """Whether an alert is in a state: firing, pending, or None."""
    for one in ask("--api", "alerts")["alerts"]:
        if one["labels"]["alertname"] == name and labels.items() <= one["labels"].items():
            return one["state"] == state
    return state is None


def monitoring():
    """Everything is scraped, every query of the dashboard has data, and an alert fires and clears."""
    if "MONITORING_QUERY" not in os.environ:
        print("     left out: MONITORING_INSTALL and MONITORING_QUERY name no Prometheus")
        return
    try:
        ask("up")
    except Failed:
        run(*shlex.split(os.environ["MONITORING_INSTALL"]), limit=1800)
    helm("upgrade", "llm-proxy", CHART, "--reuse-values", "--set", "monitoring.serviceMonitor.enabled=true",
         "--set", "monitoring.prometheusRule.enabled=true", "--set", "monitoring.dashboard.enabled=true")

    def scraped():
        up = {sample["metric"]["pod"]: sample["metric"]["job"] for sample in ask(f'up{{namespace="{GATEWAY}"}} == 1')["result"]}
        wanted = {pod: name for name in ("llm-operator", "llm-proxy") for pod in pods(name)}
        return {pod: up.get(pod) for pod in wanted} == wanted

    until("every pod to be scraped", scraped)
    expected = sum(map(len, (re.findall(r"- alert:", path.read_text()) for path in (CHART / "files/alerts").glob("*.yaml"))))

    def rules():
        return [rule for group in ask("--api", "rules")["groups"] for rule in group["rules"] if rule["name"].startswith("LLM")]

    until("the rules to be loaded and evaluated", lambda: len(rules()) == expected and all(rule["health"] == "ok" for rule in rules()))
    # A provider that fails every request, with another one behind it: clients notice nothing.
    shaky = {"models": [{"name": "quick"}], "mock": {"errorPercent": 100}}
    apply(
        provider("shaky", priority=0, **shaky),
        provider("quick", priority=1, models=[{"name": "quick"}, {"name": "later"}], mock={"latency": "5ms"}),
    )
    until_programmed("llmprovider/shaky", "llmprovider/quick")
    load = Load(streams=2, plain=2)
    labels = {"provider": f"{CLIENTS}/shaky", "severity": "warning"}
    until("the alert to fire", lambda: alert("LLMProviderFailing", labels, "firing"), 300)
    missing = {target["expr"] for panel in json.loads((CHART / "files/dashboard.json").read_text())["panels"] for target in panel.get("targets", [])}

    def all_answered():
        # What these queries are about happens meanwhile: an error that a client sees, and an edit.
        shell(chat("nowhere") + " || true")
        apply(provider("slow", weight=100 + int(time.time()) % 2, models=[{"name": "slow"}], mock={"reply": SLOW_REPLY, "tokensPerSecond": 10}))
        for query in sorted(missing):
            plain = re.sub(r"\$(namespace|model|provider)", ".*", query.replace("$__rate_interval", "1m"))
            if any(sample["value"][1] != "NaN" for sample in ask(plain)["result"]):
                missing.discard(query)
        return not missing

    total = len(missing)
    try:
        until("data for every query of the dashboard", all_answered, 180)
    except Failed as failed:
        raise Failed(f"{failed}: none for {sorted(missing)}") from None
    print(f"     {total} queries have data; the alert fired")
    shaky["mock"] = {"errorPercent": 0}
    apply(provider("shaky", priority=0, **shaky))
    until("the alert to clear", lambda: alert("LLMProviderFailing", labels, None), 400)
    well, failed = load.end()
    print(f"     and cleared; {well} answers meanwhile, {len(failed)} failed")
    check(not failed, f"{failed[:5]}")


def uninstall():
    """Everything goes but the CRDs and the objects."""
    before = {kind: [item["metadata"]["uid"] for item in get(kind, "-A")["items"]] for kind in KINDS}
    check(all(before.values()), "there is nothing to be kept")
    helm("uninstall", "llm-proxy")
    until("the pods to be gone", lambda: not get("pods", "-n", GATEWAY, "-l", "app.kubernetes.io/part-of=llm-proxy")["items"], 400)
    after = {kind: [item["metadata"]["uid"] for item in get(kind, "-A")["items"]] for kind in KINDS}
    check(before == after, f"{before} became {after}")


SCENARIOS = [
    install, client, helm_test, table, strangers, rollout, leadership, away, anybody, tls, monitoring, uninstall,
]


def clean():
    # Pods first: a namespace that is deleted with pods in it waits for as long as they might take, not as they do.
    helm("uninstall", "llm-proxy", "--ignore-not-found")
    kubectl("delete", "pods", "--all", "-n", CLIENTS, "--ignore-not-found")
    until("the pods to be gone", lambda: not get("pods", "-n", GATEWAY)["items"], 400)
    kubectl("delete", "namespace", GATEWAY, CLIENTS, "--ignore-not-found", "--wait=true", "--timeout=240s")
    kubectl("delete", "crd", *KINDS, "--ignore-not-found")
    kubectl("delete", "clusterrole,clusterrolebinding", f"llm-operator-{GATEWAY}", "--ignore-not-found")


def explain():
    """What whoever reads of a failure wants to see."""
    for command in (
        ["get", "pods", "-A", "-o", "wide"], ["get", "events", "-n", GATEWAY, "--sort-by=.lastTimestamp"],
        ["logs", "-n", GATEWAY, "-l", "app.kubernetes.io/name=llm-operator", "--tail=40", "--prefix"],
        ["logs", "-n", GATEWAY, "-l", "app.kubernetes.io/name=llm-proxy", "--tail=40", "--prefix"],
        ["get", "llmp,mk", "-A", "-o", "wide"],
    ):
        done = subprocess.run(["kubectl", *command], capture_output=True, text=True)
        print(f"--- kubectl {' '.join(command)}\n{(done.stdout + done.stderr)[-6000:]}")


def main(arguments):
    names = {scenario.__name__: scenario for scenario in SCENARIOS}
    if "--list" in arguments:
        for name, scenario in names.items():
            print(f"{name:12} {scenario.__doc__}")
        return 0
    keep = "--keep" in arguments
    chosen = [name for name in arguments if name != "--keep"]
    check(set(chosen) <= set(names), f"there are {', '.join(names)}")
    # The cluster may have seen a run that was cut short.
    if not chosen or "install" in chosen:
        clean()
    try:
        for name in chosen or names:
            began = time.monotonic()
            print(f"--- {name}: {names[name].__doc__}", flush=True)
            names[name]()
            print(f"ok   {name} {time.monotonic() - began:.1f} s", flush=True)
    except (Failed, subprocess.TimeoutExpired) as failed:
        print(f"FAILED {name}: {failed}", flush=True)
        explain()
        return 1
    finally:
        if not keep:
            clean()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
