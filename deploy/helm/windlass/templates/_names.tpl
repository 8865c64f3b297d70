{{- /* Of all objects of one component: (list . "server"). */ -}}
{{- define "windlass.selector" -}}
{{- $root := index . 0 -}}
{app.kubernetes.io/name: {{ $root.Values.name }}, app.kubernetes.io/component: {{ index . 1 }}}
{{- end -}}

{{- define "windlass.labels" -}}
{{- $root := index . 0 -}}
{app.kubernetes.io/name: {{ $root.Values.name }}, app.kubernetes.io/component: {{ index . 1 }}, app.kubernetes.io/part-of: {{ $root.Values.name }}}
{{- end -}}

{{- define "windlass.image" -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
