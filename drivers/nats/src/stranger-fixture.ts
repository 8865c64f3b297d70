/** For tests: what another program publishes, which knows nothing of this driver. */
import { connect } from "@nats-io/transport-node";

export async function publishAsStranger(
  url: string,
  { subject, body }: { readonly subject: string; readonly body: string },
): Promise<void> {
  const connection = await connect({ servers: url });
  connection.publish(subject, body);
  await connection.drain();
}
