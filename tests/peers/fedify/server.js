// A small server made with Fedify, for fedserver's tests to federate with over http on loopback.
//     node server.js [--port N] [--first-knock rfc9421|draft-cavage-http-signatures-12]
// Prints its origin as one line of JSON when it listens. Ends with its standard input.

import { createServer } from "node:http";
import { parseArgs } from "node:util";
import { deflateSync, crc32 } from "node:zlib";
import { actor } from "./actors.js";
import { verbs } from "./control.js";
import { record } from "./door.js";
import { build } from "./federation.js";

const { values: options } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    "first-knock": { type: "string", default: "draft-cavage-http-signatures-12" },
  },
});

const BODY_BYTES_MAX = 2_000_000;
const federation = build({ firstKnock: options["first-knock"] });
await actor("peer");

/** A square of one colour, so that nothing has to lie about as a file. */
function png(size) {
  const chunk = (type, data) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const framed = Buffer.alloc(body.length + 8);
    framed.writeUInt32BE(data.length, 0);
    body.copy(framed, 4);
    framed.writeUInt32BE(crc32(body), body.length + 4);
    return framed;
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(size, 0);
  header.writeUInt32BE(size, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const row = Buffer.concat([Buffer.from([0]), Buffer.alloc(size * 3, 0x5a)]);
  const rows = deflateSync(Buffer.concat(Array(size).fill(row)));
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
  return Buffer.concat([signature, chunk("IHDR", header), chunk("IDAT", rows), chunk("IEND", Buffer.alloc(0))]);
}
const picture = png(32);

async function answer(request) {
  const { pathname } = new URL(request.url);
  if (pathname.startsWith("/media/")) return new Response(picture, { headers: { "content-type": "image/png" } });
  const context = federation.createContext(request, undefined);
  if (pathname.startsWith("/control/")) {
    const order = await request.json();
    if (order.as) await actor(order.as);
    return Response.json(await verbs[pathname.slice("/control/".length)](context, order));
  }
  const handle = () => federation.fetch(request, { contextData: undefined });
  return request.method === "POST" && pathname.endsWith("/inbox") ? await record(request, context, handle) : await handle();
}

const server = createServer(async (incoming, outgoing) => {
  try {
    const chunks = [];
    let size = 0;
    for await (const chunk of incoming) {
      size += chunk.length;
      if (size > BODY_BYTES_MAX) throw new Error("the body is too large");
      chunks.push(chunk);
    }
    const hasBody = !["GET", "HEAD"].includes(incoming.method);
    const request = new Request(new URL(incoming.url, `http://${incoming.headers.host}`), {
      method: incoming.method,
      headers: Object.entries(incoming.headersDistinct).flatMap(([name, all]) => all.map((value) => [name, value])),
      body: hasBody ? Buffer.concat(chunks) : undefined,
    });
    const response = await answer(request);
    outgoing.writeHead(response.status, Object.fromEntries(response.headers));
    outgoing.end(Buffer.from(await response.arrayBuffer()));
  } catch (error) {
    outgoing.writeHead(500, { "content-type": "application/json" });
    outgoing.end(JSON.stringify({ error: String(error?.stack ?? error) }));
  }
});

server.listen(Number(options.port), "127.0.0.1", () => {
  console.log(JSON.stringify({ origin: `http://127.0.0.1:${server.address().port}` }));
});
process.stdin.on("end", () => process.exit(0)).resume();
