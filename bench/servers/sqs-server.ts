/** A program of its own: a server that speaks as SQS does (fauxqs), with what it has in the folder that it is given. Tells its parent the port. */
import { startFauxqs } from "fauxqs";

const [dataDir = ""] = process.argv.slice(2);
const server = await startFauxqs({ port: 0, dataDir, logger: false });
process.once("SIGTERM", () => void server.stop().then(() => process.exit(0)));
process.send?.(server.port);
