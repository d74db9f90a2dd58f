// The server as Fedify sees it: actors, their posts and collections, and what happens when something arrives.

import { createFederation, MemoryKvStore } from "@fedify/fedify";
import {
  Accept, Activity, Create, Endpoints, Event, Follow, Image, Note, Person, Question, QuoteAuthorization, QuoteRequest, Reject,
  Undo,
} from "@fedify/vocab";
import { actor, exists, posts, postsOf, stamps } from "./actors.js";
import { handled } from "./door.js";

/** Build the federation. `firstKnock`: which signature goes first, "rfc9421" or "draft-cavage-http-signatures-12". */
export function build({ firstKnock }) {
  const federation = createFederation({
    kv: new MemoryKvStore(),
    allowPrivateAddress: true,
    firstKnock,
    circuitBreaker: false,
  });

  federation
    .setActorDispatcher("/users/{identifier}", async (context, identifier) => {
      if (!exists(identifier)) return null;
      const who = await actor(identifier);
      const keys = await context.getActorKeyPairs(identifier);
      return new Person({
        id: context.getActorUri(identifier),
        preferredUsername: identifier,
        name: `${identifier} of Fedify`,
        summary: "<p>A peer in tests.</p>",
        url: new URL(`/@${identifier}`, context.canonicalOrigin),
        icon: new Image({ url: new URL("/media/icon.png", context.canonicalOrigin), mediaType: "image/png" }),
        inbox: context.getInboxUri(identifier),
        outbox: context.getOutboxUri(identifier),
        followers: context.getFollowersUri(identifier),
        following: context.getFollowingUri(identifier),
        endpoints: new Endpoints({ sharedInbox: context.getInboxUri() }),
        manuallyApprovesFollowers: who.acceptsByHand,
        discoverable: true,
        aliases: who.aliases.map((uri) => new URL(uri)),
        successor: who.successor ? new URL(who.successor) : null,
        publicKey: keys[0].cryptographicKey,
        assertionMethods: keys.map((key) => key.multikey),
      });
    })
    .setKeyPairsDispatcher(async (_, identifier) => (exists(identifier) ? (await actor(identifier)).keys : []));

  federation
    .setFollowersDispatcher("/users/{identifier}/followers", async (_, identifier, __, base) => {
      if (!exists(identifier)) return null;
      const all = [...(await actor(identifier)).followers.values()];
      // Followers synchronisation (FEP-8fcf) asks for those of one server.
      return { items: all.filter(({ id }) => base == null || id.origin === base.origin) };
    })
    .setCounter(async (_, identifier) => (exists(identifier) ? (await actor(identifier)).followers.size : null));

  federation
    .setFollowingDispatcher("/users/{identifier}/following", async (_, identifier) =>
      exists(identifier) ? { items: [...(await actor(identifier)).following].map((uri) => new URL(uri)) } : null)
    .setCounter(async (_, identifier) => (exists(identifier) ? (await actor(identifier)).following.size : null));

  federation
    .setOutboxDispatcher("/users/{identifier}/outbox", async (context, identifier) => {
      if (!exists(identifier)) return null;
      const open = postsOf(identifier).filter((post) => post.visibility === "public").reverse();
      return {
        items: open.map((post) => {
          const object = post.build();
          return new Create({
            id: new URL("#create", object.id),
            actor: context.getActorUri(identifier),
            object,
            tos: post.tos,
            ccs: post.ccs,
          });
        }),
      };
    })
    .setCounter((_, identifier) => postsOf(identifier).filter((post) => post.visibility === "public").length);

  for (const [type, path] of [[Note, "/notes/{id}"], [Question, "/questions/{id}"], [Event, "/events/{id}"]]) {
    federation
      .setObjectDispatcher(type, path, (_, { id }) => posts.get(id)?.build() ?? null)
      .authorize(async (context, { id }) => {
        const post = posts.get(id);
        if (post === undefined || ["public", "unlisted"].includes(post.visibility)) return true;
        const documentLoader = await context.getDocumentLoader({ identifier: "peer" });
        const reader = await context.getSignedKeyOwner({ documentLoader });
        if (reader === null) return false;
        if (post.recipients.includes(reader.id.href)) return true;
        // A server reads for its members with its own actor.
        const readers = [...(await actor(post.as)).followers.keys(), ...post.recipients];
        return post.visibility !== "direct" && readers.some((uri) => new URL(uri).origin === reader.id.origin);
      });
  }

  federation.setObjectDispatcher(QuoteAuthorization, "/stamps/{id}", (_, { id }) => stamps.get(id) ?? null);

  federation.setNodeInfoDispatcher("/nodeinfo/2.1", () => ({
    software: { name: "fedify-peer", version: "2.3.6" },
    protocols: ["activitypub"],
    usage: { users: { total: 1 }, localPosts: posts.size, localComments: 0 },
  }));

  listen(federation);
  return federation;
}

/** Who asked to follow the sender of an answer: its object must have the id of a Follow that we sent there. */
async function asked(context, answer) {
  const mine = context.parseUri(answer.objectId);
  if (mine?.type !== "actor" || !exists(mine.identifier)) return null;
  const who = await actor(mine.identifier);
  return who.follows.get(answer.actorId?.href) === answer.objectId.href ? who : null;
}

function listen(federation) {
  federation
    .setInboxListeners("/users/{identifier}/inbox", "/inbox")
    .setSharedKeyDispatcher(() => ({ identifier: "peer" }))
    .on(Follow, async (context, follow) => {
      const target = context.parseUri(follow.objectId);
      if (target?.type !== "actor" || !exists(target.identifier)) return;
      const who = await actor(target.identifier);
      const follower = await follow.getActor(context);
      if (follower?.id == null) return;
      handled(follow.id?.href, "followed");
      if (who.acceptsByHand) return;
      who.followers.set(follower.id.href, recipient(follower));
      const accept = new Accept({
        id: new URL(`#accepts/${crypto.randomUUID()}`, context.getActorUri(target.identifier)),
        actor: follow.objectId,
        to: follower.id,
        object: follow,
      });
      // After the answer: the other server need not be ready to hear of it while it still waits.
      setImmediate(() => context.sendActivity(target, follower, accept, { immediate: true }).catch(console.error));
    })
    .on(Accept, async (context, accept) => {
      if (accept.resultId !== null) return handled(accept.id?.href, "may be quoted");
      const mine = await asked(context, accept);
      if (mine === null) return handled(accept.id?.href, "seen");
      mine.following.add(accept.actorId.href);
      handled(accept.id?.href, "accepted");
    })
    .on(Reject, async (context, reject) => {
      const mine = await asked(context, reject);
      if (mine === null) return handled(reject.id?.href, "seen");
      mine.following.delete(reject.actorId.href);
      handled(reject.id?.href, "rejected");
    })
    .on(QuoteRequest, async (context, request) => {
      const target = context.parseUri(request.objectId);
      const post = posts.get(target?.values?.id);
      const asking = await request.getActor(context);
      if (post === undefined || asking?.id == null) return;
      // Everybody may quote, as the policy of every post here says.
      const id = crypto.randomUUID();
      const stamp = new QuoteAuthorization({
        id: new URL(`/stamps/${id}`, context.canonicalOrigin),
        attribution: context.getActorUri(post.as),
        interactingObject: request.instrumentId,
        interactionTarget: request.objectId,
      });
      stamps.set(id, stamp);
      const accept = new Accept({
        id: new URL(`#accepts/${id}`, context.getActorUri(post.as)),
        actor: context.getActorUri(post.as),
        to: asking.id,
        object: request,
        result: stamp.id,
      });
      handled(request.id?.href, "agreed");
      setImmediate(() =>
        context.sendActivity({ identifier: post.as }, asking, accept, { immediate: true }).catch(console.error));
    })
    .on(Undo, async (context, undo) => {
      const undone = await undo.getObject(context);
      if (undone instanceof Follow) {
        const target = context.parseUri(undone.objectId);
        if (target?.type === "actor") (await actor(target.identifier)).followers.delete(undo.actorId?.href);
      }
      handled(undo.id?.href, "undone");
    })
    .on(Create, async (context, create) => {
      const object = await create.getObject(context);
      const asked = posts.get(context.parseUri(object?.replyTargetId)?.values?.id);
      if (asked?.votes && object instanceof Note && object.name) {
        const choice = object.name.toString();
        if (!asked.votes.has(choice)) asked.votes.set(choice, new Set());
        asked.votes.get(choice).add(create.actorId.href);
        handled(create.id?.href, "voted");
        return;
      }
      handled(create.id?.href, "created");
    })
    // Update, Delete, Like, Announce, Block, Move and whatever else there may be.
    .on(Activity, (_, activity) => handled(activity.id?.href, "seen"));
}

/** What Fedify needs to know of somebody to deliver to them. */
export const recipient = (person) => ({
  id: person.id,
  inboxId: person.inboxId,
  endpoints: person.endpoints === null ? null : { sharedInbox: person.endpoints?.sharedInbox ?? null },
});
