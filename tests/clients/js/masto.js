// What Elk and Phanpy do through masto.js: every resource of the API once, pages of lists, streams over one socket.

import { readFile } from 'node:fs/promises'
import { createOAuthAPIClient, createRestAPIClient, createStreamingAPIClient } from 'masto'
import { assert, told } from './told.js'

const { origin, ann: Ann, ben: Ben, picture, endpoint } = told
const client = (token) => createRestAPIClient({ url: origin, accessToken: token, log: 'error' })
const ann = client(Ann.token)
const ben = client(Ben.token)
const nobody = client()
const ids = async (asked) => (await asked).map((one) => one.id)

// The server, apps
const instance = await nobody.v2.instance.fetch()
assert.equal(instance.apiVersions.mastodon, 10)
assert.match((await nobody.v1.instance.fetch()).version, /^4\./)
assert.deepEqual(await nobody.v1.instance.rules.list(), [])
assert.ok(Array.isArray(await nobody.v1.customEmojis.list()))
assert.ok((await nobody.v1.instance.privacyPolicy.fetch()).updatedAt)
const app = await nobody.v1.apps.create({ clientName: 'masto.js', redirectUris: 'urn:ietf:wg:oauth:2.0:oob', scopes: 'read' })
const keys = { clientId: app.clientId, clientSecret: app.clientSecret }
const oauth = createOAuthAPIClient({ url: origin })
const token = await oauth.token.create({ grantType: 'client_credentials', ...keys })
assert.equal((await client(token.accessToken).v1.apps.verifyCredentials()).name, 'masto.js')
await oauth.revoke({ ...keys, token: token.accessToken })

// Accounts and the profile, which is changed with PUT
const me = await ann.v1.accounts.verifyCredentials()
const other = await ann.v1.accounts.lookup({ acct: Ben.username })
const portrait = new File([await readFile(picture)], 'me.png', { type: 'image/png' })
const changed = await ann.v1.accounts.updateCredentials({
  displayName: 'Ann', avatar: portrait, fieldsAttributes: [{ name: 'Web', value: 'https://ann.example' }],
})
assert.deepEqual([changed.displayName, changed.fields[0].name], ['Ann', 'Web'])
assert.equal((await ann.v1.profile.update({ displayName: 'Ann A.' })).displayName, 'Ann A.')
await ann.v1.profile.avatar.remove()
const there = ann.v1.accounts.$select(other.id)
assert.equal((await there.follow({ notify: true })).following, true)
assert.equal((await there.note.create({ comment: 'met' })).note, 'met')
assert.equal((await ann.v1.accounts.relationships.fetch({ id: [other.id] }))[0].note, 'met')
assert.deepEqual(await ids(there.followers.list()), [me.id])
assert.deepEqual(await ids(ann.v1.accounts.search.list({ q: Ben.username, resolve: true })), [other.id])
assert.deepEqual((await ann.v1.accounts.familiarFollowers.fetch({ id: [other.id] }))[0].accounts, [])
assert.ok(Array.isArray(await ann.v2.suggestions.list()))
assert.ok(Array.isArray(await ann.v1.directory.list()))
assert.equal((await ann.v1.preferences.fetch())['posting:default:visibility'], 'public')

// Posts
const media = await ann.v2.media.create({ file: portrait, description: 'grey', focus: '0,0' })
const post = await ann.v1.statuses.create(
  { status: 'Hello #mastojs', mediaIds: [media.id], language: 'en', quoteApprovalPolicy: 'public' },
  { requestInit: { headers: { 'Idempotency-Key': 'once' } } },
)
const at = ann.v1.statuses.$select(post.id)
const edited = await at.update({
  status: 'Hello again #mastojs', mediaIds: [media.id], mediaAttributes: [{ id: media.id, description: 'greyer' }],
})
assert.equal(edited.mediaAttachments[0].description, 'greyer')
assert.equal((await at.history.list()).length, 2)
assert.equal((await at.source.fetch()).text, 'Hello again #mastojs')
const asked = await ben.v1.statuses.create({ status: 'Well?', poll: { options: ['a', 'b'], expiresIn: 600, multiple: true } })
assert.deepEqual((await ann.v1.polls.$select(asked.poll.id).votes.create({ choices: [0, 1] })).ownVotes, [0, 1])
const reply = await ben.v1.statuses.create({ status: 'Hi', inReplyToId: post.id })
assert.deepEqual((await at.context.fetch()).descendants.map((one) => one.id), [reply.id])
const theirs = ann.v1.statuses.$select(reply.id)
for (const [act, undo, field] of [
  ['favourite', 'unfavourite', 'favourited'], ['bookmark', 'unbookmark', 'bookmarked'], ['mute', 'unmute', 'muted'],
]) {
  assert.equal((await theirs[act]())[field], true)
  assert.equal((await theirs[undo]())[field], false)
}
assert.equal((await theirs.reblog()).reblog.id, reply.id)
await theirs.unreblog()
const quote = await ben.v1.statuses.create({ status: 'As she says', quotedStatusId: post.id })
assert.deepEqual(await ids(at.quotes.list()), [quote.id])
const planned = await ann.v1.statuses.create({ status: 'Later', scheduledAt: new Date(Date.now() + 86_400_000).toISOString() })
assert.equal((await ann.v1.scheduledStatuses.$select(planned.id).fetch()).params.text, 'Later')
await ann.v1.scheduledStatuses.$select(planned.id).remove()

// Pages: with `for await`, and back again
const written = []
for (let number = 0; number < 5; number++) {
  written.unshift((await ann.v1.statuses.create({ status: `${number} #mastopages` })).id)
}
const walked = []
const pages = ann.v1.timelines.tag.$select('mastopages').list({ limit: 2 })
for await (const page of pages) walked.push(...page.map((one) => one.id))
assert.deepEqual(walked, written)
const up = ann.v1.timelines.tag.$select('mastopages').list({ limit: 2, minId: written[4] }).setDirection('prev')
const climbed = []
for await (const page of up) climbed.unshift(...page.map((one) => one.id))
assert.deepEqual(climbed, written.slice(0, 4))
for (const list of [ann.v1.timelines.home, ann.v1.timelines.public]) {
  assert.deepEqual(await ids(list.list({ limit: 5 })), written)
}

// Lists, filters, hashtags, collections, conversations, markers
const list = await ann.v1.lists.create({ title: 'Friends', repliesPolicy: 'list', exclusive: false })
const inList = ann.v1.lists.$select(list.id)
await inList.accounts.create({ accountIds: [other.id] })
assert.deepEqual(await ids(inList.accounts.list()), [other.id])
assert.equal((await inList.update({ title: 'Good friends' })).title, 'Good friends')
const filter = await ann.v2.filters.create({
  title: 'Noise', context: ['home'], filterAction: 'blur', keywordsAttributes: [{ keyword: 'noise', wholeWord: true }],
})
assert.equal(filter.keywords[0].keyword, 'noise')
assert.equal((await ann.v2.filters.$select(filter.id).update({ title: 'Din', context: ['home'] })).title, 'Din')
await ann.v2.filters.$select(filter.id).remove()
assert.equal((await ann.v1.tags.$select('mastojs').follow()).following, true)
assert.deepEqual((await ann.v1.followedTags.list()).map((one) => one.name), ['mastojs'])
await ann.v1.tags.$select('mastojs').unfollow()
await ben.v1.accounts.updateCredentials({ discoverable: true })
const { collection } = await ann.v1.collections.create({ name: 'Speakers', discoverable: true })
const { collectionItem } = await ann.v1.collections.$select(collection.id).items.create({ accountId: other.id })
assert.equal((await ann.v1.collections.$select(collection.id).update({ name: 'All' })).collection.name, 'All')
await ann.v1.collections.$select(collection.id).items.$select(collectionItem.id).remove()
await ben.v1.statuses.create({ status: `@${Ann.username} hush`, visibility: 'direct' })
const conversation = (await ann.v1.conversations.list())[0]
assert.equal((await ann.v1.conversations.$select(conversation.id).read()).unread, false)
await ann.v1.markers.create({ home: { lastReadId: written[0] } })
assert.equal((await ann.v1.markers.fetch({ timeline: ['home'] })).home.lastReadId, written[0])

// Notifications, push, search, reports, what many look at
const groups = await ann.v2.notifications.list({ expandAccounts: 'partial_avatars' })
assert.ok(groups.notificationGroups.length > 0)
const group = ann.v2.notifications.$select(groups.notificationGroups[0].groupKey)
assert.equal((await group.accounts.fetch())[0].id, other.id)
assert.ok((await ann.v2.notifications.unreadCount.fetch()).count > 0)
assert.equal((await ann.v2.notifications.policy.update({ forNewAccounts: 'accept' })).forNewAccounts, 'accept')
const single = (await ann.v1.notifications.list({ types: ['mention'] }))[0]
await ann.v1.notifications.$select(single.id).dismiss()
const subscription = await ann.v1.push.subscription.create({
  subscription: {
    endpoint,
    keys: {
      p256dh: 'BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4',
      auth: 'BTBZMqHH6r4Tts7J_aSIgg',
    },
  },
  data: { alerts: { mention: true } },
  policy: 'all',
})
assert.equal(subscription.serverKey, instance.configuration.vapid.publicKey)
await ann.v1.push.subscription.remove()
const found = await ann.v2.search.list({ q: Ben.username, type: 'accounts', resolve: true })
assert.deepEqual(found.accounts.map((one) => one.id), [other.id])
assert.equal((await ann.v1.reports.create({ accountId: other.id, comment: 'only a test' })).comment, 'only a test')
for (const kind of ['tags', 'statuses', 'links']) assert.ok(Array.isArray(await nobody.v1.trends[kind].list()))
await assert.rejects(ann.v1.statuses.$select('1').fetch(), { name: 'MastoHttpError', statusCode: 404 })

// Streams: many over one socket, with the token as its protocol
const streaming = createStreamingAPIClient({
  streamingApiUrl: instance.configuration.urls.streaming, accessToken: Ann.token, retry: false,
})
const open = {
  user: streaming.user.subscribe(),
  notification: streaming.user.notification.subscribe(),
  local: streaming.public.local.subscribe(),
  hashtag: streaming.hashtag.subscribe({ tag: 'mastojs' }),
  list: streaming.list.subscribe({ list: list.id }),
  direct: streaming.direct.subscribe(),
}
const next = (subscription, event) =>
  (async () => {
    for await (const one of subscription) if (one.event === event) return one
  })()
await streaming.prepare()
const heard = {
  user: next(open.user, 'update'),
  notification: next(open.notification, 'notification'),
  local: next(open.local, 'update'),
  hashtag: next(open.hashtag, 'update'),
  list: next(open.list, 'update'),
  direct: next(open.direct, 'conversation'),
}
const late = setTimeout(() => {
  throw new Error('the streams are silent')
}, 30_000)
// A subscription has no answer: say it until it is heard everywhere.
let all = false
const everything = Promise.all(Object.values(heard)).then(() => (all = true))
while (!all) {
  const said = await ben.v1.statuses.create({ status: `@${Ann.username} hear #mastojs` })
  await ben.v1.statuses.create({ status: `@${Ann.username} hush`, visibility: 'direct' })
  await Promise.race([everything, new Promise((resolve) => setTimeout(resolve, 200))])
  if (all) assert.ok((await heard.user).payload.id <= said.id)
}
clearTimeout(late)
assert.deepEqual((await heard.hashtag).stream, ['hashtag', 'mastojs'])
assert.equal((await heard.notification).payload.type, 'mention')
streaming.close()
await inList.remove()
await at.remove()
process.exit(0)
