// Who lives on this server and what they wrote, in memory. An actor exists as soon as somebody names it.

import { generateCryptoKeyPair } from "@fedify/fedify";

const actors = new Map();
export const posts = new Map(); // uuid -> { as, visibility, recipients: [uri], build: () => Note | Question, votes }

/** The actor called `name`: keys, followers (uri -> recipient), following (uris), aliases, successor. */
export async function actor(name) {
  if (!actors.has(name)) {
    const made = Promise.all([
      generateCryptoKeyPair("RSASSA-PKCS1-v1_5"),
      generateCryptoKeyPair("Ed25519"),
    ]).then((keys) => ({
      name,
      keys,
      followers: new Map(),
      following: new Set(),
      follows: new Map(), // uri of the target -> uri of our Follow
      aliases: [],
      successor: null,
      acceptsByHand: false,
    }));
    actors.set(name, made);
  }
  return await actors.get(name);
}

export const exists = (name) => actors.has(name);

export const postsOf = (name) => [...posts.values()].filter((post) => post.as === name);
