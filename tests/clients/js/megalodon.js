// Every method of megalodon's client for Mastodon, from detecting the server to listening to its streams.

import { createReadStream } from 'node:fs'
import generator, { detector } from 'megalodon'
import { assert, heard, noted, told } from './told.js'

const { origin, ann: Ann, ben: Ben, picture, endpoint } = told

assert.equal(await detector(origin), 'mastodon')
const [ann, called] = noted(generator('mastodon', origin, Ann.token))
const ben = generator('mastodon', origin, Ben.token)

const data = async (asked) => (await asked).data
const ids = async (asked) => (await data(asked)).map((one) => one.id)
const refused = (asked, status) =>
  assert.rejects(asked, (error) => status === undefined || error.response?.status === status)

// Apps
const registered = await ann.registerApp('megalodon', { scopes: ['read', 'write'] })
assert.match(registered.url, /oauth\/authorize/)
await ann.createApp('megalodon', { scopes: ['read'] })
assert.match(await ann.generateAuthUrl(registered.client_id, registered.client_secret, {}), /client_id/)
await refused(ann.fetchAccessToken(registered.client_id, registered.client_secret, 'no code'), 400)
await refused(ann.refreshToken(registered.client_id, registered.client_secret, 'none'), 400)
await ann.revokeToken(registered.client_id, registered.client_secret, 'unknown')
assert.equal(typeof (await data(ann.verifyAppCredentials())).name, 'string')
await refused(ann.registerAccount('someone', 'someone@mail.example', 'seven quiet owls', true, 'en'), 403)

// Accounts
const me = await data(ann.verifyAccountCredentials())
assert.equal(me.username, Ann.username)
assert.equal((await data(ann.updateCredentials({ display_name: 'Ann' }))).display_name, 'Ann')
const other = await data(ann.lookupAccount(Ben.username))
assert.equal((await data(ann.getAccount(other.id))).username, Ben.username)
assert.deepEqual(await ids(ann.searchAccount(Ben.username)), [other.id])
assert.equal((await data(ann.followAccount(other.id))).following, true)
assert.equal((await data(ann.subscribeAccount(other.id))).notifying, true)
assert.equal((await data(ann.unsubscribeAccount(other.id))).notifying, false)
assert.deepEqual(await ids(ann.getAccountFollowing(me.id, { get_all: true, sleep_ms: 0 })), [other.id])
assert.deepEqual(await ids(ann.getAccountFollowers(other.id, {})), [me.id])
assert.deepEqual(await ids(ann.urlToAccounts(`/api/v1/accounts/${me.id}/following`, {}, true, 0)), [other.id])
assert.deepEqual(await data(ann.getIdentityProof(other.id)), [])
assert.equal((await data(ann.pinAccount(other.id))).id, other.id)
assert.deepEqual(await ids(ann.getEndorsements()), [other.id])
await ann.unpinAccount(other.id)
assert.equal((await data(ann.setAccountNote(other.id, 'met'))).note, 'met')
assert.equal((await data(ann.getRelationship(other.id))).following, true)
assert.equal((await data(ann.getRelationships([other.id])))[0].following, true)
assert.equal((await data(ann.muteAccount(other.id))).muting, true)
assert.deepEqual(await ids(ann.getMutes()), [other.id])
await ann.unmuteAccount(other.id)
assert.equal((await data(ann.blockAccount(other.id))).blocking, true)
assert.deepEqual(await ids(ann.getBlocks()), [other.id])
await ann.unblockAccount(other.id)
await ann.blockDomain('unwanted.example')
assert.deepEqual(await data(ann.getDomainBlocks()), ['unwanted.example'])
await ann.unblockDomain('unwanted.example')
assert.equal((await data(ann.unfollowAccount(other.id))).following, false)
for (const decide of ['acceptFollowRequest', 'rejectFollowRequest']) {
  await ann.updateCredentials({ locked: true })
  assert.equal((await data(ben.followAccount(me.id))).requested, true)
  assert.deepEqual(await ids(ann.getFollowRequests()), [other.id])
  assert.equal((await data(ann[decide](other.id))).followed_by, decide === 'acceptFollowRequest')
  await ann.updateCredentials({ locked: false })
  await ben.unfollowAccount(me.id)
}
await ann.followAccount(other.id)
assert.equal((await data(ann.getPreferences()))['posting:default:visibility'], 'public')
assert.ok(Array.isArray(await data(ann.getSuggestions())))

// Posts
const media = await data(ann.uploadMedia(createReadStream(picture), { description: 'grey' }))
assert.equal((await data(ann.getMedia(media.id))).id, media.id)
assert.equal((await data(ann.updateMedia(media.id, { description: 'greyer' }))).description, 'greyer')
const post = await data(ann.postStatus('Hello #megalodon', { media_ids: [media.id] }))
assert.equal(post.media_attachments[0].description, 'greyer')
assert.equal((await data(ann.getStatus(post.id))).id, post.id)
assert.equal((await data(ann.editStatus(post.id, { status: 'Hello again #megalodon' }))).id, post.id)
assert.equal((await data(ann.getStatusSource(post.id))).text, 'Hello again #megalodon')
const asked = await data(ben.postStatus('Well?', { poll: { options: ['a', 'b'], expires_in: 600 } }))
assert.equal((await data(ann.getPoll(asked.poll.id))).voted, false)
assert.equal((await data(ann.votePoll(asked.poll.id, [1]))).voted, true)
const reply = await data(ben.postStatus('Hi', { in_reply_to_id: post.id }))
assert.deepEqual((await data(ann.getStatusContext(post.id))).descendants.map((one) => one.id), [reply.id])
assert.equal((await data(ann.favouriteStatus(reply.id))).favourited, true)
assert.deepEqual(await ids(ann.getFavourites()), [reply.id])
assert.deepEqual(await ids(ann.getStatusFavouritedBy(reply.id)), [me.id])
await ann.unfavouriteStatus(reply.id)
assert.equal((await data(ann.reblogStatus(reply.id))).reblog.id, reply.id)
assert.deepEqual(await ids(ann.getStatusRebloggedBy(reply.id)), [me.id])
await ann.unreblogStatus(reply.id)
assert.equal((await data(ann.bookmarkStatus(reply.id))).bookmarked, true)
assert.deepEqual(await ids(ann.getBookmarks()), [reply.id])
await ann.unbookmarkStatus(reply.id)
assert.equal((await data(ann.muteStatus(post.id))).muted, true)
await ann.unmuteStatus(post.id)
assert.equal((await data(ann.pinStatus(post.id))).pinned, true)
assert.deepEqual(await ids(ann.getAccountStatuses(me.id, { pinned: true })), [post.id])
await ann.unpinStatus(post.id)
const later = new Date(Date.now() + 86_400_000)
const planned = await data(ann.postStatus('Later', { scheduled_at: later.toISOString() }))
assert.deepEqual(await ids(ann.getScheduledStatuses()), [planned.id])
assert.equal((await data(ann.getScheduledStatus(planned.id))).params.text, 'Later')
await ann.scheduleStatus(planned.id, new Date(later.getTime() + 60_000).toISOString())
await ann.cancelScheduledStatus(planned.id)

// Timelines
for (const timeline of [
  ann.getHomeTimeline(),
  ann.getPublicTimeline(),
  ann.getLocalTimeline(),
  ann.getTagTimeline('megalodon'),
]) {
  assert.ok((await ids(timeline)).includes(post.id))
}
const list = await data(ann.createList('Friends'))
assert.equal((await data(ann.updateList(list.id, 'Good friends'))).title, 'Good friends')
await ann.addAccountsToList(list.id, [other.id])
assert.deepEqual(await ids(ann.getAccountsInList(list.id)), [other.id])
assert.deepEqual(await ids(ann.getAccountLists(other.id)), [list.id])
assert.deepEqual(await ids(ann.getLists()), [list.id])
assert.equal((await data(ann.getList(list.id))).id, list.id)
assert.ok(Array.isArray(await ids(ann.getListTimeline(list.id))))
const secret = await data(ben.postStatus(`@${Ann.username} hush`, { visibility: 'direct' }))
const conversation = (await data(ann.getConversationTimeline()))[0]
assert.equal(conversation.last_status.id, secret.id)
assert.equal((await data(ann.readConversation(conversation.id))).unread, false)
await ann.deleteConversation(conversation.id)
await ann.saveMarkers({ home: { last_read_id: post.id } })
assert.equal((await data(ann.getMarkers(['home']))).home.last_read_id, post.id)

// Filters, hashtags
const filter = await data(ann.createFilter('noise', ['home']))
assert.deepEqual(await ids(ann.getFilters()), [filter.id])
assert.equal((await data(ann.updateFilter(filter.id, 'din', ['home']))).phrase, 'din')
assert.equal((await data(ann.getFilter(filter.id))).phrase, 'din')
await ann.deleteFilter(filter.id)
assert.equal((await data(ann.followTag('megalodon'))).following, true)
assert.deepEqual((await data(ann.getFollowedTags())).map((one) => one.name), ['megalodon'])
assert.equal((await data(ann.getTag('megalodon'))).following, true)
await ann.unfollowTag('megalodon')
const featured = await data(ann.createFeaturedTag('mornings'))
assert.deepEqual(await ids(ann.getFeaturedTags()), [featured.id])
await ann.deleteFeaturedTag(featured.id)
assert.ok(Array.isArray(await data(ann.getSuggestedTags())))

// Notifications, push, search, the server
await ben.postStatus(`@${Ann.username} hello`, {})
const told_ = (await data(ann.getNotifications({ limit: 1 })))[0]
assert.equal((await data(ann.getNotification(told_.id))).type, 'mention')
await ann.dismissNotification(told_.id)
await ann.dismissNotifications()
assert.deepEqual(await data(ann.getNotifications()), [])
const subscription = {
  endpoint,
  keys: {
    p256dh: 'BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4',
    auth: 'BTBZMqHH6r4Tts7J_aSIgg',
  },
}
await ann.subscribePushNotification(subscription, { alerts: { mention: true } })
assert.equal((await data(ann.getPushSubscription())).endpoint, endpoint)
assert.equal((await data(ann.updatePushSubscription({ alerts: { follow: true } }))).alerts.follow, true)
await ann.deletePushSubscription()
assert.deepEqual((await data(ann.search(Ben.username, { type: 'accounts' }))).accounts.map((one) => one.id), [other.id])
assert.equal((await data(ann.report(other.id, { comment: 'only a test' }))).comment, 'only a test')
assert.match((await data(ann.getInstance())).version, /^4\./)
assert.equal((await data(ann.getInstanceActivity())).length, 12)
assert.ok(Array.isArray(await data(ann.getInstancePeers())))
assert.ok(Array.isArray(await data(ann.getInstanceTrends())))
assert.ok(Array.isArray(await data(ann.getInstanceDirectory())))
assert.ok(Array.isArray(await data(ann.getInstanceCustomEmojis())))
assert.ok(Array.isArray(await data(ann.getInstanceAnnouncements())))
for (const react of ['dismissInstanceAnnouncement', 'addReactionToAnnouncement', 'removeReactionFromAnnouncement']) {
  await refused(ann[react]('1', 'x'), 404)
}

// Streams
assert.match(await ann.streamingURL(), /^ws:/)
const streams = {
  userStreaming: [],
  publicStreaming: [],
  localStreaming: [],
  tagStreaming: ['megalodon'],
  listStreaming: [list.id],
}
const open = await Promise.all(Object.entries(streams).map(async ([name, of]) => [name, await ann[name](...of)]))
await Promise.all(open.map(([name, socket]) => heard((hear) => socket.on('connect', hear), name)))
const updates = open.map(([name, socket]) => heard((hear) => socket.on('update', hear), name))
const notified = heard((hear) => open[0][1].on('notification', hear), 'a notification')
const direct = await ann.directStreaming()
await heard((hear) => direct.on('connect', hear), 'direct')
const talk = heard((hear) => direct.on('conversation', hear), 'a conversation')
const said = await data(ben.postStatus(`@${Ann.username} hear #megalodon`, {}))
for (const update of await Promise.all(updates)) assert.equal(update.id, said.id)
assert.equal((await notified).status.id, said.id)
const changed = heard((hear) => open[0][1].on('status_update', hear), 'an edit')
await ben.editStatus(said.id, { status: `@${Ann.username} listen #megalodon` })
assert.equal((await changed).id, said.id)
const hushed = await data(ben.postStatus(`@${Ann.username} hush`, { visibility: 'direct' }))
assert.equal((await talk).last_status.id, hushed.id)
const gone = heard((hear) => open[0][1].on('delete', hear), 'a deletion')
await ben.deleteStatus(said.id)
assert.equal(await gone, said.id)
for (const [, socket] of [...open, ['direct', direct]]) socket.stop()
await ann.deleteAccountsFromList(list.id, [other.id])
await ann.deleteList(list.id)
assert.equal((await data(ann.deleteStatus(post.id))).id, post.id)
ann.cancel()

// What Mastodon has not, and megalodon answers itself.
const elsewhere = [
  'createEmojiReaction', 'deleteEmojiReaction', 'getEmojiReactions', 'getEmojiReaction', 'getAccountFavourites',
  'readNotifications', 'readConversations',
]
const methods = Object.getOwnPropertyNames(Object.getPrototypeOf(generator('mastodon', origin)))
const forgotten = methods.filter((name) => name !== 'constructor' && !called.has(name) && !elsewhere.includes(name))
assert.deepEqual(forgotten, [])
process.exit(0)
