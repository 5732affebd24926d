"""A cluster with pods: kubectl and helm, a client pod, and load."""
import json
import os
import pathlib
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CHART = ROOT / "charts/llm-proxy"
CLIENT_IMAGE = os.environ.get("CLIENT_IMAGE", "localhost/busybox:1")
GATEWAY = "llm-proxy"
CLIENTS = "e2e"
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
SECURITY = {
    "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
}


class Failed(Exception):
    """Something is not as it should be."""


def check(holds, what):
    if not holds:
        raise Failed(what)


def run(*command, text=None, limit=300):
    command = [str(part) for part in command]
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=limit)
    if done.returncode != 0:
        raise Failed(f"{' '.join(command)[:400]}\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
    return done.stdout


def kubectl(*arguments, text=None):
    return run("kubectl", *arguments, text=text)


def helm(*arguments):
    return run(os.environ["HELM"], *arguments, "-n", GATEWAY)


def get(*arguments):
    return json.loads(kubectl("get", *arguments, "-o", "json"))


def apply(*objects):
    kubectl("apply", "--server-side", "-f", "-", text=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))


def until(what, condition, seconds=120):
    """Waits until `condition` gives something, with a deadline; returns what it gave."""
    deadline, last = time.monotonic() + seconds, None
    while time.monotonic() < deadline:
        try:
            if found := condition():
                return found
        except Failed as failed:
            last = failed
        time.sleep(0.2)
    raise Failed(f"{what} did not come about in {seconds} s: {last}")


def pods(name):
    """The pods of a program that are not ending, by name."""
    found = get("pods", "-n", GATEWAY, "-l", f"app.kubernetes.io/name={name}")["items"]
    return {pod["metadata"]["name"]: pod for pod in found if "deletionTimestamp" not in pod["metadata"]}


def is_ready(pod):
    return any(at["type"] == "Ready" and at["status"] == "True" for at in pod["status"].get("conditions", []))


def until_ready(name, count):
    """Waits until there are exactly so many pods of a program and all are Ready; returns them."""
    def all_ready():
        found = pods(name)
        return found if len(found) == count and all(map(is_ready, found.values())) else None

    return until(f"{count} Ready pods of {name}", all_ready)


def namespace(name, labels=None):
    apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels or RESTRICTED}})


def provider(name, **spec):
    return {
        "apiVersion": "llmproxy.dev/v1alpha1", "kind": "LLMProvider", "metadata": {"name": name, "namespace": CLIENTS},
        "spec": {"type": "Mock", **spec},
    }


def master_key(name):
    return {
        "apiVersion": "llmproxy.dev/v1alpha1", "kind": "MasterKey", "metadata": {"name": name, "namespace": CLIENTS},
        "spec": {"generate": {"secretName": f"{name}-llm"}},
    }


def until_programmed(*names):
    kubectl("wait", "--for=condition=Programmed", *names, "-n", CLIENTS, "--timeout=60s")


def client_pod(name, secret):
    """A pod with what the generated Secret says in its environment."""
    return {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": CLIENTS},
        "spec": {
            "automountServiceAccountToken": False, "terminationGracePeriodSeconds": 0,
            "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{
                "name": "client", "image": CLIENT_IMAGE, "imagePullPolicy": "IfNotPresent", "securityContext": SECURITY,
                "command": ["sleep", "86400"], "envFrom": [{"secretRef": {"name": secret}}],
                "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
            }],
            "volumes": [{"name": "scratch", "emptyDir": {}}],
        },
    }


def shell(script, pod="client"):
    """Runs a script in the client pod."""
    return kubectl("exec", "-n", CLIENTS, pod, "--", "sh", "-c", script)


def chat(model, stream=False, base="$OPENAI_BASE_URL"):
    """The command that asks for a chat completion."""
    body = json.dumps({"model": model, "stream": stream, "messages": [{"role": "user", "content": "hello there"}]})
    # Without a timeout: BusyBox of Debian 12 crashes on wget's -T, and its `timeout` leaves processes behind.
    return (
        f"wget -q -O - --header 'Content-Type: application/json' --header \"Authorization: Bearer $OPENAI_API_KEY\""
        f" --post-data '{body}' \"{base}/chat/completions\""
    )


class Load:
    """Workers in the client pod that ask again and again: for streams that last, and for short answers."""

    def __init__(self, streams=8, plain=4, slow="slow", quick="quick"):
        worker = (
            "worker() { while [ ! -e /scratch/stop ]; do "
            "if eval \"$3\" >/scratch/out.$1 2>/scratch/err.$1 && grep -q \"$2\" /scratch/out.$1; then echo ok; "
            "else echo \"failed: $(head -c 300 /scratch/err.$1) $(tail -c 200 /scratch/out.$1 | tr '\\n' ' ')\"; fi; "
            "done >/scratch/log.$1; }; "
        )
        script = "rm -f /scratch/*; " + worker
        kinds = [("s", streams, "DONE", chat(slow, stream=True)), ("p", plain, "finish_reason", chat(quick))]
        for letter, count, mark, command in kinds:
            quoted = "'" + command.replace("'", "'\\''") + "'"
            script += "".join(f"worker {letter}{at} {mark} {quoted} & " for at in range(count))
        self.process = subprocess.Popen(["kubectl", "exec", "-n", CLIENTS, "client", "--", "sh", "-c", script + "wait"])

    def count(self):
        return int(shell("cat /scratch/log.* 2>/dev/null | grep -c '^ok' || true").strip() or 0)

    def until_more(self, more):
        """Waits until so many more requests have ended well."""
        now = self.count()
        until(f"{more} more answers", lambda: self.count() >= now + more)

    def end(self):
        """How many ended well, and what became of the others."""
        shell("touch /scratch/stop")
        self.process.wait(timeout=120)
        lines = shell("cat /scratch/log.*").splitlines()
        return lines.count("ok"), [line for line in lines if line != "ok"]
