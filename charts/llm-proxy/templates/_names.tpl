{{/* Names are fixed: the operator keeps its Secrets, its ConfigMap and its Lease under fixed names too. */}}

{{/* What cluster-wide objects are called, so that installations in two namespaces don't meet. */}}
{{- define "llm-proxy.clusterName" -}}
llm-operator-{{ .Release.Namespace }}
{{- end }}

{{/* Labels a selector may use; they never change. Takes {root, name}. */}}
{{- define "llm-proxy.selector" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- end }}

{{/* Labels of pods: nothing in them changes without a reason to start the pods anew. Takes {root, name, more}. */}}
{{- define "llm-proxy.podLabels" -}}
{{- $own := merge (fromYaml (include "llm-proxy.selector" .)) (dict
  "app.kubernetes.io/part-of" "llm-proxy"
  "app.kubernetes.io/version" .root.Chart.AppVersion) -}}
{{- toYaml (merge $own (default dict .more) .root.Values.commonLabels) }}
{{- end }}

{{/* Labels of every other object. Takes {root, name, more}. */}}
{{- define "llm-proxy.labels" -}}
{{- include "llm-proxy.podLabels" . }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end }}

{{/* Metadata of an object. Takes {root, name}, where name is the program it belongs to; object, when its own name is
another; namespace, when it is another ("-": it is cluster-wide); labels; annotations. */}}
{{- define "llm-proxy.metadata" -}}
name: {{ default .name .object }}
{{- if ne .namespace "-" }}
namespace: {{ default .root.Release.Namespace .namespace }}
{{- end }}
labels:
  {{- include "llm-proxy.labels" (dict "root" .root "name" .name "more" .labels) | nindent 2 }}
{{- with merge (dict) (default dict .annotations) .root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Takes {root, image}. */}}
{{- define "llm-proxy.image" -}}
{{- $image := .image -}}
{{- with .root.Values.imageRegistry }}{{ trimSuffix "/" . }}/{{ end -}}
{{- $image.repository -}}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ default .root.Chart.AppVersion $image.tag }}{{ end -}}
{{- end }}

{{/* What clients speak. */}}
{{- define "llm-proxy.scheme" -}}
{{- ternary "https" "http" (ne .Values.proxy.tls.secretName "") -}}
{{- end }}

{{/* The address clients are told. */}}
{{- define "llm-proxy.publicUrl" -}}
{{- default (printf "%s://llm-proxy.%s.svc:%d" (include "llm-proxy.scheme" .) .Release.Namespace (int .Values.proxy.service.port)) .Values.operator.publicUrl -}}
{{- end }}
