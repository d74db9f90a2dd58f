// Who lives on this server and what they wrote, in memory. An actor exists as soon as somebody names it.

import { generateCryptoKeyPair } from "@fedify/fedify";

// Of the size that most servers have. Fedify's own function makes 4096 bits, and takes a second for it.
const RSA = {
  name: "RSASSA-PKCS1-v1_5", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256",
};

const actors = new Map();
export const posts = new Map(); // uuid -> { as, visibility, recipients: [uri], build: () => Note | Question, votes }

export const stamps = new Map(); // uuid -> QuoteAuthorization: consent given to a quote (FEP-044f)

/** The actor called `name`: keys, followers (uri -> recipient), following (uris), aliases, successor. */
export async function actor(name) {
  if (!actors.has(name)) {
    const made = Promise.all([
      crypto.subtle.generateKey(RSA, true, ["sign", "verify"]),
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
