{{/* What both programs' pods have in common. Takes {root, name, values}; the rest of the spec follows. */}}
{{- define "llm-proxy.podMetadata" -}}
labels:
  {{- include "llm-proxy.podLabels" (dict "root" .root "name" .name "more" .values.podLabels) | nindent 2 }}
annotations:
  kubectl.kubernetes.io/default-container: {{ .name }}
  {{- with merge (dict) .values.podAnnotations .root.Values.commonAnnotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{- define "llm-proxy.podSpec" -}}
serviceAccountName: {{ .name }}
enableServiceLinks: false
securityContext:
  {{- $restricted := dict "runAsNonRoot" true "seccompProfile" (dict "type" "RuntimeDefault") }}
  {{- toYaml (merge (dict) .values.podSecurityContext $restricted) | nindent 2 }}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* The start of a container: image, security, resources, what was added. */}}
{{- define "llm-proxy.container" -}}
name: {{ .name }}
image: {{ include "llm-proxy.image" (dict "root" .root "image" .values.image) }}
imagePullPolicy: {{ .values.image.pullPolicy }}
securityContext:
  {{- $restricted := dict "allowPrivilegeEscalation" false "readOnlyRootFilesystem" true "capabilities" (dict "drop" (list "ALL")) }}
  {{- toYaml (merge (dict) .values.securityContext $restricted) | nindent 2 }}
{{- with .values.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.extraEnvFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Who a program is, from the pod it runs in. */}}
{{- define "llm-proxy.identityEnv" -}}
- name: POD_NAME
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
- name: POD_NAMESPACE
  valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
- name: LOG_LEVEL
  value: {{ .logLevel | quote }}
- name: LOG_FORMAT
  value: {{ .logFormat }}
{{- end }}

{{/* The environment: what is set here, and extraEnv over it. A name twice would be refused by server-side apply.
Takes {own (YAML), extra}. */}}
{{- define "llm-proxy.env" -}}
{{- $given := list -}}
{{- range .extra }}{{ $given = append $given .name }}{{ end -}}
{{- $env := list -}}
{{- range fromYamlArray .own }}{{ if not (has .name $given) }}{{ $env = append $env . }}{{ end }}{{ end -}}
{{- toYaml (concat $env .extra) -}}
{{- end }}

{{/* Constraints as given, of these pods where they don't say of which. Takes {root, name, constraints}. */}}
{{- define "llm-proxy.spread" -}}
{{- $selector := dict "matchLabels" (fromYaml (include "llm-proxy.selector" .)) -}}
{{- $constraints := list -}}
{{- range .constraints }}{{ $constraints = append $constraints (merge (dict) . (dict "labelSelector" $selector)) }}{{ end -}}
{{- toYaml $constraints -}}
{{- end }}
