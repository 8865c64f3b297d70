/** A Job as somebody may apply it by hand, with the labels of ours. */

export function forgedJob({ name, job, image }: { readonly name: string; readonly job: string; readonly image: string }): string {
  const labels = { "app.kubernetes.io/managed-by": "windlass", "windlass.dev/job-id": job, "windlass.dev/attempt": "1" };
  const container = { name: "main", image, command: ["sh", "-c", "echo forged"] };
  return JSON.stringify({
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name, labels },
    spec: { backoffLimit: 0, template: { metadata: { labels }, spec: { restartPolicy: "Never", containers: [container] } } },
  });
}
