// What arrived, and whether its signature and its proof are good: checked here, apart from Fedify's own handling,
// so that a test learns which of the two let an activity in.

import { detachSignature, verifyObject, verifyRequestDetailed } from "@fedify/fedify";
import { Activity } from "@fedify/vocab";

const ENTRIES_MAX = 5000;
export const log = [];

/** Note a POST to an inbox; `handle` gives the answer. */
export async function record(request, context, handle) {
  const body = await request.clone().text();
  const entry = {
    path: new URL(request.url).pathname,
    spec: request.headers.has("signature-input") ? "rfc9421" : request.headers.has("signature") ? "cavage" : null,
    signature: null,
    proof: null,
    synchronisation: request.headers.get("collection-synchronization"),
    status: null,
    handled: null,
    error: null,
    activity: null,
  };
  log.push(entry);
  if (log.length > ENTRIES_MAX) log.shift();
  try {
    entry.activity = JSON.parse(body);
    const documentLoader = await context.getDocumentLoader({ identifier: "peer" });
    const loaders = { documentLoader, contextLoader: context.contextLoader };
    const checked = await verifyRequestDetailed(request.clone(), loaders);
    entry.signature = checked.verified ? "verified" : checked.reason.type;
    if (entry.activity.proof) {
      // A Linked Data signature is added after the proof, which does not cover it.
      const proven = detachSignature(entry.activity);
      entry.proof = (await verifyObject(Activity, proven, loaders)) === null ? "invalid" : "verified";
    }
  } catch (error) {
    entry.error = String(error?.stack ?? error);
  }
  const response = await handle();
  entry.status = response.status;
  return response;
}

/** Note that a listener has dealt with the activity `id`, and how. */
export function handled(id, how) {
  for (const entry of log) {
    if (id !== undefined && entry.activity?.id === id) entry.handled = how;
  }
}
