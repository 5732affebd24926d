"""Wrong values are refused by both helms, with a message that names the value and says what is wrong with it."""
from support import CHART, HELMS, Case, Failed, run

# The mistake, the value, and what the message has to say.
REFUSED = [
    ("a typo at the top", "replicas: 3", ["additional properties 'replicas' not allowed"]),
    ("a typo below", "operator: {replica: 3}", ["/operator", "'replica' not allowed"]),
    ("a typo deep down", "proxy: {drain: {deadline: 5m}}", ["/proxy/drain", "'deadline' not allowed"]),
    ("text for a number", "proxy: {replicas: two}", ["/proxy/replicas", "got string, want integer"]),
    ("a negative number", "operator: {replicas: -1}", ["/operator/replicas", "minimum: got -1, want 0"]),
    ("a number for text", "proxy: {image: {tag: 1.10}}", ["/proxy/image/tag", "got number, want string"]),
    ("text for a switch", 'crds: {install: "no"}', ["/crds/install", "got string, want boolean"]),
    ("no pull policy", "operator: {image: {pullPolicy: Sometimes}}", ["/operator/image/pullPolicy", "'IfNotPresent'"]),
    ("a tag in the repository's place", 'proxy: {image: {digest: v1}}', ["/proxy/image/digest", "sha256:"]),
    ("a duration without a unit", 'operator: {leaseDuration: "15"}', ["/operator/leaseDuration", "(h|m|s|ms)"]),
    ("two units", "proxy: {lastGoodAfter: 1m30s}", ["/proxy/lastGoodAfter", "(ms|s|m|h)"]),
    ("no log level", "proxy: {logLevel: verbose}", ["/proxy/logLevel", "'error', 'warn', 'info', 'debug', 'trace'"]),
    ("no type of Service", "proxy: {service: {type: External}}", ["/proxy/service/type", "'LoadBalancer'"]),
    ("a port too high", "proxy: {service: {port: 70000}}", ["/proxy/service/port", "65,535"]),
    ("a namespace by a name it can't have", "watchNamespaces: [Team_A]", ["/watchNamespaces/0", "'Team_A'"]),
    ("a namespace twice", "watchNamespaces: [a, a]", ["/watchNamespaces", "items at 0 and 1 are equal"]),
    ("an account without a namespace", "operator: {moreProxyServiceAccounts: [edge]}", ["/operator/moreProxyServiceAccounts/0", "'edge'"]),
    ("a URL without a scheme", "operator: {publicUrl: llm.example.com}", ["/operator/publicUrl", "https?://"]),
    ("a label that is no text", "commonLabels: {tier: 1}", ["/commonLabels/tier", "got number, want string"]),
    ("a variable that is no text", "proxy: {extraEnv: [{name: A, value: 1}]}", ["/proxy/extraEnv/0/value", "got number, want string"]),
    ("a toleration with a typo", "proxy: {tolerations: [{operater: Exists}]}", ["/proxy/tolerations/0", "'operater' not allowed"]),
    ("a mount that is not absolute", "operator: {extraVolumeMounts: [{name: a, mountPath: tmp}]}", ["/operator/extraVolumeMounts/0/mountPath"]),
    ("a security context with a typo", "proxy: {securityContext: {runAsuser: 1}}", ["/proxy/securityContext", "'runAsuser' not allowed"]),
    ("an address instead of a range", "networkPolicy: {apiServerCIDRs: [10.0.0.1]}", ["/networkPolicy/apiServerCIDRs/0"]),
    ("a metadata server without a scheme", "proxy: {workloadIdentity: {google: {metadataServer: metadata}}}", ["/proxy/workloadIdentity/google/metadataServer", "https?://"]),
    ("an identity with a typo", "proxy: {workloadIdentity: {aws: {enable: true}}}", ["/proxy/workloadIdentity/aws", "'enable' not allowed"]),
    ("a federation that is not enabled", "proxy: {workloadIdentity: {google: {federation: {configMapName: google, audience: a}}}}", ["google.enabled is not"]),
    ("a federation for nobody", "proxy: {workloadIdentity: {google: {enabled: true, federation: {configMapName: google}}}}", ["federation.audience is required"]),
    ("an Ingress for nothing", "proxy: {ingress: {enabled: true}}", ["/proxy/ingress/hosts", "minItems: got 0, want 1"]),
    ("an HTTPRoute without a Gateway", "proxy: {httpRoute: {enabled: true}}", ["/proxy/httpRoute/parentRefs", "minItems: got 0, want 1"]),
    ("the budget as a fraction", "proxy: {podDisruptionBudget: {maxUnavailable: 0.5}}", ["/proxy/podDisruptionBudget/maxUnavailable"]),
    ("both monitors", "monitoring: {serviceMonitor: {enabled: true}, podMonitor: {enabled: true}}", ["scraped twice; choose one"]),
    ("an alert there is none of", "monitoring: {prometheusRule: {disabledAlerts: [LLMProxyUp]}}", ["there is no alert \"LLMProxyUp\"", "LLMProxyDown"]),
    ("fewer at most than at least", "proxy: {autoscaling: {enabled: true, minReplicas: 5, maxReplicas: 3}}", ["minReplicas (5) is more than maxReplicas (3)"]),
    ("nothing to scale by", "proxy: {autoscaling: {enabled: true, targetCPUUtilizationPercentage: null}}", ["nothing to scale by"]),
    ("percent of nothing", "proxy: {autoscaling: {enabled: true}, resources: {requests: {cpu: null}}}", ["proxy.resources.requests.cpu, which is not set"]),
]


class Values(Case):
    def test_wrong_values_are_refused(self):
        self.assertGreaterEqual(len(REFUSED), 20)
        for name, helm in HELMS.items():
            for mistake, values, expected in REFUSED:
                with self.subTest(helm=name, mistake=mistake):
                    with self.assertRaises(Failed) as refused:
                        run(helm, "template", "llm-proxy", CHART, "-f", "-", text=values)
                    for part in expected:
                        self.assertIn(part, str(refused.exception))

    def test_every_default_is_in_the_schema_with_the_right_type(self):
        for helm in HELMS.values():
            run(helm, "template", "llm-proxy", CHART, "-f", CHART / "values.yaml")
