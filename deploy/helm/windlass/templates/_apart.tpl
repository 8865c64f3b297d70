{{- /* The pod of what works on the store apart from the servers: (dict "root" . "component" "dispatcher" "args" (list "dispatcher")). */ -}}
{{- define "windlass.apart-pod" -}}
{{- $root := .root -}}
{{- $own := index .root.Values .component -}}
serviceAccountName: {{ $root.Values.name }}-{{ .component }}
# It knows the database, and nothing of the cluster.
automountServiceAccountToken: false
enableServiceLinks: false
{{- with $root.Values.image.pullSecrets }}
imagePullSecrets: {{ toJson . }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
{{- with $own.nodeSelector }}
nodeSelector: {{ toJson . }}
{{- end }}
{{- with $own.tolerations }}
tolerations: {{ toJson . }}
{{- end }}
containers:
  - name: {{ .component }}
    image: {{ include "windlass.image" $root }}
    imagePullPolicy: {{ $root.Values.image.pullPolicy }}
    args: {{ toJson .args }}
    env:
      - name: WINDLASS_STORE_URL
        valueFrom: {secretKeyRef: {{ toJson $root.Values.secrets.store }}}
      {{- include "windlass.notices-env" $root | nindent 6 }}
      {{- with $own.env }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
    resources: {{ toJson $own.resources }}
    securityContext:
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      capabilities: {drop: [ALL]}
    volumeMounts:
      - {name: tmp, mountPath: /tmp}
volumes:
  - name: tmp
    emptyDir: {sizeLimit: 64Mi}
{{- end -}}

{{- /* Isolated executions: Jobs of this image, which reach the server by its Service. */ -}}
{{- define "windlass.runner-env" -}}
- {name: WINDLASS_RUNNER_EXECUTOR, value: kubernetes}
- {name: WINDLASS_RUNNER_URL, value: "http://{{ .Values.name }}-server.{{ .Release.Namespace }}:4180"}
- {name: WINDLASS_RUNNER_IMAGE, value: {{ include "windlass.image" . }}}
{{- if .Values.runner.template }}
- {name: WINDLASS_RUNNER_TEMPLATE, value: /etc/windlass/runner/runner-job.yaml}
{{- end }}
{{- end -}}

{{- /* Where notices go, for all who send or receive them. */ -}}
{{- define "windlass.notices-env" -}}
{{- with .Values.notices }}
{{- if .url }}
- {name: WINDLASS_NOTICES_URL, value: {{ .url | quote }}}
- name: WINDLASS_NOTICES_KEYS
  valueFrom: {secretKeyRef: {{ toJson .keys }}}
{{- with .env }}
{{ toYaml . }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- /* What only makes calls: nobody opens connections to it. (list . "dispatcher") */ -}}
{{- define "windlass.calls-only" -}}
{{- $root := index . 0 -}}
{{- if $root.Values.networkPolicies.enabled }}
---
# It calls, and nobody calls it.
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ $root.Values.name }}-{{ index . 1 }}
  namespace: {{ $root.Release.Namespace }}
  labels: {{ include "windlass.labels" . }}
spec:
  podSelector:
    matchLabels: {{ include "windlass.selector" . }}
  policyTypes: [Ingress]
{{- end }}
{{- end -}}
