"""What the chart's tests share: both helms, kubectl, and a real API server without nodes."""
import atexit
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CHART = ROOT / "charts/llm-proxy"
PREVIOUS = HERE / "previous/llm-proxy-0.1.0.tgz"
CASES = sorted((HERE / "cases").glob("*.yaml"))
TOOLS = pathlib.Path(os.environ["CHART_TOOLS"])
HELMS = {"Helm 4": TOOLS / "helm4", "Helm 3": TOOLS / "helm3"}
NAMESPACE = "llm-proxy"


class Failed(AssertionError):
    """A command that ended with another code than 0."""


def run(*command, text=None, env=None):
    """Runs a command; returns what it printed on stdout and on stderr."""
    command = [str(part) for part in command]
    done = subprocess.run(
        command, input=text, capture_output=True, text=True, timeout=300, env={**os.environ, **(env or {})}
    )
    if done.returncode != 0:
        raise Failed(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout, done.stderr


class Cluster:
    """An API server, started when first asked for and ended with the tests."""

    _one = None

    @classmethod
    def get(cls):
        if cls._one is None:
            cls._one = cls()
        return cls._one

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="llm-proxy-chart-")
        atexit.register(self.folder.cleanup)
        self.process = subprocess.Popen(
            ["control-plane", "up", "--until-stdin-closes", "--dir", self.folder.name],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        atexit.register(self.end)
        kubeconfig = self.process.stdout.readline().strip()
        if not kubeconfig:
            raise Failed("the control plane did not start")
        # A home of its own: helm and kubectl keep caches there.
        self.env = {"KUBECONFIG": kubeconfig, "HOME": self.folder.name}
        for crd in sorted((TOOLS / "crds").glob("*.yaml")):
            self.kubectl("apply", "--server-side", "-f", crd)
        self.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")

    def end(self):
        self.process.stdin.close()
        self.process.wait(timeout=60)

    def kubectl(self, *arguments, text=None):
        return run("kubectl", *arguments, text=text, env=self.env)[0]

    def warnings(self, *arguments, text=None):
        """What the API server warns of."""
        return run("kubectl", *arguments, text=text, env=self.env)[1]

    def helm(self, which, *arguments):
        return run(HELMS[which], *arguments, env=self.env)[0]

    def get_json(self, *arguments):
        return json.loads(self.kubectl("get", *arguments, "-o", "json"))

    def exists(self, *arguments):
        return bool(self.kubectl("get", "--ignore-not-found", "-o", "name", *arguments).strip())

    def namespace(self, name):
        """A namespace that admits only what the restricted Pod Security Standard does, and warns of it too."""
        manifest = {
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": name, "labels": {
                f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")
            }},
        }
        self.kubectl("apply", "--server-side", "-f", "-", text=json.dumps(manifest))


class Case(unittest.TestCase):
    """A test case that shows long differences whole."""

    maxDiff = None
