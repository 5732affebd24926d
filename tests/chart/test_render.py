"""What the chart renders, with both helms: golden files, the CRDs, and the copies made from other files."""
import os
import re

from support import CASES, CHART, HELMS, HERE, NAMESPACE, ROOT, Case, run


def template(helm, case):
    """What a case renders, without the CRDs, which have a test of their own, and the dashboard's text."""
    rendered = run(helm, "template", "llm-proxy", CHART, "-n", NAMESPACE, "-f", case, "--set", "crds.install=false")[0]
    rendered = re.sub(r"\n(?: *\n)+", "\n", rendered)
    return re.sub(r"(  llm-proxy.json: )\|-\n(?:    .*\n)+", r'\1"{}"\n', rendered)


class Render(Case):
    def test_lint(self):
        for name, helm in HELMS.items():
            for case in CASES:
                with self.subTest(helm=name, case=case.stem):
                    run(helm, "lint", "--strict", CHART, "-f", case)

    def test_golden(self):
        for name, helm in HELMS.items():
            for case in CASES:
                with self.subTest(helm=name, case=case.stem):
                    golden = HERE / "golden" / case.name
                    rendered = template(helm, case)
                    if os.environ.get("UPDATE") == "1":
                        golden.write_text(rendered)
                    self.assertEqual(golden.read_text(), rendered, "UPDATE=1 tests/chart/run writes the golden files anew")

    def test_no_golden_without_a_case(self):
        cases = {case.name for case in CASES}
        self.assertEqual(cases, {golden.name for golden in (HERE / "golden").glob("*.yaml")})

    def test_crds_are_the_generated_ones_and_are_kept(self):
        keep = "metadata:\n  annotations:\n    helm.sh/resource-policy: keep\n"
        expected = "".join(
            path.read_text().strip().replace("metadata:\n", keep, 1) + "\n"
            for path in sorted((ROOT / "crds/yaml").glob("*.yaml"))
        )
        self.assertEqual(expected.count(keep), 2)
        for name, helm in HELMS.items():
            with self.subTest(helm=name):
                rendered = run(helm, "template", "llm-proxy", CHART, "-s", "templates/crds.yaml")[0]
                rendered = re.sub(r"(?m)^(---|# Source: .*)\n", "", rendered)
                self.assertEqual(expected, re.sub(r"\n\n+", "\n", rendered))

    def test_nothing_made_from_other_files_is_out_of_date(self):
        run(ROOT / "deploy/render", "--check")
