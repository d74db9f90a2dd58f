// What a test may tell this server to do: POST /control/<verb> with JSON. Answers when the activity was delivered,
// with 500 and the reason when it was not.

import {
  Accept, Announce, Block, Collection, Create, Delete, Document, Event, Flag, Follow, Hashtag, InteractionPolicy,
  InteractionRule, Join, Leave, Like, Mention, Move, Note, Place, PUBLIC_COLLECTION, Question, QuoteRequest, Reject,
  TentativeAccept, Tombstone, Undo, Update,
} from "@fedify/vocab";
import { Temporal } from "@js-temporal/polyfill";
import { actor, posts } from "./actors.js";
import { log } from "./door.js";
import { recipient } from "./federation.js";

const fresh = (context, as, what) => new URL(`#${what}/${crypto.randomUUID()}`, context.getActorUri(as));

async function lookup(context, as, uri) {
  const documentLoader = await context.getDocumentLoader({ identifier: as });
  const found = await context.lookupObject(new URL(uri), { documentLoader, allowPrivateAddress: true });
  if (found === null) throw new Error(`${uri} cannot be looked up`);
  return found;
}

/** Send to the actors at `uris` and, if wanted, to the followers; each inbox hears it once. */
async function send(context, as, activity, { to = [], followers = false }) {
  if (followers && to.length === 0) {
    const how = { immediate: true, preferSharedInbox: true, syncCollection: true };
    await context.sendActivity({ identifier: as }, "followers", activity, how);
    return;
  }
  const recipients = new Map();
  for (const uri of to) recipients.set(uri, recipient(await lookup(context, as, uri)));
  if (followers) for (const [uri, follower] of (await actor(as)).followers) recipients.set(uri, follower);
  const many = [...recipients.values()];
  if (many.length === 0) return;
  await context.sendActivity({ identifier: as }, many, activity, { immediate: true, preferSharedInbox: many.length > 1 });
}

async function owner(context, as, uri) {
  const object = await lookup(context, as, uri);
  return { object, author: (object.attributionId ?? object.id).href };
}

function audience(context, as, visibility, mentioned) {
  const followers = context.getFollowersUri(as);
  const people = mentioned.map((uri) => new URL(uri));
  return {
    public: { tos: [PUBLIC_COLLECTION, ...people], ccs: [followers] },
    unlisted: { tos: [followers, ...people], ccs: [PUBLIC_COLLECTION] },
    followers: { tos: [followers, ...people], ccs: [] },
    direct: { tos: people, ccs: [] },
  }[visibility];
}

function composer(context, id, post) {
  return () => {
    const { text, as } = post;
    const common = {
      id: new URL(post.poll ? `/questions/${id}` : `/notes/${id}`, context.canonicalOrigin),
      attribution: context.getActorUri(as),
      tos: post.tos,
      ccs: post.ccs,
      content: text,
      summary: post.cw ?? null,
      sensitive: Boolean(post.cw),
      replyTarget: post.reply_to ? new URL(post.reply_to) : null,
      published: post.published,
      quote: post.quotes ? new URL(post.quotes) : null,
      interactionPolicy: new InteractionPolicy({ canQuote: new InteractionRule({ automaticApproval: PUBLIC_COLLECTION }) }),
      updated: post.updated ?? null,
      url: new URL(`/@${as}/${id}`, context.canonicalOrigin),
      tags: [
        ...post.mentioned.map(({ uri, handle }) => new Mention({ href: new URL(uri), name: handle })),
        ...(post.hashtags ?? []).map((tag) => new Hashtag({ href: new URL(`/tags/${tag}`, context.canonicalOrigin), name: `#${tag}` })),
      ],
      attachments: (post.images ?? []).map(({ alt }) => new Document({
        url: new URL("/media/picture.png", context.canonicalOrigin), mediaType: "image/png", name: alt, width: 32, height: 32,
      })),
    };
    if (!post.poll) return new Note(common);
    const options = post.poll.options.map((name) => new Note({
      name, replies: new Collection({ totalItems: post.votes.get(name)?.size ?? 0 }),
    }));
    const voters = new Set([...post.votes.values()].flatMap((people) => [...people]));
    return new Question({
      ...common,
      ...(post.poll.multiple ? { inclusiveOptions: options } : { exclusiveOptions: options }),
      endTime: post.published.add({ seconds: post.poll.seconds ?? 3600 }),
      voters: voters.size,
    });
  };
}

/** An event of ours: {as, name, start, end, place}, times as in ISO 8601. Fedify's vocabulary knows no status of events. */
function planner(context, id, post) {
  return () => new Event({
    id: new URL(`/events/${id}`, context.canonicalOrigin),
    attribution: context.getActorUri(post.as),
    tos: post.tos,
    ccs: post.ccs,
    name: post.name,
    content: "<p>You are welcome.</p>",
    startTime: Temporal.Instant.from(post.start),
    endTime: Temporal.Instant.from(post.end),
    location: post.place ? new Place({ name: post.place }) : null,
    published: post.published,
    updated: post.updated ?? null,
  });
}

export const verbs = {
  /** {as} -> {uri, handle}: make the actor. `by_hand`: it does not accept followers by itself. */
  async actor(context, { as, by_hand = false }) {
    (await actor(as)).acceptsByHand = by_hand;
    return { uri: context.getActorUri(as).href, handle: `@${as}@${context.canonicalOrigin.split("//")[1]}` };
  },

  /** {as} -> followers and following, as uris. */
  async people(_, { as }) {
    const who = await actor(as);
    return { followers: [...who.followers.keys()], following: [...who.following] };
  },

  /** {as, follower}: no longer count somebody as a follower, and tell nobody. */
  async forget(_, { as, follower }) {
    (await actor(as)).followers.delete(follower);
    return {};
  },

  async follow(context, { as, target }) {
    const follow = new Follow({ id: fresh(context, as, "follows"), actor: context.getActorUri(as), object: new URL(target), to: new URL(target) });
    (await actor(as)).follows.set(target, follow.id.href);
    await send(context, as, follow, { to: [target] });
    return { id: follow.id.href };
  },

  /** Answer a Follow by hand: {as, follower, id, how: accept|reject}. */
  async answer(context, { as, follower, id, how }) {
    const follow = new Follow({ id: new URL(id), actor: new URL(follower), object: context.getActorUri(as) });
    const answer = new (how === "accept" ? Accept : Reject)({
      id: fresh(context, as, how), actor: context.getActorUri(as), to: new URL(follower), object: follow,
    });
    if (how === "accept") (await actor(as)).followers.set(follower, recipient(await lookup(context, as, follower)));
    await send(context, as, answer, { to: [follower] });
    return { id: answer.id.href };
  },

  /**
   * {as, text, visibility, mentioned: [{uri, handle}], reply_to, quotes, cw, hashtags, images: [{alt}],
   * poll: {options, multiple, seconds}} -> {uri}
   */
  async post(context, order) {
    const { as, visibility = "public", mentioned = [] } = order;
    const id = crypto.randomUUID();
    const people = mentioned.map(({ uri }) => uri);
    const post = {
      ...order, visibility, mentioned, recipients: people, published: Temporal.Now.instant(),
      votes: order.poll ? new Map() : null, ...audience(context, as, visibility, people),
    };
    post.build = composer(context, id, post);
    posts.set(id, post);
    const object = post.build();
    const create = new Create({
      id: new URL("#create", object.id), actor: context.getActorUri(as), object, tos: post.tos, ccs: post.ccs,
      published: post.published,
    });
    await send(context, as, create, { to: people, followers: visibility !== "direct" });
    return { uri: object.id.href };
  },

  /** {as, uri, text?, cw?}: the post changes and its readers hear of it. Without either: new poll counts go out. */
  async edit(context, { as, uri, ...changes }) {
    const id = new URL(uri).pathname.split("/").at(-1);
    const post = posts.get(id);
    Object.assign(post, changes, "text" in changes || "cw" in changes ? { updated: Temporal.Now.instant() } : {});
    const update = new Update({
      id: fresh(context, as, "updates"), actor: context.getActorUri(as), object: post.build(), tos: post.tos, ccs: post.ccs,
    });
    const voters = post.votes ? [...post.votes.values()].flatMap((people) => [...people]) : [];
    await send(context, as, update, { to: [...new Set([...post.recipients, ...voters])], followers: post.visibility !== "direct" });
    return { id: update.id.href };
  },

  /** {as, name, start, end, place} -> {uri}: announce an event to everybody who follows. */
  async event(context, order) {
    const id = crypto.randomUUID();
    const post = { ...order, visibility: "public", recipients: [], published: Temporal.Now.instant(), votes: null,
      ...audience(context, order.as, "public", []) };
    post.build = planner(context, id, post);
    posts.set(id, post);
    const object = post.build();
    const create = new Create({
      id: new URL("#create", object.id), actor: context.getActorUri(order.as), object, tos: post.tos, ccs: post.ccs,
    });
    await send(context, order.as, create, { followers: true });
    return { uri: object.id.href };
  },

  /** {as, uri, name?, start?, end?, place?}: the event changes and everybody who follows hears of it. */
  async change_event(context, { as, uri, ...changes }) {
    const post = posts.get(new URL(uri).pathname.split("/").at(-1));
    Object.assign(post, changes, { updated: Temporal.Now.instant() });
    const update = new Update({
      id: fresh(context, as, "updates"), actor: context.getActorUri(as), object: post.build(), tos: post.tos, ccs: post.ccs,
    });
    await send(context, as, update, { followers: true });
    return { id: update.id.href };
  },

  /** {as, uri} -> {id}: want to come to an event. */
  async join(context, { as, uri }) {
    const { author } = await owner(context, as, uri);
    const join = new Join({ id: fresh(context, as, "joins"), actor: context.getActorUri(as), object: new URL(uri), to: new URL(author) });
    await send(context, as, join, { to: [author] });
    return { id: join.id.href };
  },

  /** {as, uri}: not come after all. */
  async leave(context, { as, uri }) {
    const { author } = await owner(context, as, uri);
    const leave = new Leave({ id: fresh(context, as, "leaves"), actor: context.getActorUri(as), object: new URL(uri), to: new URL(author) });
    await send(context, as, leave, { to: [author] });
    return { id: leave.id.href };
  },

  /** Answer a Join of our event: {as, joiner, id, uri, how: accept|tentative|reject}. */
  async answer_join(context, { as, joiner, id, uri, how }) {
    const join = new Join({ id: new URL(id), actor: new URL(joiner), object: new URL(uri) });
    const answer = new ({ accept: Accept, tentative: TentativeAccept, reject: Reject }[how])({
      id: fresh(context, as, how), actor: context.getActorUri(as), to: new URL(joiner), object: join,
    });
    await send(context, as, answer, { to: [joiner] });
    return { id: answer.id.href };
  },

  async delete(context, { as, uri }) {
    const id = new URL(uri).pathname.split("/").at(-1);
    const post = posts.get(id);
    posts.delete(id);
    const gone = new Delete({
      id: fresh(context, as, "deletes"), actor: context.getActorUri(as), object: new Tombstone({ id: new URL(uri) }),
      tos: post.tos, ccs: post.ccs,
    });
    await send(context, as, gone, { to: post.recipients, followers: post.visibility !== "direct" });
    return { id: gone.id.href };
  },

  /** {as, uri}: ask the author of what the post quotes for consent (FEP-044f). */
  async ask_to_quote(context, { as, uri }) {
    const post = posts.get(new URL(uri).pathname.split("/").at(-1));
    const { author } = await owner(context, as, post.quotes);
    const request = new QuoteRequest({
      id: fresh(context, as, "quotes"), actor: context.getActorUri(as), object: new URL(post.quotes), instrument: post.build(),
      to: new URL(author),
    });
    await send(context, as, request, { to: [author] });
    return { id: request.id.href };
  },

  async like(context, { as, uri }) {
    const { author } = await owner(context, as, uri);
    const like = new Like({ id: fresh(context, as, "likes"), actor: context.getActorUri(as), object: new URL(uri), to: new URL(author) });
    await send(context, as, like, { to: [author] });
    return { id: like.id.href };
  },

  async announce(context, { as, uri }) {
    const { author } = await owner(context, as, uri);
    const announce = new Announce({
      id: fresh(context, as, "announces"), actor: context.getActorUri(as), object: new URL(uri),
      published: Temporal.Now.instant(), to: PUBLIC_COLLECTION, ccs: [context.getFollowersUri(as), new URL(author)],
    });
    await send(context, as, announce, { to: [author], followers: true });
    return { id: announce.id.href };
  },

  /** {as, kind: follow|like|announce|block, id, object}: take back the activity `id` about `object`. */
  async undo(context, { as, kind, id, object }) {
    const type = { follow: Follow, like: Like, announce: Announce, block: Block }[kind];
    const target = kind === "follow" || kind === "block" ? object : (await owner(context, as, object)).author;
    const undo = new Undo({
      id: fresh(context, as, "undos"), actor: context.getActorUri(as), to: new URL(target),
      object: new type({ id: new URL(id), actor: context.getActorUri(as), object: new URL(object) }),
    });
    if (kind === "follow") (await actor(as)).following.delete(object);
    await send(context, as, undo, { to: [target], followers: kind === "announce" });
    return { id: undo.id.href };
  },

  async block(context, { as, target }) {
    const block = new Block({ id: fresh(context, as, "blocks"), actor: context.getActorUri(as), object: new URL(target), to: new URL(target) });
    await send(context, as, block, { to: [target] });
    return { id: block.id.href };
  },

  /** {as, uri, choices: [name]}: one Note with a name for each choice. */
  async vote(context, { as, uri, choices }) {
    const { author } = await owner(context, as, uri);
    for (const name of choices) {
      const note = new Note({
        id: fresh(context, as, "votes"), attribution: context.getActorUri(as), to: new URL(author), name,
        replyTarget: new URL(uri), published: Temporal.Now.instant(),
      });
      const create = new Create({ id: fresh(context, as, "creates"), actor: context.getActorUri(as), object: note, to: new URL(author) });
      await send(context, as, create, { to: [author] });
    }
    return {};
  },

  /** {as, target}: `as` has moved to `target`, another actor of this server, and its followers hear of it. */
  async move(context, { as, target }) {
    const [old, next] = [await actor(as), await actor(target)];
    const [from, to] = [context.getActorUri(as), context.getActorUri(target)];
    next.aliases.push(from.href);
    old.successor = to.href;
    const move = new Move({
      id: fresh(context, as, "moves"), actor: from, object: from, target: to, to: context.getFollowersUri(as),
    });
    await send(context, as, move, { followers: true });
    return { id: move.id.href };
  },

  /** {as, target, objects: [uri], text}: a report to the other server. */
  async flag(context, { as, target, objects = [], text }) {
    const flag = new Flag({
      id: fresh(context, as, "flags"), actor: context.getActorUri(as), content: text, to: new URL(target),
      objects: [target, ...objects].map((uri) => new URL(uri)),
    });
    await send(context, as, flag, { to: [target] });
    return { id: flag.id.href };
  },

  /** {as, uri} -> the document as this server reads it with a signed request, in JSON-LD. */
  async lookup(context, { as, uri }) {
    return await (await lookup(context, as, uri)).toJsonLd({ contextLoader: context.contextLoader });
  },

  /** {uri} -> how many chose what in our poll. */
  async votes(_, { uri }) {
    const { votes } = posts.get(new URL(uri).pathname.split("/").at(-1));
    return Object.fromEntries([...votes].map(([name, people]) => [name, people.size]));
  },

  /** {actor?} -> what has arrived, from that actor. */
  async log(_, { actor: sender }) {
    return { entries: sender === undefined ? log : log.filter(({ activity }) => activity?.actor === sender) };
  },
};
