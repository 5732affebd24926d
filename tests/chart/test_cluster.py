"""The chart against a real API server: what it renders is accepted, who may do what, and the life of a release."""
import json
import pathlib
import shutil
import tarfile
import tempfile

from support import CASES, CHART, HELMS, HERE, PREVIOUS, ROOT, Case, Cluster, Failed

EXAMPLE = """
apiVersion: llmproxy.dev/v1alpha1
kind: LLMProvider
metadata: {name: mock, namespace: default}
spec: {type: Mock, models: [{name: mock}]}
---
apiVersion: llmproxy.dev/v1alpha1
kind: MasterKey
metadata: {name: first, namespace: default}
spec: {generate: {secretName: first-llm}}
"""
KINDS = ("llmproviders.llmproxy.dev", "masterkeys.llmproxy.dev")


class Accepted(Case):
    """What the chart renders, in a server-side dry run."""

    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster.get()
        cls.cluster.namespace("llm-proxy")

    def dry_run(self, text):
        return self.cluster.warnings("apply", "--server-side", "--dry-run=server", "-f", "-", text=text)

    def test_every_case_without_a_warning(self):
        for case in CASES:
            with self.subTest(case=case.stem):
                self.assertEqual("", self.dry_run((HERE / "golden" / case.name).read_text()))

    def test_the_pods_themselves_are_restricted(self):
        # Controllers are only warned of; the pods they would make are refused or not.
        for case in CASES:
            rendered = self.cluster.kubectl(
                "apply", "--server-side", "--dry-run=server", "-o", "json", "-f", HERE / "golden" / case.name
            )
            made = [item for item in json.loads(rendered)["items"] if item["kind"] == "Deployment"]
            self.assertEqual(["llm-operator", "llm-proxy"], [item["metadata"]["name"] for item in made])
            for deployment in made:
                pod = {
                    "apiVersion": "v1", "kind": "Pod",
                    "metadata": {"name": "pod", "namespace": "llm-proxy"},
                    "spec": {**deployment["spec"]["template"]["spec"], "serviceAccountName": "default", "priorityClassName": ""},
                }
                with self.subTest(case=case.stem, deployment=deployment["metadata"]["name"]):
                    self.assertEqual("", self.dry_run(json.dumps(pod)))
                    pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
                    with self.assertRaisesRegex(Failed, "violates PodSecurity"):
                        self.dry_run(json.dumps(pod))

    def test_plain_manifests(self):
        self.cluster.kubectl("apply", "--server-side", "-f", ROOT / "deploy/manifests/1-crds.yaml")
        for manifest in sorted((ROOT / "deploy/manifests").glob("*.yaml")):
            with self.subTest(manifest=manifest.name):
                warnings = self.cluster.warnings(
                    "apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", manifest
                )
                self.assertEqual("", warnings)
        for kind in KINDS:
            self.cluster.kubectl("delete", "crd", kind)


class Permissions(Case):
    """Who may do what, as the API server sees it."""

    def setUp(self):
        self.cluster = Cluster.get()

    def install(self, namespace, *more):
        self.cluster.namespace(namespace)
        self.cluster.helm("Helm 4", "install", "llm-proxy", CHART, "-n", namespace, "--set", "crds.install=false", *more)
        self.addCleanup(self.cluster.helm, "Helm 4", "uninstall", "llm-proxy", "-n", namespace)

    def may(self, account, verb, what, namespace="default"):
        """`what` is RESOURCE[.GROUP][/NAME], with a subresource as RESOURCE:SUBRESOURCE."""
        resource, _, name = what.partition("/")
        resource, _, group = resource.partition(".")
        resource, _, subresource = resource.partition(":")
        review = {
            "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
            "spec": {
                "user": f"system:serviceaccount:{account}",
                "resourceAttributes": {
                    "verb": verb, "group": group, "resource": resource, "subresource": subresource, "name": name,
                    "namespace": namespace,
                },
            },
        }
        answer = self.cluster.kubectl("create", "-o", "json", "-f", "-", text=json.dumps(review))
        return json.loads(answer)["status"]["allowed"]

    def test_the_proxy_may_do_nothing(self):
        self.install("may-all")
        review = {
            "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": {"namespace": "may-all"},
        }

        def rules(account):
            answer = self.cluster.kubectl(
                "create", "--validate=false", "--as", f"system:serviceaccount:{account}", "--as-group", "system:serviceaccounts",
                "--as-group", "system:authenticated", "-o", "json", "-f", "-", text=json.dumps(review),
            )
            return json.loads(answer)["status"]["resourceRules"]

        # What every account in the cluster may do.
        self.assertEqual(rules("may-all:default"), rules("may-all:llm-proxy"))
        self.assertNotEqual(rules("may-all:default"), rules("may-all:llm-operator"))

    def test_the_operator_everywhere(self):
        self.install("may-all")
        operator = "may-all:llm-operator"
        for verb, what in [
            ("watch", "llmproviders.llmproxy.dev"), ("patch", "masterkeys:status.llmproxy.dev"), ("list", "secrets"),
            ("create", "secrets"), ("create", "events.events.k8s.io"), ("create", "tokenreviews.authentication.k8s.io"),
        ]:
            self.assertTrue(self.may(operator, verb, what), f"{verb} {what}")
        for verb, what in [
            ("update", "llmproviders.llmproxy.dev"), ("delete", "masterkeys.llmproxy.dev"), ("delete", "secrets"),
            ("create", "pods"), ("list", "pods"), ("update", "configmaps"), ("create", "clusterroles.rbac.authorization.k8s.io"),
        ]:
            self.assertFalse(self.may(operator, verb, what), f"{verb} {what}")
        self.assertTrue(self.may(operator, "update", "leases.coordination.k8s.io/llm-operator", "may-all"))
        self.assertFalse(self.may(operator, "update", "leases.coordination.k8s.io/other", "may-all"))

    def test_the_operator_in_some_namespaces(self):
        for namespace in ("tenant-a", "tenant-b"):
            self.cluster.namespace(namespace)
        self.install("may-some", "--set", "watchNamespaces={tenant-a}")
        operator = "may-some:llm-operator"
        for verb, what in [("list", "secrets"), ("watch", "llmproviders.llmproxy.dev"), ("patch", "llmproviders:status.llmproxy.dev")]:
            self.assertTrue(self.may(operator, verb, what, "tenant-a"), f"{verb} {what}")
            self.assertFalse(self.may(operator, verb, what, "tenant-b"), f"{verb} {what}")
        self.assertTrue(self.may(operator, "watch", "namespaces/tenant-a"))
        self.assertFalse(self.may(operator, "watch", "namespaces/tenant-b"))
        self.assertFalse(self.may(operator, "list", "namespaces"))
        self.assertTrue(self.may(operator, "create", "tokenreviews.authentication.k8s.io"))
        # What it keeps for itself, and no other Secret beside it.
        self.assertTrue(self.may(operator, "get", "secrets/llm-operator-ca", "may-some"))
        self.assertFalse(self.may(operator, "get", "secrets/other", "may-some"))


class Life(Case):
    """Install, upgrade, rollback and uninstall, with objects in place."""

    def setUp(self):
        self.cluster = Cluster.get()

    def tearDown(self):
        for kind in KINDS:
            self.cluster.kubectl("delete", "crd", kind, "--ignore-not-found")

    def older(self):
        """The previous chart, with a CRD that lacks a column the present one has."""
        folder = tempfile.mkdtemp(prefix="llm-proxy-chart-")
        self.addCleanup(shutil.rmtree, folder)
        with tarfile.open(PREVIOUS) as archive:
            archive.extractall(folder, filter="data")
        chart = pathlib.Path(folder) / "llm-proxy"
        crd = chart / "files/crds/llmproviders.yaml"
        column = "    - jsonPath: .spec.weight\n      name: Weight\n      priority: 1\n      type: integer\n"
        self.assertIn(column, crd.read_text())
        crd.write_text(crd.read_text().replace(column, ""))
        return chart

    def columns(self):
        crd = self.cluster.get_json("crd", KINDS[0])
        return [column["name"] for column in crd["spec"]["versions"][0]["additionalPrinterColumns"]]

    def objects(self):
        """The users' objects: what must survive."""
        found = {}
        for kind in KINDS:
            for item in self.cluster.get_json(kind, "--all-namespaces")["items"]:
                found[kind, item["metadata"]["name"]] = (item["metadata"]["uid"], item["spec"])
        return found

    def chart_label(self):
        return self.cluster.get_json("deployment", "llm-proxy", "-n", "life")["metadata"]["labels"]["helm.sh/chart"]

    def version(self):
        text = (CHART / "Chart.yaml").read_text()
        return next(line.split()[1] for line in text.splitlines() if line.startswith("version:"))

    def test_a_release_lives_and_its_objects_outlive_it(self):
        self.cluster.namespace("life")
        for helm in HELMS:
            with self.subTest(helm=helm):
                self.live(lambda *arguments, helm=helm: self.cluster.helm(helm, *arguments, "-n", "life"))

    def live(self, helm):
        helm("install", "llm-proxy", self.older(), "--set", "proxy.replicas=3")
        self.cluster.kubectl("wait", "--for=condition=Established", *(f"crd/{kind}" for kind in KINDS), "--timeout=30s")
        self.cluster.kubectl("apply", "-f", "-", text=EXAMPLE)
        before = self.objects()
        self.assertEqual(2, len(before))
        self.assertNotIn("Weight", self.columns())
        self.assertEqual("llm-proxy-0.1.0", self.chart_label())

        # Values that were set stay set: the previous chart's are values of this one.
        helm("upgrade", "llm-proxy", CHART, "--reset-then-reuse-values")
        self.assertEqual(f"llm-proxy-{self.version()}", self.chart_label())
        self.assertEqual(3, self.cluster.get_json("deployment", "llm-proxy", "-n", "life")["spec"]["replicas"])
        self.assertIn("Weight", self.columns(), "the upgrade brings the CRDs up to date")
        self.assertEqual(before, self.objects())
        self.assertEqual("first-llm", before[KINDS[1], "first"][1]["generate"]["secretName"])

        # Nothing changes when nothing changed.
        generation = self.cluster.get_json("deployment", "llm-proxy", "-n", "life")["metadata"]["generation"]
        helm("upgrade", "llm-proxy", CHART, "--reset-then-reuse-values")
        self.assertEqual(generation, self.cluster.get_json("deployment", "llm-proxy", "-n", "life")["metadata"]["generation"])

        helm("rollback", "llm-proxy", "1")
        self.assertEqual("llm-proxy-0.1.0", self.chart_label())
        self.assertEqual(before, self.objects())

        helm("uninstall", "llm-proxy")
        self.assertEqual(before, self.objects(), "uninstalling keeps the CRDs and every object")
        left = self.cluster.kubectl(
            "get", "deployments,services,serviceaccounts,roles,rolebindings,clusterroles,clusterrolebindings,pdb,netpol,hpa",
            "--all-namespaces", "-l", "app.kubernetes.io/part-of=llm-proxy", "-o", "name",
        )
        self.assertEqual("", left)

        # The same release again takes over the CRDs that were kept.
        helm("install", "llm-proxy", CHART)
        self.assertEqual(before, self.objects())
        self.assertIn("Weight", self.columns())
        helm("upgrade", "llm-proxy", CHART, "--set", "crds.install=false")
        self.assertEqual(before, self.objects(), "handing the CRDs to somebody else keeps them too")
        helm("uninstall", "llm-proxy")
        self.assertEqual(before, self.objects())
        for kind in KINDS:
            self.cluster.kubectl("delete", "crd", kind)

    def test_two_installations_side_by_side(self):
        for namespace in ("side-a", "side-b"):
            self.cluster.namespace(namespace)
        for namespace, crds in (("side-a", "true"), ("side-b", "false")):
            self.cluster.helm(
                "Helm 4", "install", "llm-proxy", CHART, "-n", namespace,
                "--set", f"crds.install={crds},watchNamespaces={{{namespace}}}",
            )
        for namespace in ("side-a", "side-b"):
            self.cluster.helm("Helm 4", "uninstall", "llm-proxy", "-n", namespace)

    def test_notes_name_the_next_command(self):
        for helm in HELMS:
            with self.subTest(helm=helm):
                notes = self.cluster.helm(
                    helm, "install", "llm-proxy", CHART, "-n", "gateway", "--dry-run=client", "--set", "watchNamespaces={team-a}"
                ).split("NOTES:")[1]
                for expected in (
                    "kubectl -n gateway rollout status deployment/llm-proxy",
                    "kubectl apply -n team-a -f -",
                    "http://llm-proxy.gateway.svc:18000/v1",
                    "helm test llm-proxy -n gateway",
                    "Only objects in these namespaces are used: team-a",
                ):
                    self.assertIn(expected, notes)
