//! Bad manifests: the spec, and what the refusal must say.

/// Kind and spec of manifests without a fault, with every field the tables below bend.
pub(super) const GOOD: &[(&str, &str)] = &[
    ("LLMProvider", "{type: Mock, models: [{name: m}]}"),
    ("LLMProvider", "{type: Mock, models: [{name: m}], mock: {latency: 50ms, tokensPerSecond: 20, reply: hi, errorPercent: 10, fault: Hang}}"),
    ("LLMProvider", "{type: OpenAI, models: [{name: 'gpt-*'}], credentials: [{secretRef: {name: s, key: k}}]}"),
    ("LLMProvider", "{type: OpenAI, models: [{name: m}], credentials: [{secretRef: {name: s, key: k}}], tls: {serverName: a.b}}"),
    (
        "LLMProvider",
        "{type: OpenAICompatible, endpoint: {url: 'https://[::1]:8443/v1'}, weight: 0, priority: 100, suspend: true,
          protocols: [ChatCompletions, Embeddings], models: [{name: a/b, upstream: x, aliases: [b, c], priority: 3}],
          timeouts: {connect: 250ms, firstByte: 1m, streamIdle: 30s, total: 1h30m},
          headers: {set: [{name: X-A, value: b}], forward: [x-request-id], remove: [user-agent]},
          tls: {caBundle: {configMapRef: {name: ca, key: ca.crt}}},
          allowedKeys: {from: Selector, selector: {matchLabels: {a: b}, matchExpressions: [{key: k, operator: Exists}]}}}",
    ),
    ("LLMProvider", "{type: Anthropic, models: [{name: 'claude-*'}], credentials: [{secretRef: {name: s, key: k}}], promptCaching: {mode: Auto, minTokens: 1}}"),
    ("LLMProvider", "{type: Gemini, models: [{name: m}], credentials: [{secretRef: {name: s, key: k}}], tls: {serverName: a.b}, protocols: [GenerateContent]}"),
    (
        "LLMProvider",
        "{type: AzureOpenAI, endpoint: {url: 'https://a.b'}, azure: {apiVersion: 2025-04-01-preview}, streamUsage: false,
          models: [{name: m, capabilities: {maxOutput: 1, thinking: [Budget], budget: {min: 1, max: 1}, efforts: [low]}}],
          credentials: [{secretRef: {name: s, key: k}}]}",
    ),
    ("LLMProvider", "{type: Bedrock, bedrock: {region: us-east-1}, models: [{name: m}], credentials: [{secretRef: {name: s, key: accessKeyId}}]}"),
    (
        "LLMProvider",
        "{type: Bedrock, bedrock: {region: us-east-1, guardrail: {id: 'arn:aws-us-gov:bedrock:us-gov-west-1:123456789012:guardrail/a', version: '1', trace: EnabledFull}},
          models: [{name: m}]}",
    ),
    ("LLMProvider", "{type: VertexAI, vertex: {project: 'a.b:c', region: global}, models: [{name: m}], tls: {serverName: a.b}}"),
    ("MasterKey", "{generate: {secretName: s}}"),
    (
        "MasterKey",
        "{secretRef: {name: s, key: k}, disabled: true, expiresAt: '2030-01-01T00:00:00Z', allowedModels: ['gpt-*'],
          deniedModels: ['*-preview']}",
    ),
];

/// Specs of LLMProviders.
pub(super) const PROVIDERS: &[(&str, &str)] = &[
    // Shape
    ("{models: [{name: m}]}", "spec.type: Required"),
    ("{type: Mock}", "spec.models: Required"),
    ("{type: Mock, models: []}", "spec.models: Invalid"),
    ("{type: Mock, models: m}", ".spec.models: expected list"),
    ("{type: Mock, models: [{}]}", "name"),
    ("{type: Skynet, models: [{name: m}]}", "spec.type: Unsupported value"),
    ("{type: Mock, models: [{name: m}], colour: red}", ".spec.colour: field not declared"),
    ("{type: Mock, models: [{name: m, colour: red}]}", "colour: field not declared"),
    ("{type: Mock, models: [{name: m}], mock: {latencyy: 5s}}", ".spec.mock.latencyy: field not declared"),
    ("{type: Mock, models: [{name: m}], suspend: maybe}", "spec.suspend"),
    // Models
    ("{type: Mock, models: [{name: ''}]}", "spec.models[0].name: Invalid"),
    ("{type: Mock, models: [{name: 'a b'}]}", "spec.models[0].name: Invalid"),
    ("{type: Mock, models: [{name: 'a*b'}]}", "spec.models[0].name: Invalid"),
    ("{type: Mock, models: [{name: m, upstream: 'a b'}]}", "spec.models[0].upstream: Invalid"),
    ("{type: Mock, models: [{name: m, upstream: 'u*'}]}", "upstream may end in *"),
    ("{type: Mock, models: [{name: 'm*', aliases: [a]}]}", "aliases do not go with"),
    ("{type: Mock, models: [{name: m, aliases: ['a*']}]}", "spec.models[0].aliases[0]: Invalid"),
    ("{type: Mock, models: [{name: m, priority: 101}]}", "spec.models[0].priority: Invalid"),
    // Numbers
    ("{type: Mock, models: [{name: m}], weight: -1}", "spec.weight: Invalid"),
    ("{type: Mock, models: [{name: m}], weight: 10001}", "spec.weight: Invalid"),
    ("{type: Mock, models: [{name: m}], weight: heavy}", "spec.weight"),
    ("{type: Mock, models: [{name: m}], priority: -1}", "spec.priority: Invalid"),
    ("{type: Mock, models: [{name: m}], priority: 101}", "spec.priority: Invalid"),
    // Endpoint
    ("{type: OpenAICompatible, models: [{name: m}]}", "endpoint.url is required"),
    ("{type: OpenAICompatible, models: [{name: m}], endpoint: {}}", "spec.endpoint.url: Required"),
    (
        "{type: OpenAICompatible, models: [{name: m}], endpoint: {url: ftp://a/b}}",
        "spec.endpoint.url: Invalid",
    ),
    (
        "{type: OpenAICompatible, models: [{name: m}], endpoint: {url: 'http://u:p@a/v1'}}",
        "spec.endpoint.url: Invalid",
    ),
    (
        "{type: OpenAICompatible, models: [{name: m}], endpoint: {url: 'http://a/v1?x=y'}}",
        "spec.endpoint.url: Invalid",
    ),
    (
        "{type: OpenAICompatible, models: [{name: m}], endpoint: {url: a.example/v1}}",
        "spec.endpoint.url: Invalid",
    ),
    ("{type: Mock, models: [{name: m}], endpoint: {url: http://a/v1}}", "endpoint does not apply"),
    // Type Mock and its field
    (
        "{type: OpenAI, models: [{name: m}], credentials: [{secretRef: {name: s, key: k}}], mock: {}}",
        "mock applies to type Mock",
    ),
    ("{type: Mock, models: [{name: m}], mock: {errorPercent: 101}}", "spec.mock.errorPercent: Invalid"),
    ("{type: Mock, models: [{name: m}], mock: {latency: fast}}", "spec.mock.latency: Invalid"),
    ("{type: Mock, models: [{name: m}], mock: {fault: Explode}}", "spec.mock.fault: Unsupported value"),
    (
        "{type: Mock, models: [{name: m}], mock: {tokensPerSecond: 100001}}",
        "spec.mock.tokensPerSecond: Invalid",
    ),
    ("{type: Mock, models: [{name: m}], protocols: [Responses]}", "protocols of type Mock"),
    ("{type: Mock, models: [{name: m}], protocols: [Telepathy]}", "spec.protocols[0]: Unsupported value"),
    ("{type: Mock, models: [{name: m}], protocols: []}", "spec.protocols: Invalid"),
    (
        "{type: Mock, models: [{name: m}], credentials: [{secretRef: {name: s, key: k}}]}",
        "credentials do not apply",
    ),
    // Hosted types
    ("{type: Anthropic, models: [{name: m}]}", "credentials needs at least one"),
    ("{type: Gemini, models: [{name: m}]}", "credentials needs at least one"),
    (
        "{type: AzureOpenAI, models: [{name: m}], azure: {apiVersion: v}, credentials: [{secretRef: {name: s, key: k}}]}",
        "endpoint.url is required",
    ),
    (
        "{type: AzureOpenAI, models: [{name: m}], endpoint: {url: 'https://a.b'}, credentials: [{secretRef: {name: s, key: k}}]}",
        "azure goes with type AzureOpenAI",
    ),
    ("{type: Mock, models: [{name: m}], azure: {apiVersion: v}}", "azure goes with type AzureOpenAI"),
    (
        "{type: Bedrock, models: [{name: m}], credentials: [{secretRef: {name: s, key: k}}]}",
        "bedrock goes with type Bedrock",
    ),
    (
        "{type: Bedrock, models: [{name: m}], bedrock: {region: us-east-1, guardrail: {id: a, version: '0'}}}",
        "spec.bedrock.guardrail.version: Invalid",
    ),
    (
        "{type: Bedrock, models: [{name: m}], bedrock: {region: us-east-1, guardrail: {id: 'a b', version: '1'}}}",
        "spec.bedrock.guardrail.id: Invalid",
    ),
    (
        "{type: Bedrock, models: [{name: m}], bedrock: {region: us-east-1}, endpoint: {url: 'https://a.b'}}",
        "may be left out only without endpoint",
    ),
    (
        "{type: Bedrock, models: [{name: m}], bedrock: {region: US}, credentials: [{secretRef: {name: s, key: k}}]}",
        "spec.bedrock.region: Invalid",
    ),
    (
        "{type: Bedrock, models: [{name: m}], bedrock: {region: r}, credentials: [{secretRef: {name: s, key: k}}], protocols: [Messages]}",
        "protocols do not apply to types Bedrock and VertexAI",
    ),
    ("{type: VertexAI, models: [{name: m}]}", "vertex goes with type VertexAI"),
    ("{type: VertexAI, models: [{name: m}], vertex: {project: p}}", "spec.vertex.region: Required"),
    (
        "{type: VertexAI, models: [{name: m}], vertex: {project: p, region: r}, endpoint: {url: 'https://a.b'}}",
        "may be left out only without endpoint",
    ),
    (
        "{type: Mock, models: [{name: m}], promptCaching: {mode: Always}}",
        "spec.promptCaching.mode: Unsupported value",
    ),
    (
        "{type: Mock, models: [{name: m}], promptCaching: {minTokens: 0}}",
        "spec.promptCaching.minTokens: Invalid",
    ),
    (
        "{type: Mock, models: [{name: m, capabilities: {sampling: Often}}]}",
        "spec.models[0].capabilities.sampling: Unsupported value",
    ),
    (
        "{type: Mock, models: [{name: m, capabilities: {budget: {min: 2, max: 1}}}]}",
        "capabilities.budget.min must not be more",
    ),
    (
        "{type: Mock, models: [{name: m, capabilities: {colour: red}}]}",
        "capabilities.colour: field not declared",
    ),
    // Credentials
    ("{type: OpenAI, models: [{name: m}]}", "credentials needs at least one"),
    (
        "{type: OpenAI, models: [{name: m}], credentials: [{secretRef: {name: s}}]}",
        "spec.credentials[0].secretRef.key: Required",
    ),
    (
        "{type: OpenAI, models: [{name: m}], credentials: [{secretRef: {name: s, key: 'a/b'}}]}",
        "spec.credentials[0].secretRef.key: Invalid",
    ),
    (
        "{type: OpenAI, models: [{name: m}], credentials: [{secretRef: {name: s, key: k}, weight: 0}]}",
        "weight above 0",
    ),
    (
        "{type: OpenAI, models: [{name: m}], credentials: [{secretRef: {name: s, key: k}, weight: 1001}]}",
        "spec.credentials[0].weight: Invalid",
    ),
    // Timeouts
    ("{type: Mock, models: [{name: m}], timeouts: {connect: 0s}}", "timeouts must be more than 0"),
    ("{type: Mock, models: [{name: m}], timeouts: {total: 5}}", "spec.timeouts.total"),
    ("{type: Mock, models: [{name: m}], timeouts: {total: 5sec}}", "spec.timeouts.total: Invalid"),
    (
        "{type: Mock, models: [{name: m}], timeouts: {firstByte: 11m}}",
        "timeouts.firstByte must not be longer",
    ),
    ("{type: Mock, models: [{name: m}], timeouts: {connect: 11m}}", "timeouts.connect must not be longer"),
    // Headers
    (
        "{type: Mock, models: [{name: m}], headers: {set: [{name: 'a b', value: c}]}}",
        "spec.headers.set[0].name: Invalid",
    ),
    (
        "{type: Mock, models: [{name: m}], headers: {set: [{name: a, value: 'é'}]}}",
        "spec.headers.set[0].value: Invalid",
    ),
    (
        "{type: Mock, models: [{name: m}], headers: {set: [{name: Host, value: a}]}}",
        "headers.set cannot name a header of the connection",
    ),
    (
        "{type: Mock, models: [{name: m}], headers: {set: [{name: Authorization, value: a}]}}",
        "headers.set cannot name authorization",
    ),
    ("{type: Mock, models: [{name: m}], headers: {forward: ['a:b']}}", "spec.headers.forward[0]: Invalid"),
    ("{type: Mock, models: [{name: m}], headers: {remove: ['']}}", "spec.headers.remove[0]: Invalid"),
    // TLS
    (
        "{type: OpenAICompatible, models: [{name: m}], endpoint: {url: http://a/v1}, tls: {insecureSkipVerify: true}}",
        "tls applies to https",
    ),
    (
        "{type: OpenAICompatible, models: [{name: m}], endpoint: {url: https://a/v1},
          tls: {insecureSkipVerify: true, caBundle: {configMapRef: {name: c, key: k}}}}",
        "tls.caBundle and tls.insecureSkipVerify exclude",
    ),
    (
        "{type: OpenAICompatible, models: [{name: m}], endpoint: {url: https://a/v1}, tls: {serverName: 'A_B'}}",
        "spec.tls.serverName: Invalid",
    ),
    (
        "{type: OpenAICompatible, models: [{name: m}], endpoint: {url: https://a/v1}, tls: {caBundle: {}}}",
        "spec.tls.caBundle.configMapRef: Required",
    ),
    // Allowed keys
    (
        "{type: Mock, models: [{name: m}], allowedKeys: {from: Everyone}}",
        "spec.allowedKeys.from: Unsupported value",
    ),
    ("{type: Mock, models: [{name: m}], allowedKeys: {from: Selector}}", "allowedKeys.selector goes with"),
    (
        "{type: Mock, models: [{name: m}], allowedKeys: {from: All, selector: {}}}",
        "allowedKeys.selector goes with",
    ),
    (
        "{type: Mock, models: [{name: m}], allowedKeys: {from: Selector, selector: {matchExpressions: [{key: k, operator: In}]}}}",
        "values goes with operator In or NotIn",
    ),
    (
        "{type: Mock, models: [{name: m}], allowedKeys: {from: Selector, selector: {matchExpressions: [{key: k, operator: Like}]}}}",
        "operator: Unsupported value",
    ),
];

/// Specs of MasterKeys.
pub(super) const KEYS: &[(&str, &str)] = &[
    ("{}", "exactly one of secretRef and generate"),
    ("{generate: {secretName: s}, secretRef: {name: s, key: k}}", "exactly one of secretRef and generate"),
    ("{generate: {}}", "spec.generate.secretName: Required"),
    ("{generate: {secretName: 'Not A Name'}}", "spec.generate.secretName: Invalid"),
    ("{secretRef: {name: s}}", "spec.secretRef.key: Required"),
    ("{secretRef: {key: k}}", "spec.secretRef.name: Required"),
    ("{secretRef: {name: s, key: 'k k'}}", "spec.secretRef.key: Invalid"),
    ("{generate: {secretName: s}, expiresAt: tomorrow}", "spec.expiresAt: Invalid"),
    ("{generate: {secretName: s}, disabled: 'yes, please'}", "spec.disabled"),
    ("{generate: {secretName: s}, allowedModels: []}", "spec.allowedModels: Invalid"),
    ("{generate: {secretName: s}, allowedModels: ['a b']}", "spec.allowedModels[0]: Invalid"),
    ("{generate: {secretName: s}, deniedModels: ['']}", "spec.deniedModels[0]: Invalid"),
    ("{generate: {secretName: s}, deniedModels: [a, a]}", "deniedModels"),
    ("{generate: {secretName: s}, key: sk-plain}", ".spec.key: field not declared"),
];
